import { CodedError } from '../../common/errors.ts';
import { epochOf, formatZxid, type Zxid } from '../../common/zxid.ts';
import { readEpoch, readUnfinishedEpoch, writeEpoch } from './epoch-files.ts';
import {
  damagedName,
  installingFiles,
  isLeftover,
  logFiles,
  snapshotFiles,
  snapshotName,
  type LogFileName,
  type SnapshotFileName,
} from './formats/file-names.ts';
import { followsInLog } from './formats/log-format.ts';
import { damagedLog, scanLog, type LogScan } from './log-scan.ts';
import { isWholeSnapshot, readSnapshot, type Unpackers } from './snapshot-files.ts';
import { cutFile, dropEntriesBeyond, syncFile } from './transaction-log.ts';
import type { Disk, Recovery, RecoveryReceiver, StorageDisks } from './types.ts';

export interface RecoveryOptions {
  readonly unpackers: Unpackers;
  /**
   * Accepts a log without any snapshot (ZooKeeper's `snapshot.trust.empty`, for data of versions before 3.5). Otherwise
   * that means that the snapshots were lost: every server writes one before its first log entry.
   */
  readonly trustEmptySnapshot: boolean;
}

/**
 * Brings state and disk to what was durable when the process ended: finishes or undoes what it was in the middle of,
 * reads the newest good snapshot and the log behind it, and makes durable whatever the system still held in memory
 * (after a kill, the files show more than the disk has; from now on this server vouches for it).
 *
 * @throws CodedError ZK_LOG_CORRUPT, ZK_SNAPSHOT_CORRUPT or ZK_STORAGE_MISSING where going on could silently lose
 *   entries that were acknowledged.
 */
export function recoverFromDisk(disks: StorageDisks, receiver: RecoveryReceiver, options: RecoveryOptions): Recovery {
  const warnings: string[] = [];
  refuseMisplacedFiles(disks);
  finishInstalls(disks, warnings);

  const damaged: SnapshotFileName[] = [];
  const base = loadNewestSnapshot(disks.snapshots, receiver, options, damaged, warnings);
  if (base === undefined && damaged.length > 0) throw noGoodSnapshot(damaged);
  const replay = new Replay(disks.logs, base?.zxid ?? 0, receiver, warnings);
  if (base === undefined && !options.trustEmptySnapshot && replay.hasEntries()) throw noSnapshot();
  replay.run(damaged);

  for (const { name } of damaged) disks.snapshots.rename(name, damagedName(name));
  if (base !== undefined) syncFile(disks.snapshots, base.name);
  const epochs = recoverEpochs(disks.snapshots, replay.lastZxid, warnings);
  for (const name of disks.snapshots.list()) if (isLeftover(name)) disks.snapshots.remove(name);
  disks.snapshots.syncDirectory();
  disks.logs.syncDirectory();
  return {
    ...epochs,
    empty: base === undefined && replay.entries === 0,
    lastZxid: replay.lastZxid,
    snapshotZxid: base?.zxid,
    warnings,
  };
}

/** Somebody changed dataLogDir without moving the files (ZOOKEEPER-2967): starting would ignore them. */
function refuseMisplacedFiles({ snapshots, logs }: StorageDisks): void {
  if (snapshots === logs) return;
  const log = logFiles(snapshots.list())[0];
  const snapshot = snapshotFiles(logs.list())[0];
  if (log === undefined && snapshot === undefined) return;
  const [what, where, there] =
    log === undefined ? [snapshot?.name ?? '', 'dataLogDir', 'dataDir'] : [log.name, 'dataDir', 'dataLogDir'];
  throw new CodedError(
    'ZK_STORAGE_MISSING',
    `${what} is in version-2 of ${where}, where the server does not look for it; move such files to version-2 of ${there}, or ` +
      'correct dataDir and dataLogDir in zoo.cfg',
  );
}

/** A leader's snapshot that had arrived whole takes its place now; one that had not is forgotten. */
function finishInstalls(disks: StorageDisks, warnings: string[]): void {
  for (const file of installingFiles(disks.snapshots.list())) {
    if (isWholeSnapshot(disks.snapshots, file)) {
      warnings.push(`finishing the installation of the leader's snapshot ${formatZxid(file.zxid)}`);
      syncFile(disks.snapshots, file.name);
      finishInstall(disks, file);
    } else {
      disks.snapshots.remove(file.name);
    }
  }
}

