import { formatZxid, type Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { follows } from './history.ts';
import { violation } from './violation.ts';

/**
 * What a leader sends between DIFF, TRUNC or SNAP and NEWLEADER, in memory: nothing of it is logged before all of it is
 * there, so that a connection that breaks in the middle leaves the log as it was.
 */
export class IncomingHistory {
  readonly #observer: boolean;
  /** Where the history begins: what the log, or the snapshot, holds already. */
  readonly #start: Zxid;
  #entries: LogEntry[] = [];
  #committed: Zxid;

  constructor(start: Zxid, observer: boolean) {
    this.#start = start;
    this.#committed = start;
    this.#observer = observer;
  }

  /** Up to where the leader has said that the history is committed. */
  get committed(): Zxid {
    return this.#committed;
  }

  get last(): Zxid {
    return this.#entries.at(-1)?.zxid ?? this.#start;
  }

  /**
   * A PROPOSAL. One at or before the start is passed over: ZooKeeper takes a snapshot while transactions go on, and sends
   * some that the snapshot holds already.
   */
  propose(entry: LogEntry): void {
    if (entry.zxid <= this.#start) return;
    if (!follows(this.last, entry.zxid)) {
      violation(`gap in the history from the leader: ${formatZxid(entry.zxid)} cannot follow ${formatZxid(this.last)}`);
    }
    this.#entries.push(entry);
  }

  /** A COMMIT. */
  commit(zxid: Zxid): void {
    if (zxid > this.last) violation(`the leader commits ${formatZxid(zxid)} without having proposed it`);
    this.#committed = Math.max(this.#committed, zxid);
  }

  /** An INFORM: proposed and committed at once. An observer may have seen the same as a proposal before. */
  inform(entry: LogEntry): void {
    this.#dropUncommitted();
    this.propose(entry);
    this.commit(entry.zxid);
  }

  /** Everything, for the log. An observer keeps only what is committed: it will be informed of the rest. */
  take(): readonly LogEntry[] {
    if (this.#observer) this.#dropUncommitted();
    return this.#entries;
  }

  #dropUncommitted(): void {
    if (this.last > this.#committed) this.#entries = this.#entries.filter((entry) => entry.zxid <= this.#committed);
  }
}
