import { BlockStore } from './block-store.ts';
import { HashTable } from './hash-table.ts';
import { Records } from './records.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import { hashByte, type PathKey, SLASH } from './path-key.ts';
import type { Watcher } from './types.ts';

/** What one watcher watches on one path: bits that add up. */
export const Mode = { data: 1, children: 2, persistent: 4, recursive: 8 } as const;

const EVERY_MODE = 15;
/** The modes that ZooKeeper keeps in its table of data watches, and in that of child watches. */
const DATA_TABLE = Mode.data | Mode.persistent | Mode.recursive;
const CHILD_TABLE = Mode.children | Mode.persistent;

/* Fields of a watched path. */
const P_BLOCK = 0;
const P_LENGTH = 1;
const P_FIRST = 2;
/** How many of its watches are in ZooKeeper's table of data watches, and of child watches; {@link P_RECURSIVE}: are recursive. */
const P_DATA = 3;
const P_CHILD = 4;
const P_HASH = 5;
const P_HASH_NEXT = 6;
const P_RECURSIVE = 7;
const PATH_FIELDS = 8;

/* Fields of a watch. It is in two lists: that of its path and that of its watcher. */
const W_PATH = 0;
const W_WATCHER = 1;
const W_MODES = 2;
const W_NEXT_OF_PATH = 3;
const W_PREVIOUS_OF_PATH = 4;
const W_NEXT_OF_WATCHER = 5;
const W_PREVIOUS_OF_WATCHER = 6;
const W_HASH = 7;
const W_HASH_NEXT = 8;
const WATCH_FIELDS = 9;

/** What a watch takes, and a path beside its own bytes, their part of the hash tables and of half-used memory included. */
const WATCH_BYTES = 56;
const PATH_BYTES = 60;

interface Owner {
  readonly watcher: Watcher;
  firstWatch: number;
  /** What it would take if nobody else watched the same paths. */
  bytes: number;
}

/**
 * Who watches what. A watch is a pair of a path and a watcher with its modes: 36 bytes in typed arrays, whether ten
 * thousand watch one path or one watches ten thousand. A path's bytes are kept once for all its watches.
 */
export class WatchTable {
  readonly #blocks = new BlockStore();
  readonly #paths = new Records(PATH_FIELDS);
  readonly #pathIndex = new HashTable(this.#paths, P_HASH, P_HASH_NEXT);
  readonly #watches = new Records(WATCH_FIELDS);
  readonly #watchIndex = new HashTable(this.#watches, W_HASH, W_HASH_NEXT);
  /** Watchers are numbered densely; an entry holds the watcher and its first watch. */
  readonly #numbers = new Map<Watcher, number>();
  readonly #watchers: Owner[] = [];
  readonly #freeNumbers: number[] = [];
  #recursive = 0;
  #count = 0;
  #pathBytes = 0;

  /** Watches as ZooKeeper counts them: in both of its tables. */
  get count(): number {
    return this.#count;
  }

  get pathCount(): number {
    return this.#pathIndex.size;
  }

  get watcherCount(): number {
    return this.#numbers.size;
  }

  /** What all of it takes. */
  get bytes(): number {
    return this.#watches.size * WATCH_BYTES + this.#paths.size * PATH_BYTES + this.#pathBytes;
  }

  /** What this watcher's watches take, each of their paths counted as if nobody else watched it. */
  bytesOf(watcher: Watcher): number {
    const number = this.#numbers.get(watcher);
    return number === undefined ? 0 : this.#watcher(number).bytes;
  }

  /** How much more this watcher would have if it watched this path. */
  bytesToAdd(key: PathKey, watcher: Watcher): number {
    return this.#find(key, watcher) === 0 ? watchBytes(key.length) : 0;
  }

  add(key: PathKey, watcher: Watcher, modes: number): void {
    const path = this.#findPath(key.bytes, key.length, key.hash) || this.#addPath(key);
    const number = this.#numbers.get(watcher) ?? this.#addWatcher(watcher);
    const watch = this.#findWatch(path, number) || this.#addWatch(path, number);
    this.#setModes(watch, this.#watches.int(watch, W_MODES) | modes);
  }

  /** The modes with which this watcher watches this path; 0 for none. */
  modes(key: PathKey, watcher: Watcher): number {
    const watch = this.#find(key, watcher);
    return watch === 0 ? 0 : this.#watches.int(watch, W_MODES);
  }

  /** Takes the modes away. @returns those that were there. */
  remove(key: PathKey, watcher: Watcher, modes: number): number {
    const watch = this.#find(key, watcher);
    if (watch === 0) return 0;
    const before = this.#watches.int(watch, W_MODES);
    this.#setModes(watch, before & ~modes);
    return before & modes;
  }

  removeWatcher(watcher: Watcher): void {
    const number = this.#numbers.get(watcher);
    if (number === undefined) return;
    for (let watch = this.#watcher(number).firstWatch; watch !== 0;) {
      const next = this.#watches.int(watch, W_NEXT_OF_WATCHER);
      this.#setModes(watch, 0);
      watch = next;
    }
  }