/** From a whole and synced file on: state and log become exactly this snapshot, whenever a crash interrupts. */
export function finishInstall(disks: StorageDisks, file: LogFileName): void {
  disks.snapshots.syncDirectory();
  disks.logs.syncDirectory();
  for (const { name, zxid } of snapshotFiles(disks.snapshots.list())) {
    if (zxid > file.zxid) disks.snapshots.remove(name);
  }
  disks.snapshots.syncDirectory();
  dropEntriesBeyond(disks.logs, file.zxid, 'cut');
  disks.snapshots.rename(file.name, snapshotName(file.zxid));
  disks.snapshots.syncDirectory();
}

function loadNewestSnapshot(
  disk: Disk,
  receiver: RecoveryReceiver,
  options: RecoveryOptions,
  damaged: SnapshotFileName[],
  warnings: string[],
): SnapshotFileName | undefined {
  receiver.begin();
  for (const file of snapshotFiles(disk.list())) {
    try {
      const { digest } = readSnapshot(disk, file, options.unpackers, (bytes) => receiver.snapshotChunk(bytes));
      receiver.snapshotEnd(file.zxid, digest);
      return file;
    } catch (error) {
      if (!(error instanceof CodedError) || !MEANS_DAMAGED.has(error.code)) throw error;
      damaged.push(file);
      warnings.push(`ZK_SNAPSHOT_CORRUPT: ${error.message}; trying the one before`);
      receiver.begin();
    }
  }
  return undefined;
}

/** What a snapshot's reader says of bytes that cannot be right. */
const MEANS_DAMAGED: ReadonlySet<string> = new Set(['ZK_SNAPSHOT_CORRUPT', 'ZK_FRAME_MALFORMED', 'ZK_FRAME_TOO_LONG']);

/** The log behind a snapshot, handed on in order. */
class Replay {
  lastZxid: Zxid;
  entries = 0;
  readonly #disk: Disk;
  readonly #from: Zxid;
  readonly #receiver: RecoveryReceiver;
  readonly #warnings: string[];
  readonly #files: readonly LogFileName[];
  #passing: ReadonlySet<Zxid> = new Set();
  #passed = 0;

  constructor(disk: Disk, from: Zxid, receiver: RecoveryReceiver, warnings: string[]) {
    this.#disk = disk;
    this.#from = from;
    this.lastZxid = from;
    this.#receiver = receiver;
    this.#warnings = warnings;
    const all = logFiles(disk.list());
    this.#files = all.slice(
      Math.max(
        0,
        all.findLastIndex((file) => file.zxid <= from + 1),
      ),
    );
  }

  hasEntries(): boolean {
    return this.#files.some(({ name }) => {
      let found = false;
      scanLog(this.#disk, name, () => {
        found = true;
        return false;
      });
      return found;
    });
  }

  /**
   * The entries have to include the last one of every damaged snapshot: such a snapshot may have come from a leader, and
   * then entries before it never were in this log.
   */
  run(damaged: readonly LogFileName[]): void {
    this.#passing = new Set(damaged.map((file) => file.zxid));
    for (const [index, file] of this.#files.entries()) {
      let first: Zxid | undefined;
      const scan = scanLog(this.#disk, file.name, (entry) => {
        first ??= entry.zxid;
        if (entry.zxid > this.#from) this.#entry(entry, file.name);
      });
      if (first !== undefined && first !== file.zxid) throw wrongFirstEntry(file, first);
      this.#afterFile(file.name, scan, index === this.#files.length - 1);
    }
    if (this.#passed < this.#passing.size) throw unreachedSnapshot(damaged, this.#from);
  }

  #entry(entry: { zxid: Zxid; bytes: Uint8Array }, name: string): void {
    if (!followsInLog(this.lastZxid, entry.zxid)) throw gap(name, this.lastZxid, entry.zxid);
    this.#receiver.entry({ zxid: entry.zxid, bytes: entry.bytes });
    this.lastZxid = entry.zxid;
    this.entries++;
    if (this.#passing.has(entry.zxid)) this.#passed++;
  }

  #afterFile(name: string, scan: LogScan, isLast: boolean): void {
    const { end, size, tail, writer } = scan;
    // Our header is durable before the first record, and Apache's is written at once: it does not tear.
    if (tail === 'corrupt' || (tail === 'torn' && writer === undefined)) throw damagedLog(name, end);
    if (tail === 'torn') {
      // We cut a torn tail before the next file begins; Apache ZooKeeper leaves it, and skips it when it reads.
      if (!isLast && writer === 'ours') throw damagedLog(name, end);
      this.#warnings.push(
        `${name} ends in a write that was cut off at byte ${end} of ${size}: it was never acknowledged`,
      );
    }
    if (!isLast) return;
    if (tail === 'torn' || scan.entries === 0) cutFile(this.#disk, name, scan.entries === 0 ? 0 : end);
    else syncFile(this.#disk, name);
  }
}

