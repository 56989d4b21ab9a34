import { assert } from '../../common/errors.ts';
import { utf8LengthMax, writeUtf8 } from '../../common/utf8.ts';

const WORD = 0x1_0000_0000;

/**
 * Writes jute, see `JuteReader`. Grows as needed; `reset` starts anew in the same memory, so that one writer serves a
 * whole stream of records without allocating.
 */
export class JuteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = new Uint8Array(initialBytes);
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.#length = 0;
  }

  /** What was written, as a view that is valid until the next call of a method. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written, in memory of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written, handed over without a copy: the writer starts anew with new memory. */
  take(): Uint8Array {
    const taken = this.view();
    this.#bytes = new Uint8Array(Math.min(this.#bytes.length, TAKE_KEEPS_BYTES_MAX));
    this.#length = 0;
    return taken;
  }

  writeInt(value: number): void {
    const at = this.#reserve(4);
    this.#setInt(at, value);
  }

  writeBoolean(value: boolean): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value ? 1 : 0;
  }

  writeLong(value: bigint): void {
    this.writeInt(Number((value >> 32n) & 0xffff_ffffn));
    this.writeInt(Number(value & 0xffff_ffffn));
  }

  /** An integer that is exact in a number, or -2^63. */
  writeExactLong(value: number): void {
    const high = Math.floor(value / WORD);
    const at = this.#reserve(8);
    this.#setInt(at, high);
    this.#setInt(at + 4, value - high * WORD);
  }

  writeBuffer(value: Uint8Array | null): void {
    if (value === null) {
      this.writeInt(-1);
      return;
    }
    const at = this.#reserve(4 + value.length);
    this.#setInt(at, value.length);
    this.#bytes.set(value, at + 4);
  }

  writeString(value: string | null): void {
    if (value === null) {
      this.writeInt(-1);
      return;
    }
    const room = 4 + utf8LengthMax(value);
    const at = this.#reserve(room);
    const end = writeUtf8(value, this.#bytes, at + 4);
    this.#setInt(at, end - at - 4);
    this.#length = end;
  }

  writeStrings(values: readonly string[]): void {
    this.writeInt(values.length);
    for (const value of values) this.writeString(value);
  }

  /** Bytes as they are, without a length. */
  writeRaw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Leaves room for a length; {@link endLength} fills in how many bytes were written since. Nests. */
  beginLength(): number {
    return this.#reserve(4);
  }

  /** @param mark What {@link beginLength} returned. */
  endLength(mark: number): void {
    assert(mark >= 0 && mark + 4 <= this.#length, `no length was begun at ${mark}`);
    this.#setInt(mark, this.#length - mark - 4);
  }

  #setInt(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #reserve(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length = end;
    return at;
  }
}

/** After one huge record, `take` does not go on with as huge a buffer. */
const TAKE_KEEPS_BYTES_MAX = 64 * 1024;
