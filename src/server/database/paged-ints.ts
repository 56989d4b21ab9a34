const PAGE_SHIFT = 12;
const PAGE_LENGTH = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_LENGTH - 1;

/**
 * An array of 32-bit integers that grows page by page: growing never copies what is there, so that a large tree has no
 * moment in which everything stops for it. Untouched elements are 0.
 */
export class PagedInts {
  readonly #pages: Int32Array[] = [];

  get(index: number): number {
    return (this.#pages[index >>> PAGE_SHIFT] as Int32Array)[index & PAGE_MASK] as number;
  }

  set(index: number, value: number): void {
    (this.#pages[index >>> PAGE_SHIFT] as Int32Array)[index & PAGE_MASK] = value;
  }

  /** Makes room for the elements below `length`. */
  grow(length: number): void {
    while (this.#pages.length * PAGE_LENGTH < length) this.#pages.push(new Int32Array(PAGE_LENGTH));
  }
}
