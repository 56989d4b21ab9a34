import { Applier } from './apply.ts';
import type { DataTree, NodeId, TreeOptions } from './data-tree.ts';
import type { PathKey } from './path-key.ts';
import { walk } from './quotas.ts';
import { StateLoader } from './snapshot-loader.ts';
import { StateSnapshot } from './snapshot-writer.ts';
import { initialState, setConfig, type State } from './state.ts';
import type { ApplyResult, Database, DatabaseSnapshot, SnapshotLoader, WatchSink, Znode } from './types.ts';
import { ClientWatches } from './watches.ts';
import { TreeZnode } from './znode.ts';
import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Txn, TxnHeader } from '../protocol/transactions.ts';

/** What a database is made with. */
export interface DatabaseOptions {
  readonly watchSink: WatchSink;
  /** Keep the digest of the tree up to date, at the cost of a checksum of what each transaction touches. */
  readonly keepDigest?: boolean;
  /**
   * A 32-bit integer, to be drawn at random in production: clients who know it could make up paths that all hash the same. Nothing
   * else depends on it.
   */
  readonly hashSeed?: number;
}

/** A database with the znodes that every ZooKeeper server begins with. */
export function createDatabase(options: DatabaseOptions): Database {
  return new TreeDatabase(options);
}

class TreeDatabase implements Database {
  readonly watches: ClientWatches;
  readonly #options: TreeOptions;
  readonly #applier: Applier;
  readonly #key: PathKey;
  #state: State;

  constructor({ watchSink, keepDigest = false, hashSeed = 0 }: DatabaseOptions) {
    this.#options = { keepDigest, hashSeed };
    this.#state = initialState(this.#options);
    this.#key = this.#tree.newKey();
    this.watches = new ClientWatches(watchSink, this.#tree.newKey());
    this.#applier = new Applier(this.watches, this.#tree.newKey());
  }

  get lastZxid(): Zxid {
    return this.#state.lastZxid;
  }

  get znodeCount(): number {
    return this.#tree.nodeCount + 1;
  }

  get ephemeralCount(): number {
    return this.#tree.owners.ephemeralCount;
  }

  get dataBytes(): number {
    return this.#tree.pathAndDataBytes;
  }

  get sessions(): ReadonlyMap<SessionId, number> {
    return this.#state.sessions;
  }

  apply(header: TxnHeader, txn: Txn): ApplyResult {
    return this.#applier.apply(this.#state, header, txn);
  }

  znode(path: string): Znode | undefined {
    this.#key.set(path);
    const id = this.#tree.find(this.#key);
    return id === 0 ? undefined : new TreeZnode(this.#tree, id);
  }

  descendantCount(path: string): number {
    // The root's are all but itself, which ZooKeeper has counted for ever.
    if (path === '/') return this.#tree.nodeCount - 1;
    this.#key.set(path);
    const id = this.#tree.find(this.#key);
    let count = 0;
    if (id !== 0) walk(this.#tree, id, () => count++);
    return Math.max(0, count - 1);
  }

  quotaPath(path: string): string | undefined {
    return this.#state.quotas.quotaPath(path);
  }

  ephemerals(session: SessionId): ReadonlySet<string> {
    const paths = new Set<string>();
    for (const id of this.#tree.owners.ephemerals(session)) paths.add(this.#tree.pathOf(id));
    return paths;
  }

  containers(): Iterable<Znode> {
    return this.#znodes(this.#tree.owners.containers);
  }

  ttlZnodes(): Iterable<Znode> {
    return this.#znodes(this.#tree.owners.ttls);
  }

  clear(): void {
    this.#state = initialState(this.#options);
  }

  setConfig(text: string, version: Zxid, timeMs: number): void {
    setConfig(this.#state, text, version, timeMs);
  }

  snapshot(): DatabaseSnapshot {
    return new StateSnapshot(this.#state);
  }

  loader(): SnapshotLoader {
    return new StateLoader(this.#options, (state) => {
      this.#state = state;
    });
  }

  digest(): bigint | undefined {
    return this.#tree.digest?.value;
  }

  get #tree(): DataTree {
    return this.#state.tree;
  }

  *#znodes(ids: Iterable<NodeId>): Generator<Znode> {
    for (const id of ids) yield new TreeZnode(this.#tree, id);
  }
}
