import type { Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';

/**
 * A directory of files, as small as the storage needs. `NodeDisk` is the real one; the simulator has one that tears
 * writes and loses what was not synced. Everything is synchronous: the real one lives in a worker thread of its own, so
 * that an fdatasync never holds up the event loop that serves clients.
 *
 * Every method throws CodedError ZK_STORAGE_FAILED when the disk refuses; the storage then is finished (fail-stop: after a
 * failed fsync nobody knows what is on the disk).
 */
export interface Disk {
  /** Names of the files, in no order. */
  list(): readonly string[];
  exists(name: string): boolean;
  /** The file's bytes from `offset`, at most `length`. */
  read(name: string, offset: number, length: number): Uint8Array;
  size(name: string): number;
  /** Opens for writing; creates the file if it is not there. */
  open(name: string): DiskFile;
  /** Atomic: afterwards `to` is the old `from`. Durable after `syncDirectory`. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  syncDirectory(): void;
}

/** A file open for writing. */
export interface DiskFile {
  /** Writes all of the parts, one behind the other, at `offset`. */
  write(offset: number, parts: readonly Uint8Array[]): void;
  /** Makes written data (and a changed size) durable. */
  sync(): void;
  truncate(size: number): void;
  close(): void;
}

/** A consistent snapshot of the state, taken apart into chunks as it is asked for. */
export interface SnapshotSource {
  readonly zxid: Zxid;
  /** The next chunk of the body (sessions, ACLs, znodes, "/"), or undefined at the end. About `maxBytes` long. */
  next(maxBytes: number): Uint8Array | undefined;
  /** After the last chunk: the digest of the tree (ZooKeeper's digest version 2), if it is kept. */
  digest(): bigint | undefined;
}

/** One thing to make durable. The same as ZAB's operations, with the snapshot's source filled in. */
export type StorageOperation =
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'acceptedEpoch'; readonly epoch: number }
  | { readonly type: 'currentEpoch'; readonly epoch: number }
  | { readonly type: 'installSnapshot'; readonly source: SnapshotSource }
  /** Cuts the log behind `zxid` (and removes snapshots beyond it). */
  | { readonly type: 'truncate'; readonly zxid: Zxid };

/** What a start or a reload finds. */
export interface Recovery {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** True if there was neither a snapshot nor a log entry. */
  readonly empty: boolean;
  /** What was found damaged and left aside, for the log: torn tails, corrupt snapshots. */
  readonly warnings: readonly string[];
}

/** Receives the state during {@link Storage.recover}: first the newest good snapshot (if any), then every entry after it. */
export interface RecoveryReceiver {
  /** A new attempt begins (also after a snapshot turned out to be damaged): forget what came before. */
  begin(): void;
  /** Bytes of the snapshot's body, in order. Throwing means: damaged, try the one before. */
  snapshotChunk(bytes: Uint8Array): void;
  snapshotEnd(zxid: Zxid, digest: bigint | undefined): void;
  entry(entry: LogEntry): void;
}

/** Everything durable of one server. Operations complete first in, first out. */
export interface Storage {
  /** Reads the disk, synchronously: at start, and again after a truncate. */
  recover(receiver: RecoveryReceiver): Recovery;
  /** Queues the operations; `done` runs once they, and all before them, are durable. */
  persist(operations: readonly StorageOperation[], done: () => void): void;
  /** Writes a snapshot beside the log, in slices, without holding up `persist`; then purges what is no longer needed. */
  saveSnapshot(source: SnapshotSource, done: () => void): void;
  close(): Promise<void>;
}
