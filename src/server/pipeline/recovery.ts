import { decodeUtf8 } from '../../common/utf8.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Database, SnapshotLoader } from '../database/types.ts';
import { decodeLogEntry } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { HISTORY_BYTES_MAX, newestOf } from '../zab/history.ts';
import type { RecoveredState } from '../zab/types.ts';
import type { StateReceiver } from './types.ts';

/** The newest configuration in the state; undefined for none. */
export function configurationOf(database: Database): string | undefined {
  const data = database.znode('/zookeeper/config')?.data;
  return data === undefined || data === null || data.length === 0 ? undefined : decodeUtf8(data);
}

/** Takes in what the disk holds: the snapshot, then the log's entries after it. */
export class Recovery implements StateReceiver {
  readonly #database: Database;
  readonly #recentEntriesMax: number;
  /** Of the snapshot that was loaded last; 0 for none. */
  #snapshotZxid: Zxid = 0;
  #loader: SnapshotLoader | undefined;
  #recent: LogEntry[] = [];
  #recentBytes = 0;

  /** @param recentEntriesMax How many of the log's newest entries ZAB keeps for DIFF. */
  constructor(database: Database, recentEntriesMax: number) {
    this.#database = database;
    this.#recentEntriesMax = recentEntriesMax;
  }

  begin(): void {
    this.#database.clear();
    this.#snapshotZxid = 0;
    this.#loader = undefined;
    this.#keep([]);
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
    this.#recentBytes += entry.bytes.length;
    const isMuch = this.#recent.length >= this.#recentEntriesMax * 2 || this.#recentBytes > HISTORY_BYTES_MAX * 2;
    if (isMuch) this.#keep(this.#newest());
  }

  /** What was taken in, but for the epochs. The entries are handed over once. */
  takeRecovered(): Omit<RecoveredState, 'acceptedEpoch' | 'currentEpoch'> {
    const recentEntries = this.#newest();
    this.#keep([]);
    const { lastZxid } = this.#database;
    return {
      lastZxid,
      recentEntries,
      snapshotZxid: this.#snapshotZxid,
      configuration: configurationOf(this.#database),
    };
  }

  #newest(): LogEntry[] {
    return newestOf(this.#recent, this.#recentEntriesMax);
  }

  #keep(entries: LogEntry[]): void {
    this.#recent = entries;
    this.#recentBytes = entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}
