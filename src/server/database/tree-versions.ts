import type { BlockRef, BlockStore } from './block-store.ts';
import { Int } from './node-records.ts';
import type { Records } from './records.ts';

interface Retired {
  /** Versions up to this one may still need it. */
  readonly lastNeededBy: number;
  readonly record: number;
  readonly block: BlockRef;
}

/**
 * How much of what a closed version leaves is freed with it; the rest follows bit by bit while transactions are applied. A
 * snapshot that took minutes can leave millions.
 */
const FREED_AT_ONCE = 10_000;
const FREED_WITH_EACH = 8;

/**
 * Copy on write for snapshots. Opening one costs nothing: the tree gets a new version number. A record that changes for
 * the first time since then is copied before, and each record says since which version its content is what it is
 * (`born`) and where the content before that lies (`older`). What an open version may still read is not freed but retired,
 * until that version is closed; what came and went since is freed as ever, so that a snapshot costs no more than what it shows.
 */
export class TreeVersions {
  readonly #records: Records;
  readonly #blocks: BlockStore;
  /** Ascending. */
  readonly #open: number[] = [];
  #current = 0;
  /** In the order of `lastNeededBy`; those before `#retiredFirst` are freed already. */
  #retired: Retired[] = [];
  #retiredFirst = 0;

  constructor(records: Records, blocks: BlockStore) {
    this.#records = records;
    this.#blocks = blocks;
  }

  /** The version that new records belong to. */
  get current(): number {
    return this.#current;
  }

  get anyOpen(): boolean {
    return this.#open.length > 0;
  }

  open(): number {
    this.#current++;
    this.#open.push(this.#current);
    return this.#current;
  }

  close(version: number): void {
    const at = this.#open.indexOf(version);
    if (at === -1) return;
    this.#open.splice(at, 1);
    this.#freeRetired(FREED_AT_ONCE);
  }

  /** To be called before a record changes: keeps its content for the versions that need it. */
  preserve(id: number): void {
    if (this.#retired.length > 0) this.#freeRetired(FREED_WITH_EACH);
    if (!this.#isSeen(id)) return;
    const records = this.#records;
    const copy = records.duplicate(id);
    records.setInt(id, Int.older, copy);
    records.setInt(id, Int.born, this.#current);
    this.#retire(copy, 0);
  }

  /** The record that holds what `id` was in an open version. */
  recordAt(version: number, id: number): number {
    let record = id;
    while (this.#records.int(record, Int.born) >= version) record = this.#records.int(record, Int.older);
    return record;
  }

  /** Frees a record that is in no directory any more, with its name and its data, or keeps what an open version may read. */
  discard(id: number): void {
    const name = this.#records.int(id, Int.nameBlock);
    this.freeData(id);
    // What was there before the newest version began is reached through it, whatever has become of it since.
    if (this.#isSeen(id) || (this.anyOpen && this.#records.int(id, Int.older) !== 0)) {
      this.#retire(id, name);
      return;
    }
    this.#blocks.free(name);
    this.#records.free(id);
  }

  /** The same for the data of a record that is about to get others, behind {@link preserve}. */
  freeData(id: number): void {
    const block = this.#records.int(id, Int.dataBlock);
    if (block === 0) return;
    const older = this.#records.int(id, Int.older);
    const isShared = this.anyOpen && older !== 0 && this.#records.int(older, Int.dataBlock) === block;
    if (isShared || this.#isSeen(id)) this.#retire(0, block);
    else this.#blocks.free(block);
  }

  /** Whether an open version reads the present content of a record. */
  #isSeen(id: number): boolean {
    // Open versions are in ascending order: if the newest does not see it, none does.
    const newest = this.#open.at(-1);
    return newest !== undefined && this.#records.int(id, Int.born) < newest;
  }

  #retire(record: number, block: BlockRef): void {
    this.#retired.push({ lastNeededBy: this.#current, record, block });
  }

  /** Frees what no open version needs any more, at most `count` of it. */
  #freeRetired(count: number): void {
    const retired = this.#retired;
    const oldestOpen = this.#open[0] ?? Infinity;
    const end = Math.min(retired.length, this.#retiredFirst + count);
    let at = this.#retiredFirst;
    for (; at < end; at++) {
      const { lastNeededBy, record, block } = retired[at] as Retired;
      if (lastNeededBy >= oldestOpen) break;
      if (record !== 0) this.#records.free(record);
      this.#blocks.free(block);
    }
    this.#retiredFirst = at;
    if (at > 0 && at * 2 >= retired.length) {
      this.#retired = retired.slice(at);
      this.#retiredFirst = 0;
    }
  }
}
