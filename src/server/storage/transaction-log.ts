import { CodedError, assert } from '../../common/errors.ts';
import { formatZxid, type Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { StorageCounters } from './counters.ts';
import { logFiles, logName } from './formats/file-names.ts';
import {
  LOG_HEADER_BYTES,
  MARK_BYTES,
  RECORD_OVERHEAD_BYTES,
  encodeLogHeader,
  encodeMark,
  encodeRecord,
  followsInLog,
  viewOf,
} from './formats/log-format.ts';
import { BATCH_BYTES_MAX, damagedLog, scanLog } from './log-scan.ts';
import type { Disk, DiskFile } from './types.ts';

export interface TransactionLogOptions {
  /** False: never syncs (`forceSync=no`). A crash of the machine then loses what was acknowledged. */
  readonly forceSync: boolean;
  /** A log file grows by so many bytes of zeros at a time, so that most syncs change no metadata. */
  readonly preallocateBytes: number;
  /** Called after every sync of the log with its duration. */
  readonly onSync: (durationMs: number) => void;
  readonly nowMs: () => number;
}

const ZEROS = new Uint8Array(256 * 1024);

/** The open end of the log. `append` gathers, `commit` makes durable what was gathered. */
export class TransactionLog {
  readonly #disk: Disk;
  readonly #options: TransactionLogOptions;
  readonly #counters: StorageCounters;
  #lastZxid: Zxid;
  #file: DiskFile | undefined;
  /** Offset behind the last durable record. */
  #position = 0;
  #allocated = 0;
  #batch = new Uint8Array(64 * 1024);
  #batchView = viewOf(this.#batch);
  #batchBytes = 0;
  #batchFirstZxid: Zxid = 0;

  /** `lastZxid`: what the entries that come have to follow. */
  constructor(disk: Disk, lastZxid: Zxid, options: TransactionLogOptions, counters: StorageCounters) {
    this.#disk = disk;
    this.#lastZxid = lastZxid;
    this.#options = options;
    this.#counters = counters;
  }

  get lastZxid(): Zxid {
    return this.#lastZxid;
  }

  /** Gathers an entry (its bytes are copied) for the next {@link commit}. */
  append(entry: LogEntry): void {
    assert(
      followsInLog(this.#lastZxid, entry.zxid),
      `log entry ${formatZxid(entry.zxid)} cannot follow ${formatZxid(this.#lastZxid)}`,
    );
    const bytes = entry.bytes.length + RECORD_OVERHEAD_BYTES;
    if (this.#batchBytes > 0 && this.#batchBytes + bytes > BATCH_BYTES_MAX) this.commit();
    this.#reserve(this.#batchBytes + bytes + MARK_BYTES);
    if (this.#batchBytes === 0) this.#batchFirstZxid = entry.zxid;
    this.#batchBytes = encodeRecord(this.#batch, this.#batchView, this.#batchBytes, entry.bytes);
    this.#lastZxid = entry.zxid;
    this.#counters.add('entriesAppended', 1);
  }

  /** Writes and syncs what was gathered: when it returns, all of it is durable. */
  commit(): void {
    const bytes = this.#batchBytes;
    if (bytes === 0) return;
    const file = this.#file ?? this.#create(this.#batchFirstZxid);
    const end = this.#position + bytes;
    encodeMark(this.#batch, this.#batchView, bytes, { start: this.#position, end });
    const written = this.#batch.subarray(0, bytes + MARK_BYTES);
    file.write(this.#position, [written, ...this.#padding(this.#position + written.length)]);
    this.#sync(file);
    this.#position = end;
    this.#batchBytes = 0;
    this.#counters.add('bytesAppended', bytes);
  }

  /** The next entry begins a new file. */
  roll(): void {
    this.commit();
    if (this.#file !== undefined) {
      // Nothing of the file can be torn any more. The seal stands where the last batch's mark was: were a part of both left
      // by a crash, and the next file begun, this one would look damaged.
      this.#file.write(this.#position, [sealAt(this.#position)]);
      this.#sync(this.#file);
      // The preallocated zeros are given back. Not synced: zeros behind the end hurt nobody.
      this.#file.truncate(this.#position + MARK_BYTES);
      this.#file.close();
    }
    this.#file = undefined;
  }

  /** After {@link roll}: the log was cut, or a snapshot installed; the next entry has to follow `zxid`. */
  continueAfter(zxid: Zxid): void {
    assert(this.#file === undefined, 'the log goes on elsewhere while a file of it is open');
    this.#lastZxid = zxid;
  }

  close(): void {
    this.roll();
  }

  #create(firstZxid: Zxid): DiskFile {
    const name = logName(firstZxid);
    if (this.#disk.exists(name)) {
      throw new CodedError('ZK_ASSERTION', `${name} exists already, though the log ends before its first entry`);
    }
    const file = this.#disk.open(name);
    const header = encodeLogHeader();
    this.#allocated = 0;
    file.write(0, [header, ...this.#padding(header.length)]);
    // Durable before the first record: whatever tears that one, the header then says whose file it is.
    file.sync();
    this.#disk.syncDirectory();
    this.#file = file;
    this.#position = LOG_HEADER_BYTES;
    return file;
  }

  /** The zeros to write at `end` where the file's preallocated part is used up. */
  #padding(end: number): Uint8Array[] {
    const step = this.#options.preallocateBytes;
    if (end <= this.#allocated || step === 0) return [];
    this.#allocated = Math.ceil((end + 1) / step) * step;
    const parts: Uint8Array[] = [];
    for (let bytes = this.#allocated - end; bytes > 0; bytes -= ZEROS.length) {
      parts.push(bytes < ZEROS.length ? ZEROS.subarray(0, bytes) : ZEROS);
    }
    return parts;
  }

  #sync(file: DiskFile): void {
    if (!this.#options.forceSync) return;
    const startMs = this.#options.nowMs();
    file.sync();
    const durationMs = this.#options.nowMs() - startMs;
    this.#counters.took('sync', durationMs);
    this.#options.onSync(durationMs);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#batch.length) return;
    const larger = new Uint8Array(Math.max(bytes, this.#batch.length * 2));
    larger.set(this.#batch.subarray(0, this.#batchBytes));
    this.#batch = larger;
    this.#batchView = viewOf(larger);
  }
}

/**
 * Durably drops every entry beyond `zxid`, from the newest back, so that a crash in between leaves no hole. `onDamage`
 * says what to do where damage before `zxid` hides where to cut: `cut` there if a snapshot holds what is lost.
 *
 * @throws CodedError ZK_LOG_CORRUPT for such damage, when told to refuse.
 */
export function dropEntriesBeyond(disk: Disk, zxid: Zxid, onDamage: 'refuse' | 'cut'): void {
  for (const { name, zxid: first } of logFiles(disk.list()).reverse()) {
    if (first > zxid) {
      disk.remove(name);
      disk.syncDirectory();
      continue;
    }
    const { end, size, tail } = scanLog(disk, name, (entry) => entry.zxid <= zxid);
    if (tail === 'corrupt' && onDamage === 'refuse') throw damagedLog(name, end);
    if (end < size) cutFile(disk, name, end);
    // Cut before, it may be, by a process that was killed before the cut was durable.
    else syncFile(disk, name);
    break;
  }
}

/** True if the log has an entry with this zxid. */
export function logHolds(disk: Disk, zxid: Zxid): boolean {
  const file = logFiles(disk.list()).findLast((file) => file.zxid <= zxid);
  if (file === undefined) return false;
  let found = false;
  scanLog(disk, file.name, (entry) => {
    found = entry.zxid === zxid;
    return entry.zxid < zxid;
  });
  return found;
}

/** The mark of a file that is at its end: everything before is durable, so whatever is wrong there later is damage. */
function sealAt(end: number): Uint8Array {
  const seal = new Uint8Array(MARK_BYTES);
  encodeMark(seal, viewOf(seal), 0, { start: end, end });
  return seal;
}

/** Durably cuts a file; one that would hold no record is removed. */
export function cutFile(disk: Disk, name: string, end: number): void {
  if (end <= LOG_HEADER_BYTES) {
    disk.remove(name);
    disk.syncDirectory();
    return;
  }
  const file = disk.open(name);
  file.truncate(end);
  // A killed process may have left what is before the cut in the system's memory: the seal must not be durable earlier.
  file.sync();
  file.write(end, [sealAt(end)]);
  file.sync();
  file.close();
}

/** Makes durable what an earlier process wrote. */
export function syncFile(disk: Disk, name: string): void {
  const file = disk.open(name);
  file.sync();
  file.close();
}