function recoverEpochs(
  disk: Disk,
  lastZxid: Zxid,
  warnings: string[],
): Pick<Recovery, 'acceptedEpoch' | 'currentEpoch'> {
  const lastEpoch = epochOf(lastZxid);
  let currentEpoch = readEpoch(disk, 'currentEpoch') ?? lastEpoch;
  const unfinished = readUnfinishedEpoch(disk, 'currentEpoch');
  if (lastEpoch > currentEpoch && unfinished !== undefined && unfinished >= lastEpoch) {
    warnings.push(`currentEpoch.tmp holds ${unfinished}, currentEpoch only ${currentEpoch}: taking the former`);
    currentEpoch = unfinished;
    writeEpoch(disk, 'currentEpoch', currentEpoch);
  }
  let acceptedEpoch = readEpoch(disk, 'acceptedEpoch') ?? Math.max(lastEpoch, currentEpoch);
  if (acceptedEpoch < currentEpoch) {
    // A larger accepted epoch only means that older leaders are refused, which is always safe.
    warnings.push(`acceptedEpoch ${acceptedEpoch} is less than currentEpoch ${currentEpoch}: taking the latter`);
    acceptedEpoch = currentEpoch;
    writeEpoch(disk, 'acceptedEpoch', acceptedEpoch);
  }
  return { acceptedEpoch, currentEpoch };
}

const RESEED =
  "if other members have the data, empty this member's data directories and let it synchronize from the leader";

function gap(name: string, last: Zxid, next: Zxid): CodedError {
  return new CodedError(
    'ZK_LOG_CORRUPT',
    `${name}: entry ${formatZxid(next)} cannot follow ${formatZxid(last)}, entries are missing between them; restore the missing log ` +
      `files, or, ${RESEED}`,
  );
}

function wrongFirstEntry(file: LogFileName, first: Zxid): CodedError {
  return new CodedError(
    'ZK_LOG_CORRUPT',
    `${file.name} begins with entry ${formatZxid(first)}, which its name denies; give it back its name, or, ${RESEED}`,
  );
}

function noGoodSnapshot(damaged: readonly SnapshotFileName[]): CodedError {
  return new CodedError(
    'ZK_SNAPSHOT_CORRUPT',
    `every snapshot is damaged (${damaged.map((file) => file.name).join(', ')}); restore one from a backup, or, ${RESEED}`,
  );
}

function unreachedSnapshot(damaged: readonly LogFileName[], from: Zxid): CodedError {
  return new CodedError(
    'ZK_SNAPSHOT_CORRUPT',
    `${damaged.map((file) => file.name).join(', ')} cannot be read, and the log does not lead there from the snapshot before, ` +
      `${formatZxid(from)}; restore the file from a backup, or, ${RESEED}`,
  );
}

function noSnapshot(): CodedError {
  return new CodedError(
    'ZK_STORAGE_MISSING',
    'there are log entries but no snapshot: the snapshots were lost, or dataDir is not the one of this log; restore them, or ' +
      `set snapshot.trust.empty=true for data of ZooKeeper before 3.5, or, ${RESEED}`,
  );
}
