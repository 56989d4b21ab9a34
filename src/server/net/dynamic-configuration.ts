import { closeSync, fsyncSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Ensemble } from '../config/ensemble.ts';
import { readEnsemble } from '../config/reconfiguration.ts';
import type { ZooConfig } from '../config/zoo-cfg.ts';
import { dynamicConfigurationFiles, dynamicConfigurationName } from '../storage/formats/file-names.ts';

// The configuration that the last reconfiguration led to: `zoo.cfg.dynamic.<version>` in dataDir, with ZooKeeper's
// content. ZooKeeper writes it beside zoo.cfg, which it changes to name it; in a container zoo.cfg cannot be written, and
// the data directory is what stays with a member.

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
  const [newest] = dynamicConfigurationFiles(readdirSync(dataDir));
  if (newest === undefined) return undefined;
  const text = readFileSync(join(dataDir, newest.name), 'utf8');
  return readEnsemble(`${text}\nversion=${newest.zxid.toString(16)}`);
}

/**
 * Writes it, durably, and removes older ones.
 * @throws CodedError ZK_STORAGE_FAILED
 */
export function writeDynamicConfiguration(dataDir: string, text: string, version: Zxid): void {
  const file = join(dataDir, dynamicConfigurationName(version));
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
    for (const { name, zxid } of dynamicConfigurationFiles(readdirSync(dataDir))) {
      if (zxid < version) rmSync(join(dataDir, name), { force: true });
    }
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
