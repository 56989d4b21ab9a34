import { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import {
  LOG_HEADER_BYTES,
  MARK_BODY_BYTES,
  RECORD_BYTES_MIN,
  RECORD_PREFIX_BYTES,
  decodeLogHeader,
  decodeMark,
  decodeRecordPrefix,
  isWholeRecord,
  markBodyOffset,
  viewOf,
  zxidOfEntry,
  type CommitMark,
  type LogWriter,
} from './formats/log-format.ts';
import { WindowedFile } from './windowed-file.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { Disk } from './types.ts';

/**
 * The most bytes of records that one write puts into the log before the sync behind it (a single longer entry is
 * written alone). It bounds how far apart what a crash tore can lie.
 */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;

const SURVEY_STEP_BYTES = 1024 * 1024;

/** What stands in one log file. */
export interface LogScan {
  readonly writer: LogWriter | undefined;
  /** Whole records read. */
  readonly entries: number;
  /** The zxid of the last of them. */
  readonly lastZxid: Zxid | undefined;
  /** The offset behind the last whole record (0 if not even the header is whole). */
  readonly end: number;
  readonly size: number;
  /**
   * What follows there. `clean`: zeros, or nothing. `torn`: the rest of a write that never became durable; nothing
   * durable is lost by cutting it off. `corrupt`: something that was durable is damaged.
   */
  readonly tail: 'clean' | 'torn' | 'corrupt';
}

/** One whole record. `end` is the offset behind it. */
export interface ScannedEntry extends LogEntry {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a log file's records in order; `onEntry` returns false to stop early (the tail then counts as clean). An
 * entry's bytes are its own: they may be kept.
 */
export function scanLog(disk: Disk, name: string, onEntry: (entry: ScannedEntry) => boolean | void): LogScan {
  const file = new WindowedFile(disk, name);
  const size = file.size;
  const header = file.read(0, LOG_HEADER_BYTES);
  const writer = decodeLogHeader(header);
  if (writer === undefined) {
    return { writer, entries: 0, lastZxid: undefined, end: 0, size, tail: judgeTail(file, 0, writer) };
  }
  let entries = 0;
  let lastZxid: Zxid | undefined;
  let end = LOG_HEADER_BYTES;
  for (;;) {
    const entry = readRecord(file, end);
    if (entry === undefined) break;
    // Looking at the wanted one is part of reading it: whoever stops here wants the end before it.
    if (onEntry(entry) === false) return { writer, entries, lastZxid, end, size, tail: 'clean' };
    entries++;
    lastZxid = entry.zxid;
    end = entry.end;
  }
  return { writer, entries, lastZxid, end, size, tail: judgeTail(file, end, writer) };
}

/** The whole record at an offset, or undefined. */
function readRecord(file: WindowedFile, start: number): ScannedEntry | undefined {
  const prefix = file.read(start, RECORD_PREFIX_BYTES);
  if (prefix.length < RECORD_PREFIX_BYTES) return undefined;
  const head = decodeRecordPrefix(viewOf(prefix), 0);
  if (head === undefined) return undefined;
  const bodyBytes = head.length + 1;
  const end = start + RECORD_PREFIX_BYTES + bodyBytes;
  if (end > file.size) return undefined;
  const body = file.read(start + RECORD_PREFIX_BYTES, bodyBytes);
  if (body.length < bodyBytes || !isWholeRecord(body, head.checksum)) return undefined;
  const zxid = zxidOfEntry(viewOf(body), 0);
  return zxid === undefined ? undefined : { zxid, bytes: body.slice(0, -1), start, end };
}

/**
 * Decides what the bytes behind the last whole record are.
 *
 * A batch is written with one write, then synced, then the next one is written. So only the last batch can be torn, and
 * the system may have persisted any of its sectors. Its commit mark says where it starts, and everything before that
 * was durable. Where the mark itself is missing, the write that carries it was torn (or damage hit it as well); then a
 * whole record beyond the reach of one batch still tells that durable records are damaged. Apache ZooKeeper writes no
 * marks: there any whole record behind the damage counts as durable.
 */
function judgeTail(file: WindowedFile, end: number, writer: LogWriter | undefined): LogScan['tail'] {
  const found = survey(file, end);
  const { mark } = found;
  if (mark !== undefined) {
    if (mark.start > end) return 'corrupt';
    return mark.end > end || found.other ? 'torn' : 'clean';
  }
  if (!found.other) return 'clean';
  if (found.lastRecord === undefined) return 'torn';
  return writer === 'ours' && found.lastRecord - end <= BATCH_BYTES_MAX ? 'torn' : 'corrupt';
}

interface Survey {
  /** The mark of the last batch, if there is one. */
  mark: CommitMark | undefined;
  /** Where the last whole record begins. */
  lastRecord: number | undefined;
  /** Anything that is neither zero nor a mark. */
  other: boolean;
}

/** Looks at every byte from `start` on. */
function survey(file: WindowedFile, start: number): Survey {
  const found: Survey = { mark: undefined, lastRecord: undefined, other: false };
  const overlap = Math.max(MARK_BODY_BYTES, RECORD_PREFIX_BYTES);
  for (let base = start; base < file.size; base += SURVEY_STEP_BYTES) {
    // The overlap lets a mark or the beginning of a record that crosses the step be seen whole.
    const bytes = file.read(base, SURVEY_STEP_BYTES + overlap);
    const view = viewOf(bytes);
    const stop = Math.min(SURVEY_STEP_BYTES, bytes.length);
    for (let at = 0; at < stop; at++) {
      at = skipZeros(bytes, at);
      if (at >= stop) break;
      const mark = markAt(bytes, view, at, base);
      if (mark !== undefined) {
        if (found.mark === undefined || mark.end > found.mark.end) found.mark = mark;
        at += MARK_BODY_BYTES - 1;
        continue;
      }
      if (bytes[at] !== 0) found.other = true;
      if (mayBeginRecord(view, at)) found.lastRecord = readRecord(file, base + at)?.start ?? found.lastRecord;
    }
  }
  return found;
}

/** The first place from `at` on where something but zeros, or a record that begins with zeros, may stand. */
function skipZeros(bytes: Uint8Array, at: number): number {
  let next = at;
  while (next < bytes.length && bytes[next] === 0) next++;
  return Math.max(at, next - RECORD_PREFIX_BYTES + 1);
}

/** A mark counts only where it says that it stands: data of a client may look like one. */
function markAt(bytes: Uint8Array, view: DataView, at: number, base: number): CommitMark | undefined {
  if (bytes[at] === 0 || at + MARK_BODY_BYTES > bytes.length) return undefined;
  const mark = decodeMark(bytes, view, at);
  return mark !== undefined && markBodyOffset(mark.end) === base + at ? mark : undefined;
}

function mayBeginRecord(view: DataView, at: number): boolean {
  if (at + RECORD_PREFIX_BYTES > view.byteLength) return false;
  return view.getUint32(at) === 0 && view.getUint32(at + 8) >= RECORD_BYTES_MIN;
}

/** The refusal to go on from a damaged log. */
export function damagedLog(name: string, offset: number): CodedError {
  return new CodedError(
    'ZK_LOG_CORRUPT',
    `${name} is damaged at byte ${offset}, before entries that were durable; check the disk, and if other members have ` +
      "the data, empty this member's data directories and let it synchronize from the leader",
  );
}
