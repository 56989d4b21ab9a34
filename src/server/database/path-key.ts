import { utf8LengthMax, writeUtf8 } from '../../common/utf8.ts';

export const SLASH = 0x2f;

const INITIAL_BYTES = 256;

/**
 * A path as the tables of this folder look it up: its UTF-8 bytes, its hash and its parent's, made in one pass and in
 * memory that is used again for the next path. The root is the empty path here, so that `/a` is its child like any other.
 *
 * The hash of a path goes on where that of its parent ended; whoever needs all prefixes gets them in one pass as well.
 */
export class PathKey {
  /** The hash of the root, where every other begins. Keys that meet in a table have the same. */
  readonly hashStart: number;
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = 0;
  hash = 0;
  /** Length of the parent's path, or -1 for the root and for what is no absolute path. */
  parentLength = -1;
  parentHash = 0;

  /** @param hashStart Chosen at random, it keeps clients from making up paths that all hash the same. */
  constructor(hashStart: number) {
    this.hashStart = hashStart | 0;
  }

  /** Takes in a path. Any string is allowed: one that is no path equals no znode's. */
  set(path: string): void {
    const room = utf8LengthMax(path);
    if (room > this.bytes.length) this.bytes = new Uint8Array(room * 2);
    if (this.#setAscii(path === '/' ? '' : path)) return;
    this.length = writeUtf8(path, this.bytes, 0);
    this.#scan();
  }

  /** Takes in a path's UTF-8 bytes; empty or `/` for the root. */
  setBytes(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > this.bytes.length) this.bytes = new Uint8Array(length * 2);
    this.bytes.set(source.subarray(start, end));
    this.length = length === 1 && this.bytes[0] === SLASH ? 0 : length;
    this.#scan();
  }

  /** Copies and hashes at once, as long as there is nothing but ASCII. @returns false if there is. */
  #setAscii(path: string): boolean {
    const { bytes } = this;
    const { length } = path;
    let hash = this.hashStart;
    this.parentLength = -1;
    for (let i = 0; i < length; i++) {
      const unit = path.charCodeAt(i);
      if (unit > 0x7f) return false;
      if (unit === SLASH) {
        this.parentLength = i;
        this.parentHash = hash;
      }
      bytes[i] = unit;
      hash = hashByte(hash, unit);
    }
    this.length = length;
    this.hash = hash;
    return true;
  }

  #scan(): void {
    const { bytes, length } = this;
    let hash = this.hashStart;
    this.parentLength = -1;
    for (let i = 0; i < length; i++) {
      const byte = bytes[i] as number;
      if (byte === SLASH) {
        this.parentLength = i;
        this.parentHash = hash;
      }
      hash = hashByte(hash, byte);
    }
    this.hash = hash;
  }
}

/** The hash of what has the hash so far and one more byte: a step of FNV-1a, with the high bits mixed into the low ones. */
export function hashByte(hash: number, byte: number): number {
  const mixed = Math.imul(hash ^ byte, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
