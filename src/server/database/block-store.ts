import { assert } from '../../common/errors.ts';
/** Where a block of bytes lies in a {@link BlockStore}; 0 is no block. */
export type BlockRef = number;

/** All slots of one size, in one piece of memory. */
interface Chunk {
  readonly bytes: Uint8Array;
  readonly units: number;
  readonly slotUnits: number;
  /** How many slots are in use. */
  used: number;
  /** Units below this one have been in use; those behind it are free. */
  fresh: number;
  /** The first free slot below `fresh`, or NO_SLOT; a free slot's first two bytes hold the next one. */
  free: number;
  /** Where the chunk stands in the list of those with room, or -1. */
  listed: number;
}

/** Sizes are rounded up to units, and slots are numbered in them. */
const UNIT_BYTES = 8;
/** References number units as if every chunk had this many. */
const CHUNK_SHIFT = 15;
const CHUNK_UNITS_MAX = 1 << CHUNK_SHIFT;
/** The first chunk of a size is small, for small trees; each further one is four times the one before. */
const CHUNK_UNITS_FIRST = 2 * 1024;
/** A longer block gets memory of its own. */
const SLOT_BYTES_MAX = 8 * 1024;
const NO_SLOT = 0xffff;
/** References to slots are positive 32-bit integers: 16 GiB in slots, and beyond that every block is on its own. */
const CHUNKS_MAX = 2 ** 31 / CHUNK_UNITS_MAX;

const NOTHING = new Uint8Array(0);

/**
 * Memory for the names and data of znodes: many small blocks in few large pieces, so that a million znodes are not a
 * million arrays to the garbage collector, and a request's buffer is not kept alive by the few bytes of it that stay.
 *
 * A chunk holds slots of one size and is given back when its last one is freed. Slots of up to 128 bytes are a multiple of
 * 8 long; larger ones come in four sizes for each doubling, so at most a fifth of a slot is unused.
 */
export class BlockStore {
  readonly #chunks: (Chunk | undefined)[] = [undefined];
  /** The chunks' bytes again: what reads need of them, without a detour. */
  readonly #memory: Uint8Array[] = [NOTHING];
  readonly #nextChunkUnits: number[] = SLOT_UNITS.map(() => CHUNK_UNITS_FIRST);
  readonly #freeChunkIndexes: number[] = [];
  /** For each size of slots the indexes of the chunks that have room. */
  readonly #withRoom: number[][] = SLOT_UNITS.map(() => []);
  /** Blocks with memory of their own, at the negated reference. */
  readonly #large: (Uint8Array | undefined)[] = [undefined];
  readonly #freeLargeIndexes: number[] = [];

  /** How many pieces of memory are held. */
  get chunkCount(): number {
    return this.#chunks.length - 1 - this.#freeChunkIndexes.length;
  }

  /** Copies the bytes in. @returns 0 for no bytes. */
  store(source: Uint8Array): BlockRef {
    return this.storePart(source, 0, source.length);
  }

  /** Copies `source[start, end)` in. @returns 0 for no bytes. */
  storePart(source: Uint8Array, start: number, end: number): BlockRef {
    const length = end - start;
    if (length === 0) return 0;
    if (length > SLOT_BYTES_MAX) return this.#storeLarge(source.slice(start, end));
    const size = sizeFor(length);
    const index = this.#chunkWithRoom(size);
    if (index === -1) return this.#storeLarge(source.slice(start, end));
    const chunk = this.#chunks[index] as Chunk;
    const unit = this.#takeSlot(chunk, size);
    copy(source, start, length, chunk.bytes, unit * UNIT_BYTES);
    return index * CHUNK_UNITS_MAX + unit;
  }

  /** The memory that the block lies in, from {@link offset} on. The block's owner knows its length. */
  memory(ref: BlockRef): Uint8Array {
    return ref >= 0 ? (this.#memory[ref >>> CHUNK_SHIFT] as Uint8Array) : (this.#large[-ref] as Uint8Array);
  }

  offset(ref: BlockRef): number {
    return ref > 0 ? (ref & (CHUNK_UNITS_MAX - 1)) * UNIT_BYTES : 0;
  }

  /**
   * Overwrites the block where another of that length would take as much room. @returns false, with nothing done, if it
   * would not.
   */
  overwrite(ref: BlockRef, length: number, source: Uint8Array): boolean {
    if (ref <= 0 || source.length === 0 || source.length > SLOT_BYTES_MAX) return false;
    if (sizeFor(length) !== sizeFor(source.length)) return false;
    copy(source, 0, source.length, this.memory(ref), this.offset(ref));
    return true;
  }

  /** Gives the block back. */
  free(ref: BlockRef): void {
    if (ref === 0) return;
    if (ref < 0) {
      this.#large[-ref] = undefined;
      this.#freeLargeIndexes.push(-ref);
      return;
    }
    const index = ref >>> CHUNK_SHIFT;
    const unit = ref & (CHUNK_UNITS_MAX - 1);
    const chunk = this.#chunks[index] as Chunk;
    chunk.bytes[unit * UNIT_BYTES] = chunk.free >>> 8;
    chunk.bytes[unit * UNIT_BYTES + 1] = chunk.free & 0xff;
    chunk.free = unit;
    chunk.used--;
    if (chunk.used === 0) this.#giveBack(index, chunk);
    else if (chunk.listed === -1) this.#list(index, chunk);
  }

  #storeLarge(bytes: Uint8Array): BlockRef {
    const index = this.#freeLargeIndexes.pop() ?? this.#large.length;
    this.#large[index] = bytes;
    return -index;
  }

