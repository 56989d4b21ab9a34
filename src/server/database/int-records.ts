import { PagedInts } from './paged-ints.ts';

/** Records of a few integers each, numbered from 1. */
export class IntRecords {
  readonly #ints: PagedInts = new PagedInts();
  readonly #length: number;
  #fresh = 1;
  #free = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get(record: number, field: number): number {
    return this.#ints.get(record * this.#length + field);
  }

  set(record: number, field: number, value: number): void {
    this.#ints.set(record * this.#length + field, value);
  }

  /** A new record of zeros. */
  allocate(): number {
    const record = this.#free === 0 ? this.#fresh++ : this.#free;
    if (record === this.#free) this.#free = this.get(record, 0);
    this.#ints.grow((record + 1) * this.#length);
    for (let field = 0; field < this.#length; field++) this.set(record, field, 0);
    return record;
  }

  free(record: number): void {
    this.set(record, 0, this.#free);
    this.#free = record;
  }
}
