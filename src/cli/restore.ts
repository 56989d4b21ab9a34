import { chownSync, closeSync, existsSync, openSync, readdirSync, writeSync } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../common/errors.ts';
import { epochOf, type Zxid } from '../common/zxid.ts';
import { Restoration } from '../server/backup/restoration.ts';
import { encodeEpoch } from '../server/storage/formats/epoch-format.ts';
import { dynamicConfigurationFiles, MEMBER_FILE, snapshotName } from '../server/storage/formats/file-names.ts';
import { LOCK_FILE, lockDirectory } from '../server/storage/instance-lock.ts';
import { sync } from './durable.ts';
import type { Place } from './place.ts';
import { inspect, type InspectedFile } from './snapshot-file.ts';

/** Where ZooKeeper keeps snapshots, logs and epochs, below dataDir and dataLogDir. */
const VERSION_DIRECTORY = 'version-2';
const BUFFER_BYTES = 256 * 1024;

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
}

/**
 * Makes a data directory one that a new ensemble begins with: the backup's tree at the backup's zxid, without the old life's
 * sessions and ephemerals; and the epochs of that moment, which say that this member's data is complete, so that it may
 * vote with `db.autocreate=false`. All of it appears at once, or nothing. Every member must get it, before any is started.
 * @returns undefined if there are data already, or have been, and `onlyIfEmpty` says that this is fine.
 * @throws CodedError ZK_SNAPSHOT_CORRUPT for a backup that is not sound, ZK_RESTORE_REFUSED where there are data, or a configuration, ZK_DATA_IN_USE
 *   where a server runs.
 */
export async function restore(
  backup: Place,
  dataDir: string,
  { dataLogDir = dataDir, onlyIfEmpty = false, sha256 }: RestoreOptions,
): Promise<Restored | undefined> {
  await mkdir(dataDir, { recursive: true });
  const lock = await lockDirectory(dataDir);
  try {
    // Somebody has cleared it. What the snapshot has is not all that this member had, which the others know.
    if (onlyIfEmpty && existsSync(join(dataDir, MEMBER_FILE))) return undefined;
    for (const directory of new Set([dataDir, dataLogDir])) {
      const used = firstFile(join(directory, VERSION_DIRECTORY));
      if (used === undefined) continue;
      if (onlyIfEmpty) return undefined;
      throw new CodedError(
        'ZK_RESTORE_REFUSED',
        `${used} is data of a server: restore into an empty data directory, or remove these data yourself`,
      );
    }
    // The server would take it for its ensemble, and not what zoo.cfg says.
    const [configuration] = dynamicConfigurationFiles(readdirSync(dataDir));
    if (configuration !== undefined) {
      throw new CodedError(
        'ZK_RESTORE_REFUSED',
        `${join(dataDir, configuration.name)} says who belonged to the ensemble of another life: remove it yourself`,
      );
    }
    const prepared = join(dataDir, `${VERSION_DIRECTORY}.restoring`);
    await rm(prepared, { recursive: true, force: true });
    await mkdir(prepared, { mode: 0o750 });
    try {
      const restored = await prepare(backup, prepared, sha256);
      await own(dataDir, prepared);
      await rename(prepared, join(dataDir, VERSION_DIRECTORY));
      await sync(dataDir);
      return restored;
    } finally {
      await rm(prepared, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

async function prepare(place: Place, directory: string, sha256: string | undefined): Promise<Restored> {
  const partial = join(directory, 'restoring');
  const output = new BufferedFile(partial);
  let restored: Restored;
  try {
    const restoration = new Restoration((bytes) => output.write(bytes));
    const backup = await inspect(place.read(), place.name, restoration);
    if (sha256 !== undefined && backup.sha256 !== sha256) {
      throw new CodedError(
        'ZK_SNAPSHOT_CORRUPT',
        `${place.name} is sound, but another file than was asked for: its SHA-256 is ${backup.sha256}, not ${sha256}`,
      );
    }
    restored = { backup, digest: restoration.end(backup.summary.zxid) };
  } finally {
    output.close();
  }
  const { zxid } = restored.backup.summary;
  await rename(partial, join(directory, snapshotName(zxid)));
  await writeEpochs(directory, zxid);
  for (const name of readdirSync(directory)) await sync(join(directory, name));
  await sync(directory);
  return restored;
}

async function writeEpochs(directory: string, zxid: Zxid): Promise<void> {
  for (const name of ['acceptedEpoch', 'currentEpoch']) {
    await writeFile(join(directory, name), encodeEpoch(epochOf(zxid)));
  }
}

/** The server that will run there is often another user than root, who restores. */
async function own(dataDir: string, prepared: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dataDir);
  const files = readdirSync(prepared).map((name) => join(prepared, name));
  for (const path of [join(dataDir, LOCK_FILE), prepared, ...files]) chownSync(path, uid, gid);
}

function firstFile(directory: string): string | undefined {
  const name = existsSync(directory) ? readdirSync(directory)[0] : undefined;
  return name === undefined ? undefined : join(directory, name);
}

/** Gathers small writes. */
class BufferedFile {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #used = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'wx', 0o640);
  }

  write(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      writeAll(this.#file, bytes);
    } else {
      this.#buffer.set(bytes, this.#used);
      this.#used += bytes.length;
    }
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#file);
    }
  }

  #flush(): void {
    writeAll(this.#file, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
