/** How long a key that failed waits: from the first to the longest delay, in milliseconds. */
const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 15_000;

/**
 * A queue of keys. A key is handed to one worker at a time; added again meanwhile, it comes once more after that, and
 * added any number of times it comes once. Failed keys come back later and later.
 */
export class WorkQueue {
  readonly #ready: string[] = [];
  /** Waiting in `#ready`, or added while at work. */
  readonly #pending = new Set<string>();
  readonly #atWork = new Set<string>();
  readonly #timers = new Map<string, { readonly dueAtMs: number; readonly timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  readonly #waiters: ((key: string | undefined) => void)[] = [];
  #closed = false;

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#ready.length;
  }

  /** Puts the key into the queue unless it is there. */
  add(key: string): void {
    if (this.#closed || this.#pending.has(key)) return;
    this.#pending.add(key);
    if (!this.#atWork.has(key)) this.#enqueue(key);
  }

  /** Adds the key after a while; of several, the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueAtMs = performance.now() + delayMs;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.dueAtMs <= dueAtMs) return;
    clearTimeout(planned?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, delayMs);
    this.#timers.set(key, { dueAtMs, timer });
  }

  /**
   * Adds a key whose work failed, after a delay that doubles with every failure in a row.
   *
   * @param atLeastMs for how long the one who refused wants to be left alone, in milliseconds
   * @returns the delay in milliseconds
   */
  retry(key: string, atLeastMs = 0): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const doubledMs = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_LONGEST_MS) * (0.75 + Math.random() / 4);
    const delayMs = Math.max(doubledMs, atLeastMs);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Forgets the key's failures. */
  succeed(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which must be given back with {@link WorkQueue.done}; undefined once the queue is closed. */
  async take(): Promise<string | undefined> {
    const key = this.#ready.shift();
    if (key !== undefined) return this.#start(key);
    if (this.#closed) return undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiters.push(resolve);
    return await promise;
  }

  /** Says that the worker is through with the key. */
  done(key: string): void {
    this.#atWork.delete(key);
    if (this.#pending.has(key)) this.#enqueue(key);
  }

  /** Hands out nothing more; workers that wait get undefined. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#ready.length = 0;
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }

  #enqueue(key: string): void {
    if (this.#closed) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#ready.push(key);
    else waiter(this.#start(key));
  }

  #start(key: string): string {
    this.#pending.delete(key);
    this.#atWork.add(key);
    return key;
  }
}
