import { EventType } from '../server/protocol/opcodes.ts';
import type { SetWatchesRequest } from '../server/protocol/requests.ts';

/** What a watch tells. */
export interface WatchEvent {
  readonly type: 'created' | 'deleted' | 'dataChanged' | 'childrenChanged';
  /** As the client knows it, without the chroot. */
  readonly path: string;
}

/** Called once, when what it watches changes, or never if the session ends first. */
export type Watcher = (event: WatchEvent) => void;

/** What a watch watches: `data` and `exists` fire alike, but differ in what a server must know after a reconnect. */
export type WatchKind = 'data' | 'exists' | 'children';

/** A frame of setWatches stays far below jute.maxbuffer, however many watches there are (ZOOKEEPER-706). */
const SET_WATCHES_BYTES_MAX = 128 * 1024;

/** The watches of a client that have not fired, by the server's paths. */
export class Watches {
  readonly #tables: Readonly<Record<WatchKind, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exists: new Map(),
    children: new Map(),
  };

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const table = this.#tables[kind];
    const watchers = table.get(path) ?? new Set();
    watchers.add(watcher);
    table.set(path, watchers);
  }

  /** Takes out, and returns, whom an event of this type at this path concerns. */
  take(type: number, path: string): Set<Watcher> {
    const { data, exists, children } = this.#tables;
    switch (type) {
      case EventType.nodeCreated:
      case EventType.nodeDataChanged:
        return taken(path, data, exists);
      case EventType.nodeDeleted:
        return taken(path, data, exists, children);
      case EventType.nodeChildrenChanged:
        return taken(path, children);
      default:
        return new Set();
    }
  }

  /** What to tell a server that the client has connected to again, in as many requests as it takes. */
  setWatchesRequests(relativeZxid: number): SetWatchesRequest[] {
    const requests: SetWatchesRequest[] = [];
    let room = 0;
    let batch = emptyBatch();
    for (const kind of ['data', 'exists', 'children'] as const) {
      for (const path of this.#tables[kind].keys()) {
        if (path.length > room) {
          batch = emptyBatch();
          room = SET_WATCHES_BYTES_MAX;
          requests.push({
            relativeZxid,
            dataWatches: batch.data,
            existWatches: batch.exists,
            childWatches: batch.children,
            persistentWatches: [],
            persistentRecursiveWatches: [],
          });
        }
        batch[kind].push(path);
        room -= path.length;
      }
    }
    return requests;
  }
}

function emptyBatch(): Record<WatchKind, string[]> {
  return { data: [], exists: [], children: [] };
}

function taken(path: string, ...tables: readonly Map<string, Set<Watcher>>[]): Set<Watcher> {
  const watchers = new Set<Watcher>();
  for (const table of tables) {
    for (const watcher of table.get(path) ?? []) watchers.add(watcher);
    table.delete(path);
  }
  return watchers;
}
