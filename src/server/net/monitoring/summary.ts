/** So many of the latest values are kept for the quantiles. */
const RECENT_MAX = 512;

/** What is shown of many values: durations in milliseconds, sizes in bytes, or counts. All 0 while there are none. */
export interface SummaryReading {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** The latest values, in no order. */
  readonly recent: Float64Array;
}

/** Many values: how many, their sum, the smallest and the largest, and the latest of them. Costs a few additions a value. */
export class Summary implements SummaryReading {
  #min = Infinity;
  #max = 0;
  #sum = 0;
  #count = 0;
  readonly #recent = new Float64Array(RECENT_MAX);

  record(value: number): void {
    this.#recent[this.#count % RECENT_MAX] = value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#sum += value;
    this.#count++;
  }

  /** Forgets everything, as `srst` asks. */
  reset(): void {
    this.#min = Infinity;
    this.#max = 0;
    this.#sum = 0;
    this.#count = 0;
  }

  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  get average(): number {
    return averageOf(this);
  }

  get max(): number {
    return this.#max;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get recent(): Float64Array {
    return this.#recent.subarray(0, this.#count);
  }
}

/** 0 while there are none. */
export function averageOf({ count, sum }: SummaryReading): number {
  return count === 0 ? 0 : sum / count;
}

/** The values below which these parts (0 to 1) of the latest ones lie; NaN, as Prometheus has it, while there are none. */
export function quantilesOf({ recent }: SummaryReading, parts: readonly number[]): number[] {
  const sorted = recent.toSorted();
  return parts.map((part) => sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)] ?? Number.NaN);
}
