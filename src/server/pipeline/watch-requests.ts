import type { Database, WatchKind, WatchSelection } from '../database/types.ts';
import { EventType, KeeperState, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import type { SetWatchesRequest, WatchRequest } from '../protocol/requests.ts';
import { writeWatcherEvent } from '../protocol/responses.ts';
import type { Client } from './client.ts';
import type { Replies } from './replies.ts';
import type { WatchAllowance } from './watch-allowance.ts';

/** WatcherType, by number. */
const SELECTIONS: readonly (WatchSelection | undefined)[] = [
  undefined,
  'children',
  'data',
  'any',
  'persistent',
  'persistentRecursive',
];

/** The zxid in the header of an event that no transaction caused (WatchedEvent.NO_ZXID). */
const NO_ZXID = -1;

/** What clients ask for that is about watches. */
export class WatchRequests {
  readonly #database: Database;
  readonly #replies: Replies;
  readonly #allowance: WatchAllowance;

  constructor(database: Database, replies: Replies, allowance: WatchAllowance) {
    this.#database = database;
    this.#replies = replies;
    this.#allowance = allowance;
  }

  /** Sets a watch. @returns false, with nothing done, if the client is granted no more. */
  set(client: Client, kind: WatchKind, path: string): boolean {
    if (!this.#allowance.grants(client, path)) return false;
    this.#database.watches.add(kind, path, client.id);
    return true;
  }

  add(client: Client, { path, kind }: WatchRequest): number {
    if (kind !== 0 && kind !== 1) return ReplyCode.marshallingError;
    const isSet = this.set(client, kind === 0 ? 'persistent' : 'persistentRecursive', path);
    return isSet ? ReplyCode.ok : ReplyCode.systemError;
  }

  remove(client: Client, { path, kind }: WatchRequest): number {
    const selection = SELECTIONS[kind];
    if (selection === undefined) return ReplyCode.marshallingError;
    return this.#database.watches.remove(selection, path, client.id) ? ReplyCode.ok : ReplyCode.noWatcher;
  }

  check(client: Client, { path, kind }: WatchRequest): number {
    const selection = SELECTIONS[kind];
    if (selection === undefined) return ReplyCode.marshallingError;
    return this.#database.watches.has(selection, path, client.id) ? ReplyCode.ok : ReplyCode.noWatcher;
  }

  /**
   * The watches of a client that has connected again (DataTree.setWatches): what changed since the zxid that it has seen
   * fires at once, the rest is set.
   *
   * @returns false if the client is not granted all of them
   */
  setAgain(client: Client, request: SetWatchesRequest): boolean {
    for (const path of request.dataWatches) {
      const znode = this.#database.znode(path);
      if (znode === undefined) this.#fire(client, EventType.nodeDeleted, path);
      else if (znode.mzxid > request.relativeZxid) this.#fire(client, EventType.nodeDataChanged, path);
      else if (!this.#setOneAgain(client, 'data', path)) return false;
    }
    for (const path of request.existWatches) {
      if (this.#database.znode(path) !== undefined) this.#fire(client, EventType.nodeCreated, path);
      else if (!this.#setOneAgain(client, 'data', path)) return false;
    }
    for (const path of request.childWatches) {
      const znode = this.#database.znode(path);
      if (znode === undefined) this.#fire(client, EventType.nodeDeleted, path);
      else if (znode.pzxid > request.relativeZxid) this.#fire(client, EventType.nodeChildrenChanged, path);
      else if (!this.#setOneAgain(client, 'children', path)) return false;
    }
    return (
      request.persistentWatches.every((path) => this.#setOneAgain(client, 'persistent', path)) &&
      request.persistentRecursiveWatches.every((path) => this.#setOneAgain(client, 'persistentRecursive', path))
    );
  }

  #setOneAgain(client: Client, kind: WatchKind, path: string): boolean {
    if (!this.#allowance.grantsAgain(client, path)) return false;
    this.#database.watches.add(kind, path, client.id);
    return true;
  }

  #fire(client: Client, type: number, path: string): void {
    this.#replies.begin(client, SpecialXid.watchEvent, NO_ZXID, ReplyCode.ok);
    writeWatcherEvent(this.#replies.writer, { type, state: KeeperState.syncConnected, path });
    this.#replies.end();
  }
}
