import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { JuteWriter } from '../protocol/jute-writer.ts';
import type { Acl, Identity, Stat } from '../protocol/records.ts';
import type { Txn, TxnHeader } from '../protocol/transactions.ts';

/**
 * The replicated state of a server: znodes, sessions, and what is derived from them; and, beside it, the watches of this
 * server's own clients. Pure and deterministic: the same transactions give the same state, byte for byte, on every
 * member.
 */
export interface Database {
  /** The zxid of the last transaction applied (0 at the beginning). */
  readonly lastZxid: Zxid;
  /** As ZooKeeper counts, which has the root twice: a new database has 5. */
  readonly znodeCount: number;
  readonly ephemeralCount: number;
  /** Bytes of paths and data, as ZooKeeper's approximate_data_size. */
  readonly dataBytes: number;
  /** Session id -> granted timeout in milliseconds. */
  readonly sessions: ReadonlyMap<SessionId, number>;
  readonly watches: Watches;

  /**
   * Applies one transaction, fires the watches it touches (through the sink given at construction), and says what the
   * client is told. A transaction never fails half-way; `result.error` is the code of ErrorTxn or of a part of a
   * multi.
   */
  apply(header: TxnHeader, txn: Txn): ApplyResult;

  /** The znode at a path, or undefined. Valid until the next `apply`. */
  znode(path: string): Znode | undefined;
  /** How many znodes there are below a path (getAllChildrenNumber); walks them all. 0 where there is no znode. */
  descendantCount(path: string): number;
  /** The path's longest prefix that has a quota (the path itself included), or undefined; never the root. */
  quotaPath(path: string): string | undefined;
  /** The paths of a session's ephemerals: a new set at every call. */
  ephemerals(session: SessionId): ReadonlySet<string>;
  /** All containers and all TTL znodes (for the leader's reaper). Valid until the next `apply`. */
  containers(): Iterable<Znode>;
  ttlZnodes(): Iterable<Znode>;

  /**
   * Writes the ensemble's configuration into `/zookeeper/config`, which every server does for itself when it starts, outside of
   * any transaction and of the digest (ZKDatabase.initConfigInZKDatabase). A reconfiguration is a transaction.
   */
  setConfig(text: string, version: Zxid, timeMs: number): void;

  /**
   * A consistent snapshot of the state as it is now. Reading it chunk by chunk while transactions are applied gives the
   * state of this moment (copy on write); several may be open. `close` ends one that will not be read to its end.
   */
  snapshot(): DatabaseSnapshot;
  /** Forgets everything: the state of a server that has never applied a transaction. The watches stay. */
  clear(): void;
  /** Takes in a snapshot's body in pieces of any size and replaces the whole state at the end. */
  loader(): SnapshotLoader;
  /** Digest version 2 of the whole tree (see ZooKeeper's DigestCalculator), or undefined where it is not kept. */
  digest(): bigint | undefined;
}

/**
 * One znode, for reading: a window on the tree's own memory, cheap to get and valid until the next `apply`. What is
 * taken from it (`stat`, `acl`, names) stays as it was; `data` is memory of the tree and is to be copied where it is
 * kept.
 */
export interface Znode {
  /** Made anew at every call. */
  readonly path: string;
  /** Null where the client gave no data (length -1 on the wire). Not to be changed, not to be kept. */
  readonly data: Uint8Array | null;
  /** 0 for null. */
  readonly dataLength: number;
  readonly acl: readonly Acl[];
  /** A new object at every call; single fields are below. */
  readonly stat: Stat;
  readonly mzxid: Zxid;
  readonly pzxid: Zxid;
  readonly mtimeMs: number;
  readonly version: number;
  readonly aversion: number;
  /** As stored: counts creates; what sequence numbers are made of. */
  readonly storedCversion: number;
  /** As stored: the session, or the mark of a container or TTL znode. */
  readonly storedEphemeralOwner: SessionId;
  readonly children: ZnodeChildren;
  /** The data as a reply holds it, length before it. */
  writeData(writer: JuteWriter): void;
  /** The Stat as a reply holds it; the same as `stat`, without making an object. */
  writeStat(writer: JuteWriter): void;
  /** The names of the children as a reply holds them, count before them; none of them becomes a string. */
  writeChildNames(writer: JuteWriter): void;
}

/** Names of the children, in the order of their creation. */
export interface ZnodeChildren extends Iterable<string> {
  readonly size: number;
  has(name: string): boolean;
}

/** What became of a transaction, for the answer to the client (ProcessTxnResult). */
export interface ApplyResult {
  /** The header's type; in a multi that of the part. */
  readonly type: number;
  readonly error: number;
  readonly path: string | undefined;
  /** For create2, createContainer, createTTL, setData, setACL. */
  readonly stat: Stat | undefined;
  /** For a multi: one for each part. */
  readonly parts: readonly ApplyResult[] | undefined;
}

export interface DatabaseSnapshot {
  readonly zxid: Zxid;
  /** How many bytes all pieces together have. */
  readonly bodyBytes: number;
  next(maxBytes: number): Uint8Array | undefined;
  digest(): bigint | undefined;
  close(): void;
}

export interface SnapshotLoader {
  /** @throws CodedError ZK_SNAPSHOT_CORRUPT where the bytes cannot be a snapshot. */
  push(bytes: Uint8Array): void;
  /** The snapshot is whole: it becomes the state at this zxid. @throws CodedError ZK_SNAPSHOT_CORRUPT if it is not whole, or the digest differs. */
  finish(zxid: Zxid, digest: bigint | undefined): void;
}

/** Identifies who watches: one client connection. */
export type Watcher = number;

/** What a watch is for. */
export type WatchKind = 'data' | 'children' | 'persistent' | 'persistentRecursive';

/** Which watches a question or a removal is about (WatcherType). */
export type WatchSelection = WatchKind | 'any';

/** The watches of this server's clients. Data and existence watches share one table, as in ZooKeeper. */
export interface Watches {
  /** As ZooKeeper counts: a persistent watch is in both tables and counts twice. */
  readonly count: number;
  /** How much memory all of them take, in bytes, as good as can be told. */
  readonly bytes: number;
  /** How much of it a watcher's take, each of their paths counted as if nobody else watched it. */
  bytesOf(watcher: Watcher): number;
  /** How much more a watcher would have with a watch on this path; 0 if it has one already. */
  bytesToAdd(path: string, watcher: Watcher): number;
  add(kind: WatchKind, path: string, watcher: Watcher): void;
  has(selection: WatchSelection, path: string, watcher: Watcher): boolean;
  /** True if there was such a watch. */
  remove(selection: WatchSelection, path: string, watcher: Watcher): boolean;
  /** The paths that a watcher watches. */
  pathsOf(watcher: Watcher): readonly string[];
  /** How many paths are watched, and how many watchers there are. */
  readonly pathCount: number;
  readonly watcherCount: number;
  /** The connection ended. */
  removeWatcher(watcher: Watcher): void;
}

/**
 * Called during `apply`, once for each watched path that an event concerns, with each watcher once. `acl` is the ACL
 * that the znode has (had, when deleted), for filtering by the watcher's permission to read; `zxid` the transaction's.
 */
export type WatchSink = (event: WatchEvent, watchers: readonly Watcher[], acl: readonly Acl[]) => void;

export interface WatchEvent {
  /** An EventType. */
  readonly type: number;
  readonly path: string;
  readonly zxid: Zxid;
}

/** True if one of the identities has one of the permissions (PrepRequestProcessor.checkACL's rules). */
export type AclCheck = (acl: readonly Acl[], perm: number, identities: readonly Identity[]) => boolean;
