import { assert } from '../../common/errors.ts';

/*
 * A pipe of bytes from one thread to another through shared memory. Both positions count bytes modulo 2^32. The writer
 * never waits; the reader sleeps in Atomics.wait. Against two message ports it saves the event loop an allocation and a
 * structured clone for every batch (numbers: README.md).
 */

const HEAD = 0;
const TAIL = 1;
/** Bumped by the reader whenever the writer should look: space it wanted, or something the reader completed. */
const SIGNAL = 2;
const SPACE_WANTED = 3;
const COMPLETED = 4;
const CONTROL_BYTES = 64;

/** Shared memory for a ring of `capacity` bytes, a power of two. */
export function createRing(capacity: number): SharedArrayBuffer {
  assert((capacity & (capacity - 1)) === 0, `a ring of ${capacity} bytes: not a power of two`);
  return new SharedArrayBuffer(CONTROL_BYTES + capacity);
}

export class RingWriter {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  #head = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
  }

  /** Copies as much of `bytes`, from `from` on, as there is space for; returns how much. Seen after {@link publish}. */
  write(bytes: Uint8Array, from: number): number {
    const capacity = this.#bytes.length;
    const used = (this.#head - Atomics.load(this.#control, TAIL)) >>> 0;
    const count = Math.min(bytes.length - from, capacity - used);
    const at = this.#head & (capacity - 1);
    const first = Math.min(count, capacity - at);
    this.#bytes.set(bytes.subarray(from, from + first), at);
    if (first < count) this.#bytes.set(bytes.subarray(from + first, from + count), 0);
    this.#head = (this.#head + count) >>> 0;
    return count;
  }

  /** Lets the reader see, and wakes it up for, everything written. */
  publish(): void {
    Atomics.store(this.#control, HEAD, this.#head | 0);
    Atomics.notify(this.#control, HEAD);
  }

  /** Asks for a signal once the reader has made space. Write again after this: the space may have come meanwhile. */
  wantSpace(): void {
    Atomics.store(this.#control, SPACE_WANTED, 1);
  }

  /** How many requests the reader has completed, modulo 2^32. */
  completed(): number {
    return Atomics.load(this.#control, COMPLETED) >>> 0;
  }

  /** Calls `onSignal` now and after every signal, until it returns false. */
  watch(onSignal: () => boolean): void {
    for (;;) {
      const seen = Atomics.load(this.#control, SIGNAL);
      if (!onSignal()) return;
      const wait = Atomics.waitAsync(this.#control, SIGNAL, seen);
      if (!wait.async) continue;
      void wait.value.then(() => this.watch(onSignal));
      return;
    }
  }

  /** Ends a {@link watch} that waits. */
  wakeWatch(): void {
    Atomics.add(this.#control, SIGNAL, 1);
    Atomics.notify(this.#control, SIGNAL);
  }
}

export class RingReader {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  #tail = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
  }

  /** Bytes that can be read without waiting. */
  available(): number {
    return (Atomics.load(this.#control, HEAD) - this.#tail) >>> 0;
  }

  /** Sleeps until there is something to read. */
  wait(): void {
    while (this.available() === 0) Atomics.wait(this.#control, HEAD, this.#tail | 0);
  }

  /** Fills `target`; sleeps where the writer has not written so much yet. */
  read(target: Uint8Array): void {
    const capacity = this.#bytes.length;
    for (let done = 0; done < target.length;) {
      this.wait();
      const at = this.#tail & (capacity - 1);
      const count = Math.min(target.length - done, this.available(), capacity - at);
      target.set(this.#bytes.subarray(at, at + count), done);
      done += count;
      this.#tail = (this.#tail + count) >>> 0;
      this.#release();
    }
  }

  /** Tells the writer that so many more requests are done. */
  complete(count: number): void {
    Atomics.add(this.#control, COMPLETED, count);
    this.#signal();
  }

  #release(): void {
    Atomics.store(this.#control, TAIL, this.#tail | 0);
    if (Atomics.exchange(this.#control, SPACE_WANTED, 0) === 1) this.#signal();
  }

  #signal(): void {
    Atomics.add(this.#control, SIGNAL, 1);
    Atomics.notify(this.#control, SIGNAL);
  }
}
