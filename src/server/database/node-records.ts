/** The fields of a record that hold 64-bit floats: zxids and times, exact as in {@link Zxid}. */
export const Wide = { czxid: 0, mzxid: 1, pzxid: 2, ctimeMs: 3, mtimeMs: 4 } as const;
export type Wide = (typeof Wide)[keyof typeof Wide];

/** The fields of a record that hold 32-bit integers; they lie behind the wide ones. */
export const Int = {
  version: 10,
  /** As stored: counts creates. */
  cversion: 11,
  aversion: 12,
  /** The 64 bits of the stored ephemeralOwner. */
  ownerHigh: 13,
  ownerLow: 14,
  /** An index of the AclTable. */
  acl: 15,
  /** -1 for null. */
  dataLength: 16,
  dataBlock: 17,
  nameLength: 18,
  nameBlock: 19,
  parent: 20,
  firstChild: 21,
  lastChild: 22,
  previousSibling: 23,
  nextSibling: 24,
  childCount: 25,
  /** The CRC-32 of path and data, from which the digest goes on; and the digest. Only where digests are kept. */
  contentCrc: 26,
  digest: 27,
  /** The version of the tree that first had the record's present content, see TreeVersions. */
  born: 28,
  /** The record that holds the content before that, or 0. */
  older: 29,
} as const;
export type Int = (typeof Int)[keyof typeof Int];

const INTS = 30;
const WIDES = INTS / 2;
const PAGE_SHIFT = 10;
const PAGE_RECORDS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_RECORDS - 1;

/**
 * The znodes' fixed parts: records of 120 bytes in pages of typed arrays, numbered from 1. To the garbage collector a tree
 * of a million znodes is a thousand pages without a single reference in them.
 */
export class NodeRecords {
  readonly #ints: Int32Array[] = [];
  readonly #wides: Float64Array[] = [];
  #fresh = 1;
  /** The last freed record; each free one holds the next in `older`. */
  #free = 0;
  #size = 0;

  /** How many records are in use. */
  get size(): number {
    return this.#size;
  }

  wide(id: number, field: Wide): number {
    return (this.#wides[id >>> PAGE_SHIFT] as Float64Array)[(id & PAGE_MASK) * WIDES + field] as number;
  }

  setWide(id: number, field: Wide, value: number): void {
    (this.#wides[id >>> PAGE_SHIFT] as Float64Array)[(id & PAGE_MASK) * WIDES + field] = value;
  }

  int(id: number, field: Int): number {
    return (this.#ints[id >>> PAGE_SHIFT] as Int32Array)[(id & PAGE_MASK) * INTS + field] as number;
  }

  setInt(id: number, field: Int, value: number): void {
    (this.#ints[id >>> PAGE_SHIFT] as Int32Array)[(id & PAGE_MASK) * INTS + field] = value;
  }

  /** A new record, all of whose fields are 0. */
  allocate(): number {
    this.#size++;
    if (this.#free !== 0) {
      const id = this.#free;
      this.#free = this.int(id, Int.older);
      const at = (id & PAGE_MASK) * INTS;
      (this.#ints[id >>> PAGE_SHIFT] as Int32Array).fill(0, at, at + INTS);
      return id;
    }
    const id = this.#fresh++;
    if (id >>> PAGE_SHIFT === this.#ints.length) {
      const ints = new Int32Array(PAGE_RECORDS * INTS);
      this.#ints.push(ints);
      this.#wides.push(new Float64Array(ints.buffer));
    }
    return id;
  }

  free(id: number): void {
    this.#size--;
    this.setInt(id, Int.older, this.#free);
    this.#free = id;
  }

  /** A new record with the content of this one. */
  duplicate(id: number): number {
    const copy = this.allocate();
    const from = this.#ints[id >>> PAGE_SHIFT] as Int32Array;
    const to = this.#ints[copy >>> PAGE_SHIFT] as Int32Array;
    const at = (id & PAGE_MASK) * INTS;
    to.set(from.subarray(at, at + INTS), (copy & PAGE_MASK) * INTS);
    return copy;
  }
}
