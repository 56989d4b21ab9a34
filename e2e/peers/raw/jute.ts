/**
 * ZooKeeper's serialization, written from zookeeper.jute and independent of the codec in `src/`: what both agree on has been
 * read by two readers. Plain rather than fast; longs are bigints.
 */

/** Collects the bytes of a record. Strings and buffers may be null, which is length -1 on the wire. */
export class JuteWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32BE(value);
    this.#parts.push(bytes);
    return this;
  }

  long(value: bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(value);
    this.#parts.push(bytes);
    return this;
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }

  buffer(value: Uint8Array | null): this {
    if (value === null) return this.int(-1);
    this.int(value.length);
    this.#parts.push(Buffer.from(value));
    return this;
  }

  string(value: string | null): this {
    return this.buffer(value === null ? null : Buffer.from(value, 'utf8'));
  }

  vector<T>(values: readonly T[] | null, write: (writer: this, value: T) => void): this {
    if (values === null) return this.int(-1);
    this.int(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** The bytes as a frame: their length in four bytes before them. */
  frame(): Buffer {
    const body = this.bytes();
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(body.length);
    return Buffer.concat([length, body]);
  }
}

/** Reads a record from the front. Every method throws RangeError when the bytes do not suffice. */
export class JuteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#offset);
    this.#offset += 4;
    return value;
  }

  long(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#offset);
    this.#offset += 8;
    return value;
  }

  bool(): boolean {
    const value = this.#bytes.readUInt8(this.#offset);
    this.#offset += 1;
    return value !== 0;
  }

  buffer(): Buffer | null {
    const length = this.int();
    if (length < 0) return null;
    if (length > this.remaining) throw new RangeError(`a buffer of ${length} bytes, but only ${this.remaining} left`);
    const value = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return value;
  }

  string(): string | null {
    return this.buffer()?.toString('utf8') ?? null;
  }

  vector<T>(read: (reader: this) => T): T[] | null {
    const length = this.int();
    if (length < 0) return null;
    if (length > this.remaining) throw new RangeError(`a vector of ${length} elements in ${this.remaining} bytes`);
    return Array.from({ length }, () => read(this));
  }
}
