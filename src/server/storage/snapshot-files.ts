import { CodedError, assert } from '../../common/errors.ts';
import { formatZxid, type Zxid } from '../../common/zxid.ts';
import type { SnapshotFileName } from './formats/file-names.ts';
import { logFiles, snapshotFiles } from './formats/file-names.ts';
import { SnapshotDecoder, SnapshotEncoder, digestAt } from './formats/snapshot-format.ts';
import { WindowedFile } from './windowed-file.ts';
import type { Disk, DiskFile, StorageDisks } from './types.ts';

/** Bytes after which a snapshot being written is synced, so that the last sync has little left to do. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/** Why a snapshot is given up that the disk had room for. */
export const OUT_OF_DATE = "the log was truncated or a leader's snapshot installed meanwhile";

/** The warning about a snapshot that was not saved. What there is of its file, the next start removes. */
export function givenUp(zxid: Zxid, reason: string): string {
  return `the snapshot at ${formatZxid(zxid)} was given up, the log still has everything: ${reason}`;
}

/** Unpacks a whole compressed file. */
export type Unpack = (bytes: Uint8Array) => Uint8Array;

/** What reads the packed snapshots that Apache ZooKeeper can be told to write; we write plain ones. */
export interface Unpackers {
  readonly gzip: Unpack;
  readonly snappy: Unpack;
}

/** Writes one snapshot file under a name of its own; whoever asked for it renames it once it is whole. */
export class SnapshotWriter {
  readonly #encoder = new SnapshotEncoder();
  readonly #disk: Disk;
  readonly #name: string;
  readonly #zxid: Zxid;
  #file: DiskFile | undefined;
  #size = 0;
  #synced = 0;

  constructor(disk: Disk, name: string, zxid: Zxid) {
    this.#disk = disk;
    this.#name = name;
    this.#zxid = zxid;
    if (disk.exists(name)) disk.remove(name);
    this.#file = disk.open(name);
    this.#write(this.#encoder.header());
  }

  /** A piece of the body. */
  push(chunk: Uint8Array): void {
    this.#write(this.#encoder.body(chunk));
    if (this.#size - this.#synced < SYNC_EVERY_BYTES) return;
    this.#file?.sync();
    this.#synced = this.#size;
  }

  /** The body is whole. When it returns, the file's content is durable; its name not yet. Returns its size. */
  finish(digest: bigint | undefined): number {
    this.#write(this.#encoder.trailer(this.#zxid, digest));
    this.#file?.sync();
    this.#close();
    return this.#size;
  }

  /** Gives up, also after {@link finish}: the file is gone. */
  abandon(): void {
    this.#close();
    if (this.#disk.exists(this.#name)) this.#disk.remove(this.#name);
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #write(bytes: Uint8Array): void {
    assert(this.#file !== undefined, `${this.#name} is written to after its end`);
    this.#file.write(this.#size, [bytes]);
    this.#size += bytes.length;
  }
}

/**
 * Reads a snapshot: `onBody` gets the body in pieces, and may throw for a body that cannot be right.
 * @throws CodedError ZK_SNAPSHOT_CORRUPT
 */
export function readSnapshot(
  disk: Disk,
  snapshot: Pick<SnapshotFileName, 'name' | 'zxid' | 'packing'>,
  unpackers: Unpackers,
  onBody: (bytes: Uint8Array) => void,
): { readonly digest: bigint | undefined } {
  const decoder = new SnapshotDecoder(snapshot.name, onBody);
  if (snapshot.packing === 'plain') {
    const file = new WindowedFile(disk, snapshot.name);
    for (let at = 0; at < file.size; at += READ_BYTES) decoder.push(file.read(at, READ_BYTES));
  } else {
    decoder.push(unpack(disk, snapshot.name, unpackers[snapshot.packing]));
  }
  return { digest: digestAt(decoder.end(), snapshot.zxid) };
}

/** True if every seal of a plain snapshot file fits. */
export function isWholeSnapshot(disk: Disk, file: { name: string; zxid: Zxid }): boolean {
  const unpack = (bytes: Uint8Array): Uint8Array => bytes;
  try {
    readSnapshot(disk, { ...file, packing: 'plain' }, { gzip: unpack, snappy: unpack }, () => undefined);
    return true;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'ZK_SNAPSHOT_CORRUPT') return false;
    throw error;
  }
}

function unpack(disk: Disk, name: string, how: Unpack): Uint8Array {
  const packed = disk.read(name, 0, disk.size(name));
  try {
    return how(packed);
  } catch (cause) {
    throw new CodedError('ZK_SNAPSHOT_CORRUPT', `snapshot ${name} cannot be unpacked: ${String(cause)}`, { cause });
  }
}

/**
 * Removes all but the newest `kept` snapshots, and every log file that none of these needs: one is needed unless the
 * next file begins at or before the entry that follows the oldest snapshot. Oldest files go first, so that a crash in
 * between leaves a log without a hole.
 */
export function purge(disks: StorageDisks, kept: number): void {
  const snapshots = snapshotFiles(disks.snapshots.list());
  const oldest = snapshots[kept - 1];
  if (oldest === undefined) return;
  const logs = logFiles(disks.logs.list());
  const unneeded = logs.filter((_log, at) => (logs[at + 1]?.zxid ?? Infinity) <= oldest.zxid + 1);
  for (const { name } of snapshots.slice(kept).reverse()) disks.snapshots.remove(name);
  for (const { name } of unneeded) disks.logs.remove(name);
}
