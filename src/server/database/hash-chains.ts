import { PagedInts } from './paged-ints.ts';
import type { Records } from './records.ts';

const INITIAL_BUCKETS = 64;

/**
 * A hash table of records whose owner knows how to compare what they stand for:
 *
 *     for (let id = chains.first(hash); id !== 0; id = chains.next(id)) {
 *       if (chains.hashOf(id) === hash && equal(id)) return id;
 *     }
 *
 * Linear hashing (W. Litwin, 1980): it grows by one bucket at a time, so no insertion ever rehashes the whole table. Two
 * fields of the records hold the hash and the next in the chain, next to what a comparison reads; a bucket is four bytes.
 */
export class HashChains {
  /** Heads of the chains. */
  readonly #buckets = new PagedInts();
  readonly #records: Records;
  readonly #hash: number;
  readonly #next: number;
  #size = 0;
  /** Buckets below `#split` are divided by `#mask * 2 + 1` already, the others by `#mask` still. */
  #mask = INITIAL_BUCKETS - 1;
  #split = 0;

  /** @param hash The field for the hash. @param next The field for the next in the chain. */
  constructor(records: Records, hash: number, next: number) {
    this.#records = records;
    this.#hash = hash;
    this.#next = next;
    this.#buckets.grow(INITIAL_BUCKETS);
  }

  get size(): number {
    return this.#size;
  }

  /** The first record of the chain that holds those with this hash, or 0. */
  first(hash: number): number {
    return this.#buckets.get(this.#bucketOf(hash));
  }

  /** The record behind this one in its chain, or 0. */
  next(id: number): number {
    return this.#records.int(id, this.#next);
  }

  hashOf(id: number): number {
    return this.#records.int(id, this.#hash);
  }

  /** Adds a record that is not in the table. */
  add(id: number, hash: number): void {
    const bucket = this.#bucketOf(hash);
    this.#records.setInt(id, this.#hash, hash);
    this.#setNext(id, this.#buckets.get(bucket));
    this.#buckets.set(bucket, id);
    this.#size++;
    if (this.#size > this.#mask + 1 + this.#split) this.#splitOne();
  }

  /** Removes a record that is in the table. */
  remove(id: number): void {
    const bucket = this.#bucketOf(this.hashOf(id));
    const behind = this.next(id);
    let at = this.#buckets.get(bucket);
    if (at === id) {
      this.#buckets.set(bucket, behind);
    } else {
      while (this.next(at) !== id) at = this.next(at);
      this.#setNext(at, behind);
    }
    this.#size--;
  }

  #setNext(id: number, next: number): void {
    this.#records.setInt(id, this.#next, next);
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
        this.#setNext(id, stay);
        stay = id;
      } else {
        this.#setNext(id, move);
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
