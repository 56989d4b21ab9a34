/** Delays that double from the first to the longest, in milliseconds, each shortened by up to half at random. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  /** The delay to wait now; the next one will be twice as long. */
  next(): number {
    const delayMs = this.#nextMs * (0.5 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#longestMs);
    return delayMs;
  }

  /** To be called after a success. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
