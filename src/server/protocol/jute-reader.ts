import { CodedError } from '../../common/errors.ts';
import { decodeUtf8 } from '../../common/utf8.ts';

const WORD = 0x1_0000_0000;
/** The high 32 bits of the numbers that are exact: -2^21 <= high < 2^21. */
const EXACT_HIGH = 2 ** 21;
const MIN_LONG_HIGH = -(2 ** 31);

/**
 * Reads jute, the encoding of ZooKeeper's records: big-endian fields one behind the other, without names or padding.
 * Buffers are views into the bytes given; whoever keeps one for long copies it.
 *
 * Every method throws CodedError `ZK_FRAME_MALFORMED` where the bytes end too early, or hold a length or a number that
 * cannot be. It allocates nothing whose size the bytes merely claim.
 */
export class JuteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;

  /** Reads `bytes[offset, end)`. */
  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  /** Where the next field starts, in the array given to the constructor. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  readInt(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  /** Any byte but 0 is true, as in Java. */
  readBoolean(): boolean {
    return this.#bytes[this.#advance(1)] !== 0;
  }

  /** A 64-bit number, exact; for session ids and digests. */
  readLong(): bigint {
    const high = this.readInt();
    const low = this.readInt() >>> 0;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /**
   * A 64-bit number that must be exact in a JavaScript number: zxids, epochs, times. -2^63, by which servers in an
   * election say "nobody", is exact as well.
   */
  readExactLong(): number {
    const high = this.readInt();
    const low = this.readInt() >>> 0;
    const exact = (high >= -EXACT_HIGH && high < EXACT_HIGH) || (high === MIN_LONG_HIGH && low === 0);
    if (!exact) malformed(`the number 0x${(high >>> 0).toString(16)}${low.toString(16).padStart(8, '0')} is too large`);
    return high * WORD + low;
  }

  /**
   * A 64-bit number, rounded beyond 2^53; for what a client may set to anything and what is only compared with exact
   * numbers, such as its last zxid.
   */
  readRoundedLong(): number {
    const high = this.readInt();
    return high * WORD + (this.readInt() >>> 0);
  }

  /** A view of the bytes, or null for ZooKeeper's null (length -1). */
  readBuffer(): Uint8Array | null {
    const length = this.#readLength('buffer');
    if (length === -1) return null;
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Null for ZooKeeper's null (length -1). */
  readNullableString(): string | null {
    const length = this.#readLength('string');
    if (length === -1) return null;
    const at = this.#advance(length);
    return decodeUtf8(this.#bytes, at, at + length);
  }

  /** A null reads as the empty string: no field of ZooKeeper's distinguishes the two in what it means. */
  readString(): string {
    return this.readNullableString() ?? '';
  }

  /**
   * The number of elements of a vector that follows, or -1 for null.
   * @param elementBytesMin What an element takes at the least: a count that cannot fit is refused before anything is done.
   */
  readVectorLength(elementBytesMin: number): number {
    const count = this.readInt();
    if (count < -1 || count * elementBytesMin > this.remaining) {
      malformed(`a vector claims ${count} elements where ${this.remaining} bytes are left`);
    }
    return count;
  }

  /** A null vector reads as an empty one. */
  readStrings(): string[] {
    const count = this.readVectorLength(4);
    const strings: string[] = [];
    for (let i = 0; i < count; i++) strings.push(this.readString());
    return strings;
  }

  /** A view of the next bytes, without a length before them. */
  readRaw(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  #readLength(what: string): number {
    const length = this.readInt();
    if (length < -1) malformed(`a ${what} claims a length of ${length}`);
    return length;
  }

  #advance(length: number): number {
    const at = this.#offset;
    const next = at + length;
    if (next > this.#end) malformed(`${length} bytes are wanted where ${this.#end - at} are left`);
    this.#offset = next;
    return at;
  }
}

/** @throws CodedError ZK_FRAME_MALFORMED always. */
export function malformed(what: string): never {
  throw new CodedError('ZK_FRAME_MALFORMED', `malformed bytes: ${what}`);
}
