import type { Zxid } from '../../common/zxid.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { writeTxn, writeTxnHeader } from '../protocol/transaction-codec.ts';
import type { LogEntry, Txn, TxnHeader } from '../protocol/transactions.ts';

/** A batch beyond this takes the writer's memory with it, which would be too much to keep. */
const COPIED_BYTES_MAX = 1 << 20;

/**
 * The log entries of one step. All are written into one piece of memory, exactly as long as they are together: one
 * allocation for a batch instead of one for each entry. They live and die together anyway, as part of the committed log.
 */
export class EntryBatch {
  readonly #writer = new JuteWriter(64 * 1024);
  #zxids: Zxid[] = [];
  #ends: number[] = [];

  get length(): number {
    return this.#zxids.length;
  }

  add(header: TxnHeader, txn: Txn): void {
    writeTxnHeader(this.#writer, header);
    writeTxn(this.#writer, txn);
    this.#zxids.push(header.zxid);
    this.#ends.push(this.#writer.length);
  }

  /** What was added, in order; the batch is empty afterwards. */
  take(): LogEntry[] {
    const bytes = this.#writer.length > COPIED_BYTES_MAX ? this.#writer.take() : this.#writer.copy();
    this.#writer.reset();
    let start = 0;
    const entries = this.#zxids.map((zxid, i) => {
      const end = this.#ends[i] ?? start;
      const entry = { zxid, bytes: bytes.subarray(start, end) };
      start = end;
      return entry;
    });
    this.#zxids = [];
    this.#ends = [];
    return entries;
  }
}
