/** The smallest, the average and the largest of durations in milliseconds; all 0 while there are none. */
export class Latency {
  #min = Infinity;
  #max = 0;
  #sum = 0;
  #count = 0;

  record(durationMs: number): void {
    this.#min = Math.min(this.#min, durationMs);
    this.#max = Math.max(this.#max, durationMs);
    this.#sum += durationMs;
    this.#count++;
  }

  get minMs(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  get averageMs(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get maxMs(): number {
    return this.#max;
  }

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sum;
  }
}
