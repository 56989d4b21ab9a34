import { CodedError } from '../common/errors.ts';
import { createDatabase } from '../server/database/database.ts';
import { DEFAULT_SETTINGS } from '../server/storage/engine.ts';
import { FaultDisk, SimulatedCrash } from '../server/storage/fault-disk.ts';
import { snapshotName } from '../server/storage/formats/file-names.ts';
import { LocalStorage } from '../server/storage/local-storage.ts';
import { SnapshotWriter } from '../server/storage/snapshot-files.ts';
import type { Recovery, RecoveryReceiver, SnapshotSource, StorageOperation } from '../server/storage/types.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

const PIECE_BYTES = 4096;

/** A server's disk, which outlives its processes. */
export class SimulatedDisk {
  readonly disk = new FaultDisk();
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** What a restore from a backup leaves on the disk of each server that is to begin with it. */
  restore(state: SnapshotSource): void {
    const writer = new SnapshotWriter(this.disk, snapshotName(state.zxid), state.zxid);
    for (let piece = state.next(PIECE_BYTES); piece !== undefined; piece = state.next(PIECE_BYTES)) writer.push(piece);
    writer.finish(state.digest());
    this.disk.syncDirectory();
  }

  /** What was not synced survives only in part. */
  losePower(): void {
    this.disk.crash(this.random);
  }

  /** The machine loses power at the given operation from now. */
  crashAfter(operations: number): void {
    const last = this.disk.operations + operations;
    this.disk.plan = (number) => (number >= last ? 'crash' : 'go');
  }

  /** Every change is refused from now on, as on a disk that broke. */
  refuse(): void {
    this.disk.plan = () => 'fail';
  }

  /** A single change is refused, the given one from now: an I/O error that does not come again. */
  refuseOnce(operations: number): void {
    const failing = this.disk.operations + operations;
    this.disk.plan = (number) => (number === failing ? 'fail' : 'go');
  }

  /** There is no room for another file: a snapshot fails alone, a new log file ends the server. */
  fill(): void {
    this.disk.plan = (_number, what) => (what.startsWith('create ') ? 'fail' : 'go');
  }

  repair(): void {
    this.disk.plan = () => 'go';
  }
}

/** The real storage over a simulated disk, for one life of a server. */
export class SimulatedStorage {
  /** How long the disk takes for what was queued together. */
  latencyMs: number;
  /** Called when the disk refused (CodedError) or the machine lost power (SimulatedCrash). */
  onFailure: (reason: unknown) => void = () => {};
  private readonly disk: SimulatedDisk;
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly storage: LocalStorage;
  private abandoned = false;
  /** What waits for a disk that stands still. */
  private stalled: (() => void)[] | undefined;

  constructor(disk: SimulatedDisk, scheduler: Scheduler, random: SeededRandom, latencyMs: number) {
    this.disk = disk;
    this.scheduler = scheduler;
    this.random = random;
    this.latencyMs = latencyMs;
    this.storage = new LocalStorage({
      disks: { snapshots: disk.disk, logs: disk.disk },
      settings: { ...DEFAULT_SETTINGS, preallocateBytes: 2_048, snapshotsKept: 2 },
      nowMs: () => scheduler.nowMs,
      schedule: (task) => this.schedule(task),
      initialState: () => createDatabase({ watchSink: () => {} }).snapshot(),
      onFailure: (error) => this.fail(error),
      onWarning: () => {},
      trustEmptySnapshot: false,
      unpackers: { gzip: notPacked, snappy: notPacked },
    });
  }

  recover(receiver: RecoveryReceiver): Recovery {
    return this.storage.recover(receiver);
  }

  persist(operations: readonly StorageOperation[], done: () => void): void {
    this.storage.persist(operations, done);
  }

  saveSnapshot(source: SnapshotSource, done: () => void): void {
    this.storage.saveSnapshot(source, done);
  }

  /** The process is gone: nothing that was queued happens any more. */
  abandon(): void {
    this.abandoned = true;
  }

  /** The disk stands still, and neither does anything nor refuses it, until it is told to go on. */
  stall(): void {
    this.stalled ??= [];
  }

  goOn(): void {
    const tasks = this.stalled ?? [];
    this.stalled = undefined;
    for (const task of tasks) this.carryOut(task);
  }

  private schedule(task: () => void): void {
    this.scheduler.after(this.random.next() * this.latencyMs, () => this.carryOut(task));
  }

  private carryOut(task: () => void): void {
    if (this.abandoned) return;
    if (this.stalled !== undefined) {
      this.stalled.push(task);
      return;
    }
    try {
      task();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(reason: unknown): void {
    if (this.abandoned) return;
    this.abandoned = true;
    if (reason instanceof SimulatedCrash) this.disk.losePower();
    this.onFailure(reason);
  }
}

function notPacked(): never {
  throw new CodedError('ZK_ASSERTION', 'the simulator has no packed snapshots');
}

/** True for the ways in which a server may end: its disk refused or its machine stopped. Anything else is a flaw of the code under test. */
export function isFault(reason: unknown): boolean {
  return reason instanceof SimulatedCrash || (reason instanceof CodedError && reason.code === 'ZK_STORAGE_FAILED');
}
