import type { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { StorageMetrics } from './counters.ts';

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
  /** The file's bytes from `offset`, at most `length`, in memory of their own. */
  read(name: string, offset: number, length: number): Uint8Array;
  size(name: string): number;
  /** Opens for writing; creates the file if it is not there. */
  open(name: string): DiskFile;
  /** Atomic: afterwards `to` is the old `from`. Durable after `syncDirectory`. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  syncDirectory(): void;
}

/**
 * The two directories of a server: `version-2` of dataDir, with snapshots and epochs, and `version-2` of dataLogDir, with
 * the log. The same object where there is only one.
 */
export interface StorageDisks {
  readonly snapshots: Disk;
  readonly logs: Disk;
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
  /** The zxid of the last entry of snapshot and log; 0 if there is none. */
  readonly lastZxid: Zxid;
  /** The snapshot that was read. */
  readonly snapshotZxid: Zxid | undefined;
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

/**
 * Everything durable of one server. Operations complete first in, first out. After a failure nothing completes any more:
 * `onFailure` was called, and the process has to stop.
 */
export interface Storage {
  /**
   * Reads the disk, synchronously: at start, before anything else, and again after a truncate is done, with nothing queued.
   * @throws CodedError ZK_LOG_CORRUPT, ZK_SNAPSHOT_CORRUPT, ZK_STORAGE_MISSING where starting could lose what was
   *   acknowledged: the process has to stop and say so.
   */
  recover(receiver: RecoveryReceiver): Recovery;
  /**
   * Queues the operations; `done` runs once they, and all before them, are durable. What is queued while a sync runs is
   * synced together. Entries must follow one another without a gap (a later epoch begins with counter 1).
   */
  persist(operations: readonly StorageOperation[], done: () => void): void;
  /**
   * Writes a snapshot beside the log, in slices, without holding up `persist`; then purges what is no longer needed. One
   * at a time. `done` gets false if it was given up: the log was truncated or a leader's snapshot installed meanwhile, or
   * the disk had no room; the log then still holds everything.
   */
  saveSnapshot(source: SnapshotSource, done: (saved: boolean) => void): void;
  metrics(): StorageMetrics;
  /** Ends once everything queued is durable. */
  close(): Promise<void>;
}

/** What every storage is told. */
export interface StorageEvents {
  /**
   * The state of a new ensemble: what an empty database's snapshot is, at zxid 0. It is written before the first log entry of an
   * empty disk, because a log without a snapshot means (also to Apache ZooKeeper) that the snapshots were lost.
   */
  readonly initialState: () => SnapshotSource;
  /** Nothing can be made durable any more; called once. Stop the process without another word to anybody. */
  readonly onFailure: (error: CodedError) => void;
  /** Something that people should know: a slow sync, a snapshot given up. */
  readonly onWarning: (message: string) => void;
}
