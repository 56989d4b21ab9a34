import { PagedInts } from './paged-ints.ts';

const INITIAL_BUCKETS = 64;

/**
 * A hash table of small positive integers ("ids", 0 is none) whose owner knows how to compare what they stand for:
 *
 *     for (let id = chains.first(hash); id !== 0; id = chains.next(id)) {
 *       if (chains.hashOf(id) === hash && equal(id)) return id;
 *     }
 *
 * Linear hashing (W. Litwin, 1980): it grows by one bucket at a time, so no insertion ever rehashes the whole table.
 * All of it lies in typed arrays, 12 bytes for each id: nothing for the garbage collector to walk.
 */
export class HashChains {
  /** Heads of the chains. */
  readonly #buckets = new PagedInts();
  /** For each id two elements: its hash and the id behind it in the chain. */
  readonly #links = new PagedInts();
  #size = 0;
  /** Buckets below `#split` are divided by `#mask * 2 + 1` already, the others by `#mask` still. */
  #mask = INITIAL_BUCKETS - 1;
  #split = 0;

  constructor() {
    this.#buckets.grow(INITIAL_BUCKETS);
  }

  get size(): number {
    return this.#size;
  }

  /** The first id of the chain that holds those with this hash, or 0. */
  first(hash: number): number {
    return this.#buckets.get(this.#bucketOf(hash));
  }

  /** The id behind this one in its chain, or 0. */
  next(id: number): number {
    return this.#links.get(id * 2 + 1);
  }

  hashOf(id: number): number {
    return this.#links.get(id * 2);
  }

  /** Adds an id that is not in the table. */
  add(id: number, hash: number): void {
    this.#links.grow(id * 2 + 2);
    const bucket = this.#bucketOf(hash);
    this.#links.set(id * 2, hash);
    this.#links.set(id * 2 + 1, this.#buckets.get(bucket));
    this.#buckets.set(bucket, id);
    this.#size++;
    if (this.#size > this.#mask + 1 + this.#split) this.#splitOne();
  }

  /** Removes an id that is in the table. */
  remove(id: number): void {
    const bucket = this.#bucketOf(this.hashOf(id));
    const behind = this.next(id);
    let at = this.#buckets.get(bucket);
    if (at === id) {
      this.#buckets.set(bucket, behind);
    } else {
      while (this.next(at) !== id) at = this.next(at);
      this.#links.set(at * 2 + 1, behind);
    }
    this.#size--;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#split ? hash & (this.#mask * 2 + 1) : bucket;
  }

  #splitOne(): void {
    const from = this.#split;
    const to = this.#mask + 1 + from;
    this.#buckets.grow(to + 1);
    let stay = 0;
    let move = 0;
    for (let id = this.#buckets.get(from); id !== 0;) {
      const behind = this.next(id);
      if ((this.hashOf(id) & (this.#mask + 1)) === 0) {
        this.#links.set(id * 2 + 1, stay);
        stay = id;
      } else {
        this.#links.set(id * 2 + 1, move);
        move = id;
      }
      id = behind;
    }
    this.#buckets.set(from, stay);
    this.#buckets.set(to, move);
    this.#split++;
    if (this.#split > this.#mask) {
      this.#mask = this.#mask * 2 + 1;
      this.#split = 0;
    }
  }
}
