/**
 * What the storage has done, for metrics. The numbers live in one Float64Array, so that the log's worker can count in
 * shared memory and the main thread can read without asking.
 */
export class StorageCounters {
  readonly #values: Float64Array;

  constructor(values: Float64Array = new Float64Array(COUNTER_NAMES.length)) {
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

  read(): StorageMetrics {
    return Object.fromEntries(COUNTER_NAMES.map((name, at) => [name, this.#values[at] ?? 0])) as StorageMetrics;
  }
}

const COUNTER_NAMES = [
  'entriesAppended',
  'bytesAppended',
  'syncs',
  'syncTotalMs',
  'syncMaxMs',
  'slowSyncs',
  'snapshotsSaved',
  'snapshotsAbandoned',
  'snapshotLastMs',
  'snapshotLastBytes',
] as const;

type CounterName = (typeof COUNTER_NAMES)[number];

/** Sums since the start; `syncs` are fdatasyncs of the log, `syncMaxMs` the longest of them. */
export type StorageMetrics = Readonly<Record<CounterName, number>>;

/** Bytes of shared memory that the counters need. */
export const COUNTERS_BYTES = COUNTER_NAMES.length * Float64Array.BYTES_PER_ELEMENT;