  /** The paths that a watcher watches. */
  pathsOf(watcher: Watcher): string[] {
    const paths: string[] = [];
    const number = this.#numbers.get(watcher);
    if (number === undefined) return paths;
    for (let w = this.#watcher(number).firstWatch; w !== 0; w = this.#watches.int(w, W_NEXT_OF_WATCHER)) {
      const path = this.#watches.int(w, W_PATH);
      const block = this.#paths.int(path, P_BLOCK);
      const start = this.#blocks.offset(block);
      const length = this.#paths.int(path, P_LENGTH);
      paths.push(length === 0 ? '/' : decodeUtf8(this.#blocks.memory(block), start, start + length));
    }
    return paths;
  }

  /**
   * The data of a path changed, or the znode came into being: who watches its data, persistently watches it, or
   * recursively watches it or an ancestor; each once. One-time watches of data are gone afterwards.
   */
  takeData(key: PathKey): Watcher[] {
    const watchers = this.#take(key.bytes, key.length, key.hash, DATA_TABLE, Mode.data);
    if (this.#recursive > 0) this.#addRecursive(key, watchers);
    return watchers;
  }

  /** The znode is gone: as {@link takeData}, and who watches its children. */
  takeAll(key: PathKey): Watcher[] {
    const watchers = this.#take(key.bytes, key.length, key.hash, EVERY_MODE, Mode.data | Mode.children);
    if (this.#recursive > 0) this.#addRecursive(key, watchers);
    return watchers;
  }

  /** The children of the key's parent changed. Recursive watches are not told: they are told of the child itself. */
  takeParentsChildren(key: PathKey): Watcher[] {
    return this.#take(key.bytes, key.parentLength, key.parentHash, CHILD_TABLE, Mode.children);
  }

  #take(bytes: Uint8Array, length: number, hash: number, modes: number, once: number): Watcher[] {
    const path = this.#findPath(bytes, length, hash);
    const watchers: Watcher[] = [];
    if (path === 0) return watchers;
    // Ten thousand watches of a znode's data cost nothing when a child is created, and the other way round.
    if (this.#paths.int(path, P_CHILD) === 0 && modes === CHILD_TABLE) return watchers;
    if (this.#paths.int(path, P_DATA) === 0 && modes === DATA_TABLE) return watchers;
    for (let watch = this.#paths.int(path, P_FIRST); watch !== 0;) {
      const next = this.#watches.int(watch, W_NEXT_OF_PATH);
      const has = this.#watches.int(watch, W_MODES);
      if ((has & modes) !== 0) {
        watchers.push(this.#watcher(this.#watches.int(watch, W_WATCHER)).watcher);
        if ((has & once) !== 0) this.#setModes(watch, has & ~once);
      }
      watch = next;
    }
    return watchers;
  }

  #addRecursive(key: PathKey, watchers: Watcher[]): void {
    const known = new Set(watchers);
    const { bytes, length } = key;
    let hash = key.hashStart;
    for (let i = 0; i < length; i++) {
      const byte = bytes[i] as number;
      if (byte === SLASH) this.#collectRecursive(bytes, i, hash, known, watchers);
      hash = hashByte(hash, byte);
    }
  }

  #collectRecursive(bytes: Uint8Array, length: number, hash: number, known: Set<Watcher>, watchers: Watcher[]): void {
    const path = this.#findPath(bytes, length, hash);
    // As in `#take`: nobody pays for the watches of other kinds of everything above.
    if (path === 0 || this.#paths.int(path, P_RECURSIVE) === 0) return;
    for (let w = this.#paths.int(path, P_FIRST); w !== 0; w = this.#watches.int(w, W_NEXT_OF_PATH)) {
      if ((this.#watches.int(w, W_MODES) & Mode.recursive) === 0) continue;
      const { watcher } = this.#watcher(this.#watches.int(w, W_WATCHER));
      if (known.has(watcher)) continue;
      known.add(watcher);
      watchers.push(watcher);
    }
  }

  #find(key: PathKey, watcher: Watcher): number {
    const number = this.#numbers.get(watcher);
    if (number === undefined) return 0;
    const path = this.#findPath(key.bytes, key.length, key.hash);
    return path === 0 ? 0 : this.#findWatch(path, number);
  }

  #findPath(bytes: Uint8Array, length: number, hash: number): number {
    const index = this.#pathIndex;
    for (let path = index.first(hash); path !== 0; path = index.next()) {
      if (this.#paths.int(path, P_LENGTH) === length) {
        const block = this.#paths.int(path, P_BLOCK);
        if (sameBytes(bytes, length, this.#blocks.memory(block), this.#blocks.offset(block))) return path;
      }
    }
    return 0;
  }

  #addPath(key: PathKey): number {
    const path = this.#paths.allocate();
    this.#paths.setInt(path, P_BLOCK, this.#blocks.storePart(key.bytes, 0, key.length));
    this.#paths.setInt(path, P_LENGTH, key.length);
    this.#pathBytes += key.length;
    this.#pathIndex.add(path, key.hash);
    return path;
  }

  #addWatcher(watcher: Watcher): number {
    const number = this.#freeNumbers.pop() ?? this.#watchers.length;
    this.#watchers[number] = { watcher, firstWatch: 0, bytes: 0 };
    this.#numbers.set(watcher, number);
    return number;
  }

  #findWatch(path: number, watcher: number): number {
    const index = this.#watchIndex;
    const hash = pairHash(path, watcher);
    for (let watch = index.first(hash); watch !== 0; watch = index.next()) {
      if (this.#watches.int(watch, W_PATH) === path && this.#watches.int(watch, W_WATCHER) === watcher) return watch;
    }
    return 0;
  }

  #addWatch(path: number, number: number): number {
    const watches = this.#watches;
    const watch = watches.allocate();
    const owner = this.#watcher(number);
    const firstOfPath = this.#paths.int(path, P_FIRST);
    watches.setInt(watch, W_PATH, path);
    watches.setInt(watch, W_WATCHER, number);
    watches.setInt(watch, W_NEXT_OF_PATH, firstOfPath);
    watches.setInt(watch, W_NEXT_OF_WATCHER, owner.firstWatch);
    if (firstOfPath !== 0) watches.setInt(firstOfPath, W_PREVIOUS_OF_PATH, watch);
    if (owner.firstWatch !== 0) watches.setInt(owner.firstWatch, W_PREVIOUS_OF_WATCHER, watch);
    this.#paths.setInt(path, P_FIRST, watch);
    owner.firstWatch = watch;
    owner.bytes += watchBytes(this.#paths.int(path, P_LENGTH));
    this.#watchIndex.add(watch, pairHash(path, number));
    return watch;
  }

  /** Changes the modes and all that is counted from them; without any mode left the watch is gone. */
  #setModes(watch: number, modes: number): void {
    const before = this.#watches.int(watch, W_MODES);
    const path = this.#watches.int(watch, W_PATH);
    const data = isIn(modes, DATA_TABLE) - isIn(before, DATA_TABLE);
    const child = isIn(modes, CHILD_TABLE) - isIn(before, CHILD_TABLE);
    this.#paths.setInt(path, P_DATA, this.#paths.int(path, P_DATA) + data);
    this.#paths.setInt(path, P_CHILD, this.#paths.int(path, P_CHILD) + child);
    this.#count += data + child;
    const recursive = isIn(modes, Mode.recursive) - isIn(before, Mode.recursive);
    this.#paths.setInt(path, P_RECURSIVE, this.#paths.int(path, P_RECURSIVE) + recursive);
    this.#recursive += recursive;
    this.#watches.setInt(watch, W_MODES, modes);
    if (modes === 0) this.#removeWatch(watch);
  }

  #removeWatch(watch: number): void {
    const watches = this.#watches;
    const path = watches.int(watch, W_PATH);
    const number = watches.int(watch, W_WATCHER);
    const owner = this.#watcher(number);
    this.#watchIndex.remove(watch);
    owner.bytes -= watchBytes(this.#paths.int(path, P_LENGTH));

    const nextOfPath = watches.int(watch, W_NEXT_OF_PATH);
    const previousOfPath = watches.int(watch, W_PREVIOUS_OF_PATH);
    if (nextOfPath !== 0) watches.setInt(nextOfPath, W_PREVIOUS_OF_PATH, previousOfPath);
    if (previousOfPath === 0) this.#paths.setInt(path, P_FIRST, nextOfPath);
    else watches.setInt(previousOfPath, W_NEXT_OF_PATH, nextOfPath);

    const nextOfWatcher = watches.int(watch, W_NEXT_OF_WATCHER);
    const previousOfWatcher = watches.int(watch, W_PREVIOUS_OF_WATCHER);
    if (nextOfWatcher !== 0) watches.setInt(nextOfWatcher, W_PREVIOUS_OF_WATCHER, previousOfWatcher);
    if (previousOfWatcher === 0) owner.firstWatch = nextOfWatcher;
    else watches.setInt(previousOfWatcher, W_NEXT_OF_WATCHER, nextOfWatcher);

    watches.free(watch);
    if (this.#paths.int(path, P_FIRST) === 0) this.#removePath(path);
    if (owner.firstWatch === 0) {
      this.#numbers.delete(owner.watcher);
      this.#freeNumbers.push(number);
    }
  }

  #removePath(path: number): void {
    this.#pathIndex.remove(path);
    this.#pathBytes -= this.#paths.int(path, P_LENGTH);
    this.#blocks.free(this.#paths.int(path, P_BLOCK));
    this.#paths.free(path);
  }

  #watcher(number: number): Owner {
    return this.#watchers[number] as Owner;
  }
}

function watchBytes(pathLength: number): number {
  return WATCH_BYTES + PATH_BYTES + pathLength;
}

function isIn(modes: number, table: number): number {
  return (modes & table) === 0 ? 0 : 1;
}

function pairHash(path: number, watcher: number): number {
  const mixed = Math.imul(path, 0x9e3779b1) ^ Math.imul(watcher, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
}

function sameBytes(a: Uint8Array, length: number, b: Uint8Array, offset: number): boolean {
  for (let i = length - 1; i >= 0; i--) {
    if (a[i] !== b[offset + i]) return false;
  }
  return true;
}
