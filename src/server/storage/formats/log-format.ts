import { EPOCH_MAX, counterOf, epochOf, type Zxid } from '../../../common/zxid.ts';
import { adler32 } from './adler32.ts';

/*
 * A transaction log file, as ZooKeeper's FileTxnLog writes and reads it:
 *
 *   header   "ZKLG", int version 2, long database id
 *   record   long Adler-32 of the bytes, int their length, the bytes (TxnHeader, transaction, digest), 0x42
 *   zeros    the preallocated rest; a record of length zero is the end
 *
 * In the zeros behind the last record we put a commit mark. ZooKeeper never looks there, and the next batch overwrites
 * it. It tells, after a crash, damage to what was durable (refuse) from a batch that never became durable (cut).
 */

const UINT32 = 0x1_0000_0000;
const LOG_MAGIC = 0x5a4b4c47;
const LOG_VERSION = 2;
/** The database id of our files, "zabk"; ZooKeeper writes 0 and ignores it. It says that commit marks can be expected. */
const OUR_DATABASE_ID = 0x7a61626b;
/** "ZABKMARK" */
const MARK_MAGIC_HIGH = 0x5a41424b;
const MARK_MAGIC_LOW = 0x4d41524b;

export const LOG_HEADER_BYTES = 16;
/** Before the bytes: checksum and length. */
export const RECORD_PREFIX_BYTES = 12;
/** All that a record adds to its bytes. */
export const RECORD_OVERHEAD_BYTES = RECORD_PREFIX_BYTES + 1;
/** A TxnHeader alone. */
export const RECORD_BYTES_MIN = 32;
/** The zeros that end the records for every reader, and the mark behind them. */
export const MARK_BYTES = 48;
const MARK_ZEROS_BYTES = 16;
const RECORD_END = 0x42;
const ZXID_OFFSET = 12;

/** Whose file it is; undefined for a header that is neither. */
export type LogWriter = 'ours' | 'apache';

/** One batch: durable was everything before `start`; the batch itself ended at `end`. Offsets in the file. */
export interface CommitMark {
  readonly start: number;
  readonly end: number;
}

export function encodeLogHeader(): Uint8Array {
  const bytes = new Uint8Array(LOG_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, LOG_MAGIC);
  view.setUint32(4, LOG_VERSION);
  view.setUint32(12, OUR_DATABASE_ID);
  return bytes;
}

export function decodeLogHeader(bytes: Uint8Array): LogWriter | undefined {
  if (bytes.length < LOG_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0) !== LOG_MAGIC || view.getUint32(4) !== LOG_VERSION) return undefined;
  return view.getUint32(8) === 0 && view.getUint32(12) === OUR_DATABASE_ID ? 'ours' : 'apache';
}

/** Writes a record into `target` at `offset`; returns the offset behind it. */
export function encodeRecord(target: Uint8Array, view: DataView, offset: number, bytes: Uint8Array): number {
  view.setUint32(offset, 0);
  view.setUint32(offset + 4, adler32(bytes));
  view.setUint32(offset + 8, bytes.length);
  target.set(bytes, offset + RECORD_PREFIX_BYTES);
  const end = offset + RECORD_PREFIX_BYTES + bytes.length;
  target[end] = RECORD_END;
  return end + 1;
}

/** What a record's first 12 bytes say; undefined where no record can begin like that. */
export function decodeRecordPrefix(view: DataView, offset: number): { checksum: number; length: number } | undefined {
  const length = view.getUint32(offset + 8);
  if (view.getUint32(offset) !== 0 || length < RECORD_BYTES_MIN) return undefined;
  return { checksum: view.getUint32(offset + 4), length };
}

/** The zxid in an entry's bytes (TxnHeader), or undefined where it is none. */
export function zxidOfEntry(view: DataView, offset: number): Zxid | undefined {
  const epoch = view.getUint32(offset + ZXID_OFFSET);
  return epoch <= EPOCH_MAX ? epoch * UINT32 + view.getUint32(offset + ZXID_OFFSET + 4) : undefined;
}

/** `body` is a record without its prefix: the bytes and the end byte. */
export function isWholeRecord(body: Uint8Array, checksum: number): boolean {
  return body.at(-1) === RECORD_END && adler32(body.subarray(0, -1)) === checksum;
}

/** Writes zeros and mark into `target` at `offset`, over {@link MARK_BYTES}. */
export function encodeMark(target: Uint8Array, view: DataView, offset: number, mark: CommitMark): void {
  target.fill(0, offset, offset + MARK_BYTES);
  const at = offset + MARK_ZEROS_BYTES;
  view.setUint32(at, MARK_MAGIC_HIGH);
  view.setUint32(at + 4, MARK_MAGIC_LOW);
  setUint64(view, at + 8, mark.start);
  setUint64(view, at + 16, mark.end);
  view.setUint32(at + 24, adler32(target.subarray(at, at + 24)));
}

/** Length of what {@link decodeMark} reads: the mark without the zeros before it. */
export const MARK_BODY_BYTES = MARK_BYTES - MARK_ZEROS_BYTES;

/** The mark whose magic stands at `offset` of `bytes`, or undefined. */
export function decodeMark(bytes: Uint8Array, view: DataView, offset: number): CommitMark | undefined {
  if (view.getUint32(offset) !== MARK_MAGIC_HIGH || view.getUint32(offset + 4) !== MARK_MAGIC_LOW) return undefined;
  if (view.getUint32(offset + 24) !== adler32(bytes.subarray(offset, offset + 24))) return undefined;
  return { start: getUint64(view, offset + 8), end: getUint64(view, offset + 16) };
}

/** Where the mark of a batch that ends at `end` stands, without its zeros. */
export function markBodyOffset(end: number): number {
  return end + MARK_ZEROS_BYTES;
}

/** True if an entry with zxid `next` may stand right behind `last`: the next counter, or the first of a later epoch. */
export function followsInLog(last: Zxid, next: Zxid): boolean {
  return next === last + 1 || (counterOf(next) === 1 && epochOf(next) > epochOf(last));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / UINT32));
  view.setUint32(offset + 4, value % UINT32);
}

function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset) * UINT32 + view.getUint32(offset + 4);
}
