import { PagedInts } from './paged-ints.ts';
import type { Records } from './records.ts';

/**
 * A bucket is one cache line: up to seven hashes and the records they belong to (0 where a slot is free), and the first of
 * the records that found no room, which are linked through a field of their own.
 */
const SLOTS = 7;
const CHAIN = 7;
const IDS = 8;
const BUCKET_SHIFT = 4;
const BUCKET_INTS = 1 << BUCKET_SHIFT;

const INITIAL_BUCKETS = 16;
const RECORDS_PER_BUCKET = 4;

/**
 * A hash table of records whose owner knows how to compare what they stand for:
 *
 *     for (let id = table.first(hash); id !== 0; id = table.next()) {
 *       if (isWanted(id)) return id;
 *     }
 *
 * Linear hashing (W. Litwin, 1980): it grows by one bucket at a time, so no insertion ever rehashes the whole table. In a
 * large one nearly all time goes into waiting for memory: a search that finds nothing reads one cache line, one that finds
 * something reads the record beside, and splitting a bucket reads no record at all.
 */
export class HashTable {
  readonly #buckets = new PagedInts();
  readonly #records: Records;
  readonly #hashField: number;
  readonly #nextField: number;
  #size = 0;
  /** Buckets below `#split` are divided by `#mask * 2 + 1` already, the others by `#mask` still. */
  #mask = INITIAL_BUCKETS - 1;
  #split = 0;
  /** Where the search stands that `first` began. */
  #soughtHash = 0;
  #soughtBase = 0;
  #soughtSlot = 0;
  #soughtChain = 0;

  /** @param hashField The records' field for the hash. @param nextField Their field for the next without a slot. */
  constructor(records: Records, hashField: number, nextField: number) {
    this.#records = records;
    this.#hashField = hashField;
    this.#nextField = nextField;
    this.#buckets.grow(INITIAL_BUCKETS * BUCKET_INTS);
  }

  get size(): number {
    return this.#size;
  }

  /** The first record with this hash, or 0. */
  first(hash: number): number {
    this.#soughtHash = hash;
    this.#soughtBase = this.#baseOf(hash);
    this.#soughtSlot = 0;
    return this.next();
  }

  /** The next record with the hash that {@link first} was asked for, or 0. Nothing may be added or removed between. */
  next(): number {
    const hash = this.#soughtHash;
    const page = this.#buckets.page(this.#soughtBase);
    const base = this.#buckets.inPage(this.#soughtBase);
    for (let slot = this.#soughtSlot; slot < SLOTS; slot++) {
      if (page[base + slot] !== hash) continue;
      const id = page[base + IDS + slot] as number;
      if (id === 0) continue;
      this.#soughtSlot = slot + 1;
      return id;
    }
    let id = this.#soughtSlot > SLOTS ? this.#nextOf(this.#soughtChain) : (page[base + CHAIN] as number);
    while (id !== 0 && this.#hashOf(id) !== hash) id = this.#nextOf(id);
    this.#soughtSlot = SLOTS + 1;
    this.#soughtChain = id;
    return id;
  }

  /** Adds a record that is not in the table. */
  add(id: number, hash: number): void {
    this.#records.setInt(id, this.#hashField, hash);
    this.#put(this.#baseOf(hash), id, hash);
    this.#size++;
    if (this.#size > (this.#mask + 1 + this.#split) * RECORDS_PER_BUCKET) this.#splitOne();
  }

  /** Removes a record that is in the table. */
  remove(id: number): void {
    const buckets = this.#buckets;
    const base = this.#baseOf(this.#hashOf(id));
    const chained = buckets.get(base + CHAIN);
    this.#size--;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (buckets.get(base + IDS + slot) !== id) continue;
      buckets.set(base + IDS + slot, chained);
      if (chained !== 0) {
        buckets.set(base + slot, this.#hashOf(chained));
        buckets.set(base + CHAIN, this.#nextOf(chained));
      }
      return;
    }
    if (chained === id) {
      buckets.set(base + CHAIN, this.#nextOf(id));
      return;
    }
    let before = chained;
    while (this.#nextOf(before) !== id) before = this.#nextOf(before);
    this.#records.setInt(before, this.#nextField, this.#nextOf(id));
  }

  #put(bucket: number, id: number, hash: number): void {
    const page = this.#buckets.page(bucket);
    const base = this.#buckets.inPage(bucket);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (page[base + IDS + slot] !== 0) continue;
      page[base + slot] = hash;
      page[base + IDS + slot] = id;
      return;
    }
    this.#records.setInt(id, this.#nextField, page[base + CHAIN] as number);
    page[base + CHAIN] = id;
  }

  /** Divides the next bucket between itself and a new one. */
  #splitOne(): void {
    const buckets = this.#buckets;
    const bit = this.#mask + 1;
    const from = this.#split << BUCKET_SHIFT;
    const to = (bit + this.#split) << BUCKET_SHIFT;
    buckets.grow(to + BUCKET_INTS);
    for (let slot = 0; slot < SLOTS; slot++) {
      const id = buckets.get(from + IDS + slot);
      const hash = buckets.get(from + slot);
      if (id === 0 || (hash & bit) === 0) continue;
      buckets.set(from + IDS + slot, 0);
      this.#put(to, id, hash);
    }
    let id = buckets.get(from + CHAIN);
    buckets.set(from + CHAIN, 0);
    while (id !== 0) {
      const next = this.#nextOf(id);
      const hash = this.#hashOf(id);
      this.#put((hash & bit) === 0 ? from : to, id, hash);
      id = next;
    }
    this.#split++;
    if (this.#split === bit) {
      this.#mask = this.#mask * 2 + 1;
      this.#split = 0;
    }
  }

  /** Where the bucket for a hash begins. */
  #baseOf(hash: number): number {
    const bucket = hash & this.#mask;
    return (bucket < this.#split ? hash & (this.#mask * 2 + 1) : bucket) << BUCKET_SHIFT;
  }

  #hashOf(id: number): number {
    return this.#records.int(id, this.#hashField);
  }

  #nextOf(id: number): number {
    return this.#records.int(id, this.#nextField);
  }
}
