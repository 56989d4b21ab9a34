/**
 * What the storage has done, for metrics. The numbers live in one Float64Array, so that the log's worker can count in
 * shared memory and the main thread can read without asking.
 */
export class StorageCounters {
  readonly #values: Float64Array;

  constructor(values: Float64Array = new Float64Array(VALUES)) {
    this.#values = values;
  }

  add(name: CounterName, amount: number): void {
    const at = COUNTER_NAMES.indexOf(name);
    this.#values[at] = (this.#values[at] ?? 0) + amount;
  }

  /** Keeps the larger one. */
  raise(name: CounterName, value: number): void {
    const at = COUNTER_NAMES.indexOf(name);
    this.#values[at] = Math.max(this.#values[at] ?? 0, value);
  }

  set(name: CounterName, value: number): void {
    this.#values[COUNTER_NAMES.indexOf(name)] = value;
  }

  /** How long something took: counted, and kept until {@link RECENT_MAX} later ones have come. */
  took(series: Series, durationMs: number): void {
    const { count, sum, min, max } = NAMES[series];
    const done = this.#get(count);
    this.#values[recentAt(series) + (done % RECENT_MAX)] = durationMs;
    if (done === 0 || durationMs < this.#get(min)) this.set(min, durationMs);
    this.raise(max, durationMs);
    this.add(sum, durationMs);
    this.add(count, 1);
  }

  read(): StorageMetrics {
    const counted = Object.fromEntries(COUNTER_NAMES.map((name, at) => [name, this.#values[at] ?? 0]));
    return {
      ...(counted as Readonly<Record<CounterName, number>>),
      syncMs: this.#durations('sync'),
      snapshotMs: this.#durations('snapshot'),
    };
  }

  #get(name: CounterName): number {
    return this.#values[COUNTER_NAMES.indexOf(name)] ?? 0;
  }

  #durations(series: Series): StorageDurations {
    const { count, sum, min, max } = NAMES[series];
    const from = recentAt(series);
    const recent = this.#values.slice(from, from + Math.min(this.#get(count), RECENT_MAX));
    return { count: this.#get(count), sum: this.#get(sum), min: this.#get(min), max: this.#get(max), recent };
  }
}

/** So many of the latest durations are kept of each series. */
const RECENT_MAX = 256;

const COUNTER_NAMES = [
  'entriesAppended',
  'bytesAppended',
  'syncs',
  'syncTotalMs',
  'syncMinMs',
  'syncMaxMs',
  'slowSyncs',
  'snapshotsSaved',
  'snapshotTotalMs',
  'snapshotMinMs',
  'snapshotMaxMs',
  'snapshotsAbandoned',
  'snapshotLastBytes',
] as const;

type CounterName = (typeof COUNTER_NAMES)[number];

const SERIES = ['sync', 'snapshot'] as const;

type Series = (typeof SERIES)[number];

const NAMES = {
  sync: { count: 'syncs', sum: 'syncTotalMs', min: 'syncMinMs', max: 'syncMaxMs' },
  snapshot: { count: 'snapshotsSaved', sum: 'snapshotTotalMs', min: 'snapshotMinMs', max: 'snapshotMaxMs' },
} as const satisfies Record<Series, Record<string, CounterName>>;

/** Behind the counters, one series after the other. */
function recentAt(series: Series): number {
  return COUNTER_NAMES.length + SERIES.indexOf(series) * RECENT_MAX;
}

const VALUES = COUNTER_NAMES.length + SERIES.length * RECENT_MAX;

/** Durations in milliseconds. */
export interface StorageDurations {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** The latest ones, in no order. */
  readonly recent: Float64Array;
}

/** Sums since the start; `syncMs` are fdatasyncs of the log. */
export type StorageMetrics = Readonly<Record<CounterName, number>> & {
  readonly syncMs: StorageDurations;
  readonly snapshotMs: StorageDurations;
};

/** Bytes of shared memory that the counters need. */
export const COUNTERS_BYTES = VALUES * Float64Array.BYTES_PER_ELEMENT;
