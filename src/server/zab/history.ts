import { assert } from '../../common/errors.ts';
import { counterOf, epochOf, formatZxid, type Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { violation } from './violation.ts';

/**
 * True if an entry may stand right behind another: the next of the same epoch, or the first of a later one. A log
 * with anything else in it has lost something (ZOOKEEPER-4925).
 */
export function follows(previous: Zxid, next: Zxid): boolean {
  const counter = counterOf(next);
  if (next === previous + 1) return counter !== 0;
  return counter === 1 && epochOf(next) > epochOf(previous);
}

/** What the delivered entries that are kept may take: a learner that is behind by more gets a snapshot, which is hardly larger then. */
export const HISTORY_BYTES_MAX = 64 * 1024 * 1024;

/** The newest of these entries: so many, or as few as take no more than {@link HISTORY_BYTES_MAX}. */
export function newestOf(entries: readonly LogEntry[], count: number): LogEntry[] {
  let first = entries.length;
  let bytes = 0;
  while (first > 0 && entries.length - first < count) {
    bytes += entries[first - 1]?.bytes.length ?? 0;
    if (bytes > HISTORY_BYTES_MAX) break;
    first--;
  }
  return entries.slice(first);
}

/**
 * The end of this server's log in memory: the newest delivered entries, kept to bring learners up to date by DIFF, and
 * behind them those that are logged and not delivered yet.
 */
export class History {
  readonly #keep: number;
  #entries: LogEntry[] = [];
  #deliveredCount = 0;
  #deliveredBytes = 0;
  #base: Zxid = 0;
  #logged: Zxid = 0;
  #delivered: Zxid = 0;

  /** @param keep How many delivered entries stay at the least (up to twice as many: they are dropped in batches), but for large ones. */
  constructor(keep: number, lastZxid: Zxid, recentEntries: readonly LogEntry[]) {
    this.#keep = keep;
    this.reset(lastZxid, recentEntries);
  }

  /** The zxid of the last entry of the log; that of the snapshot where there is none behind it. */
  get logged(): Zxid {
    return this.#logged;
  }

  /** The zxid of the last entry delivered. */
  get delivered(): Zxid {
    return this.#delivered;
  }

  /** The zxid before the oldest entry that is held: whoever is there can be brought up to date from here. */
  get base(): Zxid {
    return this.#base;
  }

  /** Starts anew with a state at `lastZxid`, all of it delivered. Entries that do not lead up to it are of no use. */
  reset(lastZxid: Zxid, recentEntries: readonly LogEntry[]): void {
    const usable = recentEntries.at(-1)?.zxid === lastZxid;
    this.#entries = usable ? newestOf(recentEntries, this.#keep) : [];
    this.#entries.forEach((entry, index) => {
      const previous = this.#entries[index - 1];
      assert(
        previous === undefined || follows(previous.zxid, entry.zxid),
        `the recovered log has a gap before ${formatZxid(entry.zxid)}`,
      );
    });
    this.#deliveredCount = this.#entries.length;
    this.#deliveredBytes = bytesOf(this.#entries);
    this.#base = (this.#entries[0]?.zxid ?? lastZxid + 1) - 1;
    this.#logged = lastZxid;
    this.#delivered = lastZxid;
  }

  /** @throws CodedError ZK_PROTOCOL_VIOLATION if the entry does not follow the last one. */
  append(entry: LogEntry): void {
    if (!follows(this.#logged, entry.zxid)) {
      violation(`gap: entry ${formatZxid(entry.zxid)} cannot follow ${formatZxid(this.#logged)}`);
    }
    this.#entries.push(entry);
    this.#logged = entry.zxid;
  }

  /** Takes the next entry to deliver, if there is one up to `through`. */
  deliverNext(through: Zxid): LogEntry | undefined {
    const entry = this.#entries[this.#deliveredCount];
    if (entry === undefined || entry.zxid > through) return undefined;
    this.#deliveredCount++;
    this.#deliveredBytes += entry.bytes.length;
    this.#delivered = entry.zxid;
    if (this.#deliveredCount > this.#keep * 2 || this.#deliveredBytes > HISTORY_BYTES_MAX * 2) this.#trim();
    return entry;
  }

  /** The largest zxid held and delivered that is not above the given one, or undefined if that is before the oldest. */
  floor(zxid: Zxid): Zxid | undefined {
    if (zxid < this.#base) return undefined;
    const index = this.#indexAfter(Math.min(zxid, this.#delivered));
    return this.#entries[index - 1]?.zxid ?? this.#base;
  }

  /** The entries after one zxid up to and with another. */
  between(after: Zxid, through: Zxid): readonly LogEntry[] {
    return this.#entries.slice(this.#indexAfter(after), this.#indexAfter(through));
  }

  /** The index of the first entry above a zxid. */
  #indexAfter(zxid: Zxid): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.zxid ?? 0) > zxid) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #trim(): void {
    const kept = newestOf(this.#entries.slice(0, this.#deliveredCount), this.#keep);
    const dropped = this.#entries.splice(0, this.#deliveredCount - kept.length);
    this.#deliveredCount = kept.length;
    this.#deliveredBytes = bytesOf(kept);
    this.#base = dropped.at(-1)?.zxid ?? this.#base;
  }
}

function bytesOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
