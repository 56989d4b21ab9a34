import type { Zxid } from '../../common/zxid.ts';
import { EventType } from '../protocol/opcodes.ts';
import type { Acl } from '../protocol/records.ts';
import type { PathKey } from './path-key.ts';
import type { Watcher, Watches, WatchKind, WatchSelection, WatchSink } from './types.ts';
import { Mode, WatchTable } from './watch-table.ts';

/**
 * The watches of a server's clients, and which of them a change fires (DataTree's two watch managers). A watcher is told
 * once of an event, however many of its watches it touches.
 */
export class ClientWatches implements Watches {
  readonly #table = new WatchTable();
  readonly #sink: WatchSink;
  readonly #key: PathKey;

  /** @param key A key like those that changes come with. */
  constructor(sink: WatchSink, key: PathKey) {
    this.#sink = sink;
    this.#key = key;
  }

  get count(): number {
    return this.#table.count;
  }

  get pathCount(): number {
    return this.#table.pathCount;
  }

  get watcherCount(): number {
    return this.#table.watcherCount;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  bytesOf(watcher: Watcher): number {
    return this.#table.bytesOf(watcher);
  }

  bytesToAdd(path: string, watcher: Watcher): number {
    this.#key.set(path);
    return this.#table.bytesToAdd(this.#key, watcher);
  }

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    this.#key.set(path);
    this.#table.add(this.#key, watcher, MODES[kind]);
  }

  has(selection: WatchSelection, path: string, watcher: Watcher): boolean {
    this.#key.set(path);
    return (this.#table.modes(this.#key, watcher) & MODES[selection]) !== 0;
  }

  remove(selection: WatchSelection, path: string, watcher: Watcher): boolean {
    this.#key.set(path);
    return this.#table.remove(this.#key, watcher, MODES[selection]) !== 0;
  }

  removeWatcher(watcher: Watcher): void {
    this.#table.removeWatcher(watcher);
  }

  pathsOf(watcher: Watcher): string[] {
    return this.#table.pathsOf(watcher);
  }

  fireCreated(key: PathKey, path: string, zxid: Zxid, acl: readonly Acl[], parentAcl: readonly Acl[]): void {
    this.#tell(EventType.nodeCreated, path, zxid, this.#table.takeData(key), acl);
    this.#fireParent(key, path, zxid, parentAcl);
  }

  fireDeleted(key: PathKey, path: string, zxid: Zxid, acl: readonly Acl[], parentAcl: readonly Acl[]): void {
    this.#tell(EventType.nodeDeleted, path, zxid, this.#table.takeAll(key), acl);
    this.#fireParent(key, path, zxid, parentAcl);
  }

  fireDataChanged(key: PathKey, path: string, zxid: Zxid, acl: readonly Acl[]): void {
    this.#tell(EventType.nodeDataChanged, path, zxid, this.#table.takeData(key), acl);
  }

  #fireParent(key: PathKey, path: string, zxid: Zxid, acl: readonly Acl[]): void {
    const watchers = this.#table.takeParentsChildren(key);
    if (watchers.length === 0) return;
    const parent = path.slice(0, path.lastIndexOf('/'));
    this.#tell(EventType.nodeChildrenChanged, parent === '' ? '/' : parent, zxid, watchers, acl);
  }

  #tell(type: number, path: string, zxid: Zxid, watchers: readonly Watcher[], acl: readonly Acl[]): void {
    if (watchers.length > 0) this.#sink({ type, path, zxid }, watchers, acl);
  }
}

const MODES: Readonly<Record<WatchSelection, number>> = {
  ...Mode,
  persistentRecursive: Mode.recursive,
  any: Mode.data | Mode.children | Mode.persistent | Mode.recursive,
};