  #chunkWithRoom(size: number): number {
    const withRoom = this.#withRoom[size] as number[];
    const last = withRoom[withRoom.length - 1];
    if (last !== undefined) return last;
    const index = this.#freeChunkIndexes.pop() ?? this.#chunks.length;
    if (index >= CHUNKS_MAX) return -1;
    const slotUnits = SLOT_UNITS[size] as number;
    const units = this.#nextChunkUnits[size] as number;
    this.#nextChunkUnits[size] = Math.min(units * 4, CHUNK_UNITS_MAX);
    const bytes = new Uint8Array(units * UNIT_BYTES);
    const chunk = { bytes, units, slotUnits, used: 0, fresh: 0, free: NO_SLOT, listed: -1 };
    this.#chunks[index] = chunk;
    this.#memory[index] = bytes;
    this.#list(index, chunk);
    return index;
  }

  #takeSlot(chunk: Chunk, size: number): number {
    const { bytes, slotUnits } = chunk;
    let unit = chunk.free;
    if (unit === NO_SLOT) {
      unit = chunk.fresh;
      chunk.fresh += slotUnits;
      // A typed array drops silently what is written behind its end.
      assert(chunk.fresh <= chunk.units, 'a block does not end within its chunk');
    } else {
      chunk.free = ((bytes[unit * UNIT_BYTES] as number) << 8) | (bytes[unit * UNIT_BYTES + 1] as number);
    }
    chunk.used++;
    if (chunk.free === NO_SLOT && chunk.fresh + slotUnits > chunk.units) this.#unlist(chunk, size);
    return unit;
  }

  #giveBack(index: number, chunk: Chunk): void {
    if (chunk.listed !== -1) this.#unlist(chunk, SIZE_OF_UNITS[chunk.slotUnits] as number);
    this.#chunks[index] = undefined;
    this.#memory[index] = NOTHING;
    this.#freeChunkIndexes.push(index);
  }

  #list(index: number, chunk: Chunk): void {
    const withRoom = this.#withRoom[SIZE_OF_UNITS[chunk.slotUnits] as number] as number[];
    chunk.listed = withRoom.length;
    withRoom.push(index);
  }

  #unlist(chunk: Chunk, size: number): void {
    const withRoom = this.#withRoom[size] as number[];
    const last = withRoom.pop() as number;
    if (chunk.listed < withRoom.length) {
      withRoom[chunk.listed] = last;
      (this.#chunks[last] as Chunk).listed = chunk.listed;
    }
    chunk.listed = -1;
  }
}

/** The sizes of slots, in units. */
const SLOT_UNITS: readonly number[] = slotSizes();

/** For each number of units the index of the smallest slot that holds it. */
const SIZE_OF_UNITS: Uint8Array = sizeOfUnits();

function slotSizes(): number[] {
  const sizes: number[] = [];
  for (let units = 1; units <= 16; units++) sizes.push(units);
  for (let doubling = 16; doubling < SLOT_BYTES_MAX / UNIT_BYTES; doubling *= 2) {
    for (let quarter = 5; quarter <= 8; quarter++) sizes.push((doubling * quarter) / 4);
  }
  return sizes;
}

function sizeOfUnits(): Uint8Array {
  const table = new Uint8Array(SLOT_BYTES_MAX / UNIT_BYTES + 1);
  let size = 0;
  for (let units = 1; units < table.length; units++) {
    if (units > (SLOT_UNITS[size] as number)) size++;
    table[units] = size;
  }
  return table;
}

/** The index of the smallest slot for a block of this length. */
function sizeFor(length: number): number {
  return SIZE_OF_UNITS[(length + UNIT_BYTES - 1) >>> 3] as number;
}

/** Below this length a loop is faster than the call of a built-in function. */
const LOOP_BYTES_MAX = 32;

function copy(source: Uint8Array, start: number, length: number, target: Uint8Array, offset: number): void {
  if (length > LOOP_BYTES_MAX) {
    target.set(length === source.length ? source : source.subarray(start, start + length), offset);
    return;
  }
  for (let i = 0; i < length; i++) target[offset + i] = source[start + i] as number;
}
