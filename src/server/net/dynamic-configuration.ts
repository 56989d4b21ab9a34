import { closeSync, fsyncSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Ensemble } from '../config/ensemble.ts';
import { readEnsemble } from '../config/reconfiguration.ts';
import type { ZooConfig } from '../config/zoo-cfg.ts';

/**
 * The configuration that the last reconfiguration led to: `zoo.cfg.dynamic.<version>` in dataDir, with ZooKeeper's
 * content. ZooKeeper writes it beside zoo.cfg, which it changes to name it; in a container zoo.cfg cannot be written, and
 * the data directory is what stays with a member.
 */
const NAME = /^zoo\.cfg\.dynamic\.([0-9a-f]{1,14})$/;

/** Who belongs to the ensemble: what the last reconfiguration led to, if that is newer than zoo.cfg. */
export function newerEnsemble({ dataDir, ensemble, standalone }: ZooConfig): Ensemble {
  const saved = standalone ? undefined : readDynamicConfiguration(dataDir);
  return saved !== undefined && saved.version > ensemble.version ? saved : ensemble;
}

/**
 * The newest configuration that was written; undefined if there is none.
 * @throws CodedError ZK_CONFIG_INVALID for a file that cannot be understood.
 */
export function readDynamicConfiguration(dataDir: string): Ensemble | undefined {
  const [newest] = versionsIn(dataDir);
  if (newest === undefined) return undefined;
  const text = readFileSync(fileOf(dataDir, newest), 'utf8');
  return readEnsemble(`${text}\nversion=${newest.toString(16)}`);
}

/**
 * Writes it, durably, and removes older ones.
 * @throws CodedError ZK_STORAGE_FAILED
 */
export function writeDynamicConfiguration(dataDir: string, text: string, version: Zxid): void {
  const file = fileOf(dataDir, version);
  try {
    const lines = text.split('\n').filter((line) => !line.startsWith('version='));
    const temporary = `${file}.tmp`;
    withFile(temporary, 'w', (descriptor) => {
      // All of it, or an error: a file that a full disk cuts off would name a smaller ensemble.
      writeFileSync(descriptor, `${lines.join('\n')}\n`);
      fsyncSync(descriptor);
    });
    renameSync(temporary, file);
    withFile(dataDir, 'r', (descriptor) => fsyncSync(descriptor));
    for (const older of versionsIn(dataDir)) if (older < version) rmSync(fileOf(dataDir, older), { force: true });
  } catch (error) {
    throw new CodedError(
      'ZK_STORAGE_FAILED',
      `cannot write ${file} (${String(error)}): make room, or let this user write to it`,
      {
        cause: error,
      },
    );
  }
}

function withFile(path: string, flags: string, use: (descriptor: number) => void): void {
  const descriptor = openSync(path, flags);
  try {
    use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const fileOf = (dataDir: string, version: Zxid): string => join(dataDir, `zoo.cfg.dynamic.${version.toString(16)}`);

/** Newest first. */
function versionsIn(dataDir: string): Zxid[] {
  return readdirSync(dataDir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map((version) => Number.parseInt(version, 16))
    .sort((a, b) => b - a);
}
