import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, statSync, statfsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FORMED_VARIABLE } from '../../common/environment.ts';
import { CodedError } from '../../common/errors.ts';
import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { idFromHostName, parseMyId } from '../config/own-server.ts';
import type { ZooConfig } from '../config/zoo-cfg.ts';
import { INITIALIZE_FILE, MEMBER_FILE, snapshotFiles } from '../storage/formats/file-names.ts';
import * as initialization from '../storage/initialization.ts';
import { NodeDisk } from '../storage/node-disk.ts';

/** Where ZooKeeper keeps snapshots, logs and epochs, below dataDir and dataLogDir. */
export const VERSION_DIRECTORY = 'version-2';

/**
 * Makes the data directories if they are missing and zoo.cfg lets it.
 * @throws CodedError ZK_STORAGE_FAILED; ZK_STORAGE_MISSING where the log of a member is gone, and its snapshots are not.
 */
export function prepareDirectories(config: ZooConfig): void {
  for (const directory of new Set([config.dataDir, config.dataLogDir])) {
    try {
      if (config.createDirectories) mkdirSync(directory, { recursive: true });
      accessSync(directory, constants.R_OK | constants.W_OK);
    } catch (error) {
      throw new CodedError(
        'ZK_STORAGE_FAILED',
        `cannot use the data directory ${directory} (${reasonOf(error)}): make it and let this user write to it, or change dataDir or dataLogDir`,
        { cause: error },
      );
    }
  }
  refuseLostLog(config);
}

/**
 * A log on a volume of its own can be lost alone. What the snapshots have would then pass for all that this server has acknowledged. A log
 * may be empty, but its directory is there before anybody is a member.
 */
function refuseLostLog({ dataDir, dataLogDir }: ZooConfig): void {
  const isMember =
    existsSync(join(dataDir, MEMBER_FILE)) && existsSync(join(dataDir, VERSION_DIRECTORY, 'currentEpoch'));
  if (!isMember || existsSync(join(dataLogDir, VERSION_DIRECTORY))) return;
  throw new CodedError(
    'ZK_STORAGE_MISSING',
    `the log of this member is not in ${dataLogDir}: if it is elsewhere, move its ${VERSION_DIRECTORY} there, or correct dataLogDir; if it is ` +
      `lost and other members have the data, empty ${join(dataDir, VERSION_DIRECTORY)} as well and let it synchronize from the leader; to begin ` +
      `anew all the same, remove ${join(dataDir, MEMBER_FILE)}`,
  );
}

/**
 * This server's id: from the host name if that is asked for, else from `myid`; undefined if there is no such file.
 * @throws CodedError ZK_CONFIG_INVALID for an id that is none.
 */
export function readServerId(dataDir: string, fromHostName: boolean): ServerId | undefined {
  if (fromHostName) return idFromHostName(hostname());
  const file = join(dataDir, 'myid');
  const text = readIfThere(file);
  return text === undefined ? undefined : parseMyId(text, file);
}

/**
 * Whether this server may vote from its start: always with db.autocreate; else if it has been a member before, which is
 * what its `currentEpoch` says (data alone may be half of a first synchronization), or if an `initialize` file allows it
 * to begin a new ensemble.
 */
export function mayVote(config: ZooConfig): boolean {
  if (config.votesWithoutData) return true;
  const { dataDir } = config;
  return existsSync(join(dataDir, VERSION_DIRECTORY, 'currentEpoch')) || existsSync(join(dataDir, INITIALIZE_FILE));
}

/** So many times a log between two snapshots must fit: four are kept with their logs, and half of the volume stays for the snapshots. */
const LOGS_PER_VOLUME = 16;

/** The largest log between two snapshots, in bytes, however large the volume; as in ZooKeeper (`snapSizeLimitInKb`). */
const LOG_MAX_BYTES = 4 * 1024 ** 3;

/** After how many bytes of log a snapshot must be taken for the volume not to fill up; what is behind old ones is purged. */
export function logBytesMax({ dataLogDir }: ZooConfig): number {
  const { blocks, bsize } = statfsSync(dataLogDir);
  return Math.min(LOG_MAX_BYTES, (blocks * bsize) / LOGS_PER_VOLUME);
}

/** The newest snapshot on the disk, saved or received; undefined if there is none. */
export function newestSnapshot(dataDir: string): { readonly zxid: Zxid; readonly savedAtSeconds: number } | undefined {
  const directory = join(dataDir, VERSION_DIRECTORY);
  for (const { name, zxid } of snapshotFiles(readdirSync(directory))) {
    const status = statSync(join(directory, name), { throwIfNoEntry: false });
    // It may just have been purged.
    if (status !== undefined) return { zxid, savedAtSeconds: Math.floor(status.mtimeMs / 1000) };
  }
  return undefined;
}

/**
 * Writes the `initialize` file if there is no data at all: beside data it would only be there for the day they are lost. Nor does
 * it where there have been data: who started a server so once may still start it so when somebody has cleared its directory, or when its
 * whole disk is another one. Of the former a file tells, of the latter whoever starts it.
 *
 * @param isFormed The ensemble has been formed, so that every member had data.
 * @returns what is to be warned of
 * @throws CodedError ZK_STORAGE_FAILED
 */
export function allowInitialization(config: ZooConfig, isFormed: boolean): string | undefined {
  const memberFile = join(config.dataDir, MEMBER_FILE);
  const directories = [config.dataDir, config.dataLogDir].map((directory) => join(directory, VERSION_DIRECTORY));
  const empty = directories.every((directory) => !existsSync(directory) || readdirSync(directory).length === 0);
  if (!empty) return undefined;
  const lost =
    'this server had data, and must not vote before it has got them from the others; to begin anew all the same,';
  if (isFormed) {
    return `--initialize means nothing any more: the ensemble has been formed, ${lost} start it without ${FORMED_VARIABLE}`;
  }
  if (existsSync(memberFile)) return `--initialize means nothing: ${lost} remove ${memberFile}`;
  initialization.allow(new NodeDisk(config.dataDir));
  return undefined;
}

/**
 * The ensemble exists: from now on an empty disk is a lost one, which must not vote. Durable when this returns.
 * @throws CodedError ZK_STORAGE_FAILED
 */
export function endInitialization(config: ZooConfig): void {
  initialization.end(new NodeDisk(config.dataDir), !config.votesWithoutData);
}

/** The file's text, or undefined if there is no such file. @throws CodedError ZK_STORAGE_FAILED if it cannot be read. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CodedError('ZK_STORAGE_FAILED', `cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
