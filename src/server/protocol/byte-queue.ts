/**
 * The bytes of a stream that could not be used yet, as one contiguous view. Memory grows with what arrived, never with
 * what a length field claims.
 */
export class ByteQueue {
  #bytes = NO_BYTES;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Everything that is waiting; valid until the next call of a method. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    const needed = this.length + chunk.length;
    if (needed > this.#bytes.length - this.#start) {
      const moved =
        needed > this.#bytes.length ? new Uint8Array(Math.max(needed, this.#bytes.length * 2)) : this.#bytes;
      moved.set(this.view());
      this.#end = this.length;
      this.#start = 0;
      this.#bytes = moved;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Removes bytes from the front. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    // A connection at rest holds no memory that one long message made it grow.
    if (this.#bytes.length > KEEP_BYTES_MAX) this.#bytes = NO_BYTES;
  }
}

const NO_BYTES = new Uint8Array(0);
const KEEP_BYTES_MAX = 64 * 1024;
