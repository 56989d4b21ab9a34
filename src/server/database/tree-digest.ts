import { CRC_START, crcUpdate, crcValue } from './crc32.ts';
import { Int, Wide } from './node-records.ts';
import type { Records } from './records.ts';
import type { PathKey } from './path-key.ts';
import { STAT_PERSISTED_BYTES } from '../protocol/record-codecs.ts';

const WORD = 0x1_0000_0000;

/**
 * The digest of the whole tree, version 2 of ZooKeeper's DigestCalculator: each znode's CRC-32, summed modulo 2^64
 * (AdHash; Bellare and Micciancio, 1997), so that a change costs only what it changed. The sum is held in two halves: no
 * BigInt is made for a transaction.
 */
export class TreeDigest {
  readonly #records: Records;
  readonly #stat = new Uint8Array(STAT_PERSISTED_BYTES);
  readonly #statView = new DataView(this.#stat.buffer);
  #high = 0;
  #low = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Signed 64 bits, as ZooKeeper writes it. */
  get value(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  /** Adds a znode whose path or data is new. `memory[start, end)` is its data. */
  addContent(id: number, key: PathKey, memory: Uint8Array, start: number, end: number): void {
    const path = crcUpdate(CRC_START, key.bytes, 0, key.length);
    this.#records.setInt(id, Int.contentCrc, crcUpdate(path, memory, start, end));
    this.add(id);
  }

  /** Adds a znode whose stat has changed: its path and data need not be read again. */
  add(id: number): void {
    this.#writeStat(id);
    const digest = crcUpdate(this.#records.int(id, Int.contentCrc), this.#stat, 0, STAT_PERSISTED_BYTES);
    this.#records.setInt(id, Int.digest, digest);
    this.#low += crcValue(digest);
    if (this.#low >= WORD) {
      this.#low -= WORD;
      this.#high = (this.#high + 1) % WORD;
    }
  }

  /** Takes out a znode that is about to change or go. */
  remove(id: number): void {
    this.#low -= crcValue(this.#records.int(id, Int.digest));
    if (this.#low < 0) {
      this.#low += WORD;
      this.#high = (this.#high + WORD - 1) % WORD;
    }
  }

  #writeStat(id: number): void {
    const records = this.#records;
    this.#writeWide(0, records.wide(id, Wide.czxid));
    this.#writeWide(8, records.wide(id, Wide.mzxid));
    this.#writeWide(16, records.wide(id, Wide.pzxid));
    this.#writeWide(24, records.wide(id, Wide.ctimeMs));
    this.#writeWide(32, records.wide(id, Wide.mtimeMs));
    const view = this.#statView;
    view.setInt32(40, records.int(id, Int.version));
    view.setInt32(44, records.int(id, Int.cversion));
    view.setInt32(48, records.int(id, Int.aversion));
    view.setInt32(52, records.int(id, Int.ownerHigh));
    view.setInt32(56, records.int(id, Int.ownerLow));
  }

  #writeWide(offset: number, value: number): void {
    const high = Math.floor(value / WORD);
    this.#statView.setInt32(offset, high);
    this.#statView.setUint32(offset + 4, value - high * WORD);
  }
}
