const PAGE_SHIFT = 16;
const PAGE_LENGTH = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_LENGTH - 1;
const FIRST_PAGE_LENGTH = 1 << 10;

/**
 * An array of 32-bit integers that grows page by page: growing never copies what is there, so that a large tree has no
 * moment in which everything stops for it. (Only the first page starts small, for small trees, and doubles.) Untouched
 * elements are 0.
 *
 * The same memory can be read as 64-bit floats, each in the place of two integers.
 */
export class PagedInts {
  readonly #ints: Int32Array[] = [];
  readonly #wides: Float64Array[] = [];

  get(index: number): number {
    return (this.#ints[index >>> PAGE_SHIFT] as Int32Array)[index & PAGE_MASK] as number;
  }

  set(index: number, value: number): void {
    (this.#ints[index >>> PAGE_SHIFT] as Int32Array)[index & PAGE_MASK] = value;
  }

  /** The page that holds an element, for loops over several of it: the element is at {@link inPage} of its index. */
  page(index: number): Int32Array {
    return this.#ints[index >>> PAGE_SHIFT] as Int32Array;
  }

  inPage(index: number): number {
    return index & PAGE_MASK;
  }

  /** @param index An even index of an integer. */
  getWide(index: number): number {
    return (this.#wides[index >>> PAGE_SHIFT] as Float64Array)[(index & PAGE_MASK) >>> 1] as number;
  }

  setWide(index: number, value: number): void {
    (this.#wides[index >>> PAGE_SHIFT] as Float64Array)[(index & PAGE_MASK) >>> 1] = value;
  }

  /** Copies elements; neither range may cross the end of a page. */
  copy(from: number, to: number, length: number): void {
    const start = from & PAGE_MASK;
    const source = this.#ints[from >>> PAGE_SHIFT] as Int32Array;
    (this.#ints[to >>> PAGE_SHIFT] as Int32Array).set(source.subarray(start, start + length), to & PAGE_MASK);
  }

  /** Makes room for the elements below `length`. */
  grow(length: number): void {
    const first = this.#ints[0];
    if (first === undefined || first.length < Math.min(length, PAGE_LENGTH)) {
      let firstLength = first?.length ?? FIRST_PAGE_LENGTH;
      while (firstLength < Math.min(length, PAGE_LENGTH)) firstLength *= 2;
      const page = new Int32Array(firstLength);
      if (first !== undefined) page.set(first);
      this.#put(0, page);
    }
    while (this.#ints.length * PAGE_LENGTH < length) {
      this.#put(this.#ints.length, new Int32Array(PAGE_LENGTH));
    }
  }

  #put(index: number, page: Int32Array): void {
    this.#ints[index] = page;
    this.#wides[index] = new Float64Array(page.buffer);
  }
}
