import type { Database, WatchSelection } from '../database/types.ts';
import { EventType, KeeperState, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import type { SetWatchesRequest, WatchRequest } from '../protocol/requests.ts';
import { writeWatcherEvent } from '../protocol/responses.ts';
import type { Client } from './client.ts';
import type { Replies } from './replies.ts';

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

/** The requests that are about watches alone. Reads that leave a watch do it themselves. */
export class WatchRequests {
  readonly #database: Database;
  readonly #replies: Replies;

  constructor(database: Database, replies: Replies) {
    this.#database = database;
    this.#replies = replies;
  }

  add(client: Client, { path, kind }: WatchRequest): number {
    if (kind !== 0 && kind !== 1) return ReplyCode.marshallingError;
    this.#database.watches.add(kind === 0 ? 'persistent' : 'persistentRecursive', path, client.id);
    return ReplyCode.ok;
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
   */
  setAgain(client: Client, request: SetWatchesRequest): void {
    const { watches } = this.#database;
    for (const path of request.dataWatches) {
      const znode = this.#database.znode(path);
      if (znode === undefined) this.#fire(client, EventType.nodeDeleted, path);
      else if (znode.mzxid > request.relativeZxid) this.#fire(client, EventType.nodeDataChanged, path);
      else watches.add('data', path, client.id);
    }
    for (const path of request.existWatches) {
      if (this.#database.znode(path) === undefined) watches.add('data', path, client.id);
      else this.#fire(client, EventType.nodeCreated, path);
    }
    for (const path of request.childWatches) {
      const znode = this.#database.znode(path);
      if (znode === undefined) this.#fire(client, EventType.nodeDeleted, path);
      else if (znode.pzxid > request.relativeZxid) this.#fire(client, EventType.nodeChildrenChanged, path);
      else watches.add('children', path, client.id);
    }
    for (const path of request.persistentWatches) watches.add('persistent', path, client.id);
    for (const path of request.persistentRecursiveWatches) watches.add('persistentRecursive', path, client.id);
  }

  #fire(client: Client, type: number, path: string): void {
    this.#replies.begin(client, SpecialXid.watchEvent, NO_ZXID, ReplyCode.ok);
    writeWatcherEvent(this.#replies.writer, { type, state: KeeperState.syncConnected, path });
    this.#replies.end();
  }
}
