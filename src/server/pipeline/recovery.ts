import type { Zxid } from '../../common/zxid.ts';
import type { Database, SnapshotLoader } from '../database/types.ts';
import { decodeLogEntry } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { StateReceiver } from './types.ts';

/** Takes in what the disk holds: the snapshot, then the log's entries after it. */
export class Recovery implements StateReceiver {
  readonly #database: Database;
  readonly #recentEntriesMax: number;
  #snapshotZxid: Zxid = 0;
  #loader: SnapshotLoader | undefined;
  #recent: LogEntry[] = [];

  /** @param recentEntriesMax How many of the log's newest entries ZAB keeps for DIFF. */
  constructor(database: Database, recentEntriesMax: number) {
    this.#database = database;
    this.#recentEntriesMax = recentEntriesMax;
  }

  /** The zxid of the snapshot that was loaded last; 0 for none. */
  get snapshotZxid(): Zxid {
    return this.#snapshotZxid;
  }

  begin(): void {
    this.#database.clear();
    this.#snapshotZxid = 0;
    this.#loader = undefined;
    this.#recent = [];
  }

  snapshotChunk(bytes: Uint8Array): void {
    this.#loader ??= this.#database.loader();
    this.#loader.push(bytes);
  }

  snapshotEnd(zxid: Zxid, digest: bigint | undefined): void {
    this.#loader ??= this.#database.loader();
    this.#loader.finish(zxid, digest);
    this.#snapshotZxid = zxid;
    this.#loader = undefined;
  }

  entry(entry: LogEntry): void {
    const { header, txn } = decodeLogEntry(entry.bytes);
    this.#database.apply(header, txn);
    this.#recent.push(entry);
    if (this.#recent.length >= this.#recentEntriesMax * 2) this.#recent = this.#newest();
  }

  /** The newest entries of the log, oldest first; handed over once. */
  takeRecentEntries(): readonly LogEntry[] {
    const recent = this.#newest();
    this.#recent = [];
    return recent;
  }

  #newest(): LogEntry[] {
    return this.#recentEntriesMax === 0 ? [] : this.#recent.slice(-this.#recentEntriesMax);
  }
}
