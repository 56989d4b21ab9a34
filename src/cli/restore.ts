import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '../common/errors.ts';
import { epochOf, type Zxid } from '../common/zxid.ts';
import { Restoration } from '../server/backup/restoration.ts';
import { encodeEpoch } from '../server/storage/formats/epoch-format.ts';
import { dynamicConfigurationFiles, MEMBER_FILE, snapshotName } from '../server/storage/formats/file-names.ts';
import { LOCK_FILE, lockDirectory } from '../server/storage/instance-lock.ts';
import { diskAdvice } from './disk-advice.ts';
import { BufferedFile, makeDirectory, sync } from './durable.ts';
import { interruptible } from './interruption.ts';
import type { Place } from './place.ts';
import { inspect, type InspectedFile } from './snapshot-file.ts';

/** Where ZooKeeper keeps snapshots, logs and epochs, below dataDir and dataLogDir. */
const VERSION_DIRECTORY = 'version-2';
const FILE_MODE = 0o640;

/** What was put into a data directory. */
export interface Restored {
  readonly backup: InspectedFile;
  /** Digest version 2 of the tree that the member begins with: the backup's without its ephemerals. */
  readonly digest: bigint;
}

/** What {@link restore} may be told. */
export interface RestoreOptions {
  /** Where zoo.cfg has it apart from dataDir. */
  readonly dataLogDir?: string | undefined;
  /** Data that are there already are no failure: nothing is done. */
  readonly onlyIfEmpty?: boolean | undefined;
  /** What the stored file must have as its checksum, in hexadecimal. */
  readonly sha256?: string | undefined;
  /** Aborted by somebody who wants an end to it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a data directory one that a new ensemble begins with: the backup's tree at the backup's zxid, without the old life's
 * sessions and ephemerals; and the epochs of that moment, which say that this member's data is complete, so that it may
 * vote with `db.autocreate=false`. All of it appears at once, or nothing. Every member must get it, before any is started.
 * @returns undefined if there are data already, or have been, and `onlyIfEmpty` says that this is fine.
 * @throws CodedError ZK_SNAPSHOT_CORRUPT for a backup that is not sound, ZK_RESTORE_REFUSED where there are data, or a configuration,
 *   ZK_DATA_IN_USE where a server runs, ZK_STORAGE_FAILED where the disk does not do it.
 */
export async function restore(backup: Place, dataDir: string, options: RestoreOptions): Promise<Restored | undefined> {
  try {
    makeDirectory(dataDir);
    const lock = await lockDirectory(dataDir);
    try {
      return await restoreLocked(backup, dataDir, options);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw isOfDisk(error) ? explained(error, dataDir) : error;
  }
}

async function restoreLocked(
  backup: Place,
  dataDir: string,
  { dataLogDir = dataDir, onlyIfEmpty, sha256, signal }: RestoreOptions,
): Promise<Restored | undefined> {
  own(join(dataDir, LOCK_FILE));
  // Somebody has cleared it. What the snapshot has is not all that this member had, which the others know.
  if (onlyIfEmpty === true && existsSync(join(dataDir, MEMBER_FILE))) return undefined;
  for (const directory of new Set([dataDir, dataLogDir])) {
    const used = firstFile(join(directory, VERSION_DIRECTORY));
    if (used === undefined) continue;
    if (onlyIfEmpty === true) return undefined;
    throw refused(`${used} is data of a server: restore into an empty data directory, or remove these data yourself`);
  }
  // The server would take it for its ensemble, and not what zoo.cfg says.
  const [configuration] = dynamicConfigurationFiles(readdirSync(dataDir));
  if (configuration !== undefined) {
    throw refused(
      `${join(dataDir, configuration.name)} says who belonged to the ensemble of another life: remove it yourself`,
    );
  }
  const target = join(dataDir, VERSION_DIRECTORY);
  if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    throw refused(`${target} is a symbolic link, which cannot be replaced all at once: remove it`);
  }
  const prepared = `${target}.restoring`;
  rmSync(prepared, { recursive: true, force: true });
  try {
    mkdirSync(prepared, { mode: 0o750 });
    own(prepared);
    const restored = await prepare(backup, prepared, sha256, signal);
    sync(prepared);
    renameSync(prepared, target);
    sync(dataDir);
    return restored;
  } finally {
    rmSync(prepared, { recursive: true, force: true });
  }
}

async function prepare(
  place: Place,
  directory: string,
  sha256: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Restored> {
  const partial = join(directory, 'restoring');
  const output = new BufferedFile(partial, FILE_MODE);
  let restored: Restored;
  try {
    own(partial);
    const restoration = new Restoration((bytes) => output.write(bytes));
    const backup = await inspect(interruptible(place.read(), signal), place.name, restoration);
    if (sha256 !== undefined && backup.sha256 !== sha256) {
      throw new CodedError(
        'ZK_SNAPSHOT_CORRUPT',
        `${place.name} is sound, but another file than was asked for: its SHA-256 is ${backup.sha256}, not ${sha256}`,
      );
    }
    restored = { backup, digest: restoration.end(backup.summary.zxid) };
    output.finish();
  } finally {
    output.close();
  }
  const { zxid } = restored.backup.summary;
  renameSync(partial, join(directory, snapshotName(zxid)));
  writeEpochs(directory, zxid);
  return restored;
}

function writeEpochs(directory: string, zxid: Zxid): void {
  for (const name of ['acceptedEpoch', 'currentEpoch']) {
    const path = join(directory, name);
    const file = new BufferedFile(path, FILE_MODE);
    try {
      own(path);
      file.write(encodeEpoch(epochOf(zxid)));
      file.finish();
    } finally {
      file.close();
    }
  }
}

/** Gives it to whose directory it is in: the server that will run there is often another user than root, who restores. */
function own(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}

function firstFile(directory: string): string | undefined {
  const name = existsSync(directory) ? readdirSync(directory)[0] : undefined;
  return name === undefined ? undefined : join(directory, name);
}

function refused(message: string): CodedError {
  return new CodedError('ZK_RESTORE_REFUSED', message);
}

/** True for what the operating system says of a file. */
function isOfDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && !(error instanceof CodedError);
}

function explained(error: NodeJS.ErrnoException, dataDir: string): CodedError {
  const help =
    error.code === 'EBUSY'
      ? `something is mounted at ${VERSION_DIRECTORY}, which cannot be replaced: mount it at the data directory`
      : diskAdvice(error.code, 'it takes about the unpacked size of the snapshot');
  return new CodedError(
    'ZK_STORAGE_FAILED',
    `restoring into ${dataDir}: ${error.message}: ${help ?? 'see what is wrong with that, and restore again'}`,
    { cause: error },
  );
}
