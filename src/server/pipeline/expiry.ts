/** Something that an {@link ExpiryQueue} watches over. The queue alone writes these two. */
export interface Expirable {
  /** When it expires unless it is touched before. */
  expiresMs: number;
  /** The bucket that holds it: never later than `expiresMs`. */
  bucketMs: number;
}

/**
 * Things that expire unless they are touched, in buckets of one interval, as ZooKeeper's ExpiryQueue: an expiry time is
 * rounded up to the end of its interval, so that thousands of sessions cost one timer.
 *
 * A touch writes one number and moves nothing (every request is a touch): an item is put into its right bucket only when
 * the one that holds it comes due.
 */
export class ExpiryQueue<T extends Expirable> {
  readonly #intervalMs: number;
  readonly #buckets = new Map<number, Set<T>>();
  #size = 0;

  /** @param intervalMs The width of a bucket: ZooKeeper's tickTime. */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T, nowMs: number, timeoutMs: number): void {
    item.expiresMs = this.#roundUp(nowMs + timeoutMs);
    this.#put(item);
    this.#size++;
  }

  /** Only for an item that was added. */
  touch(item: T, nowMs: number, timeoutMs: number): void {
    item.expiresMs = this.#roundUp(nowMs + timeoutMs);
    if (item.expiresMs < item.bucketMs) {
      this.#take(item);
      this.#put(item);
    }
  }

  remove(item: T): void {
    if (this.#take(item)) this.#size--;
  }

  /** Removes and returns what has expired, `max` items at most; the rest comes with the next call. */
  poll(nowMs: number, max: number): T[] {
    const expired: T[] = [];
    for (const [bucketMs, bucket] of this.#buckets) {
      if (bucketMs > nowMs) continue;
      for (const item of bucket) {
        if (item.expiresMs > nowMs) {
          bucket.delete(item);
          this.#put(item);
        } else if (expired.length < max) {
          bucket.delete(item);
          this.#size--;
          expired.push(item);
        }
      }
      if (bucket.size === 0) this.#buckets.delete(bucketMs);
    }
    return expired;
  }

  /** When {@link poll} has something to look at next; Infinity for never. */
  nextDeadlineMs(): number {
    let next = Infinity;
    for (const bucketMs of this.#buckets.keys()) next = Math.min(next, bucketMs);
    return next;
  }

  #roundUp(timeMs: number): number {
    return (Math.floor(timeMs / this.#intervalMs) + 1) * this.#intervalMs;
  }

  #put(item: T): void {
    item.bucketMs = item.expiresMs;
    const bucket = this.#buckets.get(item.bucketMs);
    if (bucket === undefined) this.#buckets.set(item.bucketMs, new Set([item]));
    else bucket.add(item);
  }

  #take(item: T): boolean {
    const bucket = this.#buckets.get(item.bucketMs);
    if (bucket === undefined || !bucket.delete(item)) return false;
    if (bucket.size === 0) this.#buckets.delete(item.bucketMs);
    return true;
  }
}
