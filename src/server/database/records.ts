import { PagedInts } from './paged-ints.ts';

/**
 * Records of a fixed number of 32-bit fields, numbered from 1 (0 is none), in pages of typed arrays: to the garbage collector a
 * million of them are a few pages without a reference in them. A freed record's first field holds the next free one.
 */
export class Records {
  readonly #ints: PagedInts = new PagedInts();
  readonly #length: number;
  #fresh = 1;
  #free = 0;
  #size = 0;

  /** @param length Fields of a record; a power of 2 for {@link duplicate} and for wide fields. */
  constructor(length: number) {
    this.#length = length;
  }

  /** How many records are in use. */
  get size(): number {
    return this.#size;
  }

  int(record: number, field: number): number {
    return this.#ints.get(record * this.#length + field);
  }

  setInt(record: number, field: number, value: number): void {
    this.#ints.set(record * this.#length + field, value);
  }

  /** A 64-bit float in the place of two fields, of which `field` is the first, an even one. */
  wide(record: number, field: number): number {
    return this.#ints.getWide(record * this.#length + field);
  }

  setWide(record: number, field: number, value: number): void {
    this.#ints.setWide(record * this.#length + field, value);
  }

  /** A new record, all of whose fields are 0. */
  allocate(): number {
    this.#size++;
    const record = this.#free;
    if (record === 0) {
      this.#ints.grow((this.#fresh + 1) * this.#length);
      return this.#fresh++;
    }
    this.#free = this.int(record, 0);
    for (let field = 0; field < this.#length; field++) this.setInt(record, field, 0);
    return record;
  }

  free(record: number): void {
    this.#size--;
    this.setInt(record, 0, this.#free);
    this.#free = record;
  }

  /** A new record with the content of this one. */
  duplicate(record: number): number {
    const copy = this.allocate();
    this.#ints.copy(record * this.#length, copy * this.#length, this.#length);
    return copy;
  }
}
