import { CodedError, assert } from '../../common/errors.ts';
import { formatZxid, type Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { StorageCounters } from './counters.ts';
import { writeEpoch } from './epoch-files.ts';
import type { EpochFile } from './formats/epoch-format.ts';
import { installingName, savingName, snapshotFiles, snapshotName } from './formats/file-names.ts';
import { finishInstall } from './recovery.ts';
import { SnapshotWriter, isWholeSnapshot, purge } from './snapshot-files.ts';
import { TransactionLog, dropEntriesBeyond, logHolds } from './transaction-log.ts';
import type { StorageDisks } from './types.ts';

/** How the storage runs; see {@link DEFAULT_SETTINGS}. Plain data: it goes to the worker thread as it is. */
export interface StorageSettings {
  /** False never syncs the log (`forceSync=no`): fast, and a crash of the machine loses acknowledged writes. */
  readonly forceSync: boolean;
  /** The log file grows by so many bytes of zeros at a time (`preAllocSize`, there in KiB). */
  readonly preallocateBytes: number;
  /** Snapshots that a purge keeps, with the log behind the oldest of them (`autopurge.snapRetainCount`). */
  readonly snapshotsKept: number;
  /** Purge after every snapshot. */
  readonly purges: boolean;
  /** A sync of the log that takes longer is reported (`fsync.warningthresholdms`). */
  readonly slowSyncMs: number;
}

export const DEFAULT_SETTINGS: StorageSettings = {
  forceSync: true,
  preallocateBytes: 1024 * 1024,
  snapshotsKept: 3,
  purges: true,
  slowSyncMs: 1000,
};

export interface EngineEnvironment {
  readonly settings: StorageSettings;
  readonly counters: StorageCounters;
  readonly nowMs: () => number;
  readonly warn: (message: string) => void;
}

/**
 * Carries out what is to become durable, one call after the other, on files that {@link recoverFromDisk} has left in
 * order. When a call returns it is done; when one throws, the engine is finished and every later call throws as well.
 */
export class StorageEngine {
  readonly #disks: StorageDisks;
  readonly #environment: EngineEnvironment;
  readonly #log: TransactionLog;
  #installing: { readonly writer: SnapshotWriter; readonly zxid: Zxid } | undefined;
  #failure: Error | undefined;

  constructor(disks: StorageDisks, lastZxid: Zxid, environment: EngineEnvironment) {
    const { settings, counters, nowMs, warn } = environment;
    this.#disks = disks;
    this.#environment = environment;
    const onSync = (durationMs: number): void => {
      if (durationMs <= settings.slowSyncMs) return;
      counters.add('slowSyncs', 1);
      warn(
        `syncing the log took ${Math.round(durationMs)} ms, and every write waits for it; is the disk busy or throttled?`,
      );
    };
    this.#log = new TransactionLog(disks.logs, lastZxid, { ...settings, onSync, nowMs }, counters);
  }

  /** Gathers an entry; {@link commit} makes durable what was gathered. */
  append(entry: LogEntry): void {
    this.#run(() => this.#log.append(entry));
  }

  commit(): void {
    this.#run(() => this.#log.commit());
  }

  writeEpoch(file: EpochFile, epoch: number): void {
    this.#run(() => {
      this.#log.commit();
      writeEpoch(this.#disks.snapshots, file, epoch);
    });
  }

  /** The next entry begins a new log file: done where a snapshot begins, so that a purge can drop what is before. */
  roll(): void {
    this.#run(() => this.#log.roll());
  }

  /**
   * Drops every entry beyond `zxid`, and the snapshots that contain one.
   * @throws CodedError ZK_STORAGE_MISSING where no snapshot and log lead to that entry; nothing was dropped then.
   */
  truncate(zxid: Zxid): void {
    this.#run(() => {
      this.#log.roll();
      if (zxid >= this.#log.lastZxid) return;
      const { snapshots } = this.#disks;
      const all = snapshotFiles(snapshots.list());
      // A packed one was written by Apache ZooKeeper and read by nobody since the start: good as far as one knows.
      const base = all.find(
        (file) => file.zxid <= zxid && (file.packing !== 'plain' || isWholeSnapshot(snapshots, file)),
      );
      if (base === undefined || (base.zxid !== zxid && !logHolds(this.#disks.logs, zxid))) throw cannotTruncate(zxid);
      for (const file of all) if (file.zxid > zxid) snapshots.remove(file.name);
      snapshots.syncDirectory();
      dropEntriesBeyond(this.#disks.logs, zxid, 'refuse');
      this.#log.continueAfter(zxid);
    });
  }

  /** Begins to take in a leader's snapshot, in place of everything that is there. */
  beginInstall(zxid: Zxid): void {
    this.#run(() => {
      this.#log.commit();
      const writer = new SnapshotWriter(this.#disks.snapshots, installingName(zxid), zxid);
      this.#installing = { writer, zxid };
    });
  }

  installChunk(chunk: Uint8Array): void {
    this.#run(() => this.#installation().writer.push(chunk));
  }

  endInstall(digest: bigint | undefined): void {
    this.#run(() => {
      const { writer, zxid } = this.#installation();
      writer.finish(digest);
      this.#log.roll();
      finishInstall(this.#disks, { name: installingName(zxid), zxid });
      this.#log.continueAfter(zxid);
      this.#installing = undefined;
    });
  }

  /** Gives a snapshot that was written whole under {@link savingName} its name, and purges. */
  publishSnapshot(zxid: Zxid): void {
    this.#run(() => {
      this.#log.commit();
      const { settings } = this.#environment;
      this.#disks.snapshots.rename(savingName(zxid), snapshotName(zxid));
      this.#disks.snapshots.syncDirectory();
      if (settings.purges) purge(this.#disks, settings.snapshotsKept);
    });
  }

  close(): void {
    if (this.#failure === undefined) this.#run(() => this.#log.close());
  }

  #installation(): { readonly writer: SnapshotWriter; readonly zxid: Zxid } {
    assert(this.#installing !== undefined, 'a piece of a snapshot came without a beginning');
    return this.#installing;
  }

  /** After a failure nobody knows what is on the disk: nothing may be done on top of it. */
  #run(action: () => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      action();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
}

function cannotTruncate(zxid: Zxid): CodedError {
  return new CodedError(
    'ZK_STORAGE_MISSING',
    `the leader asks to go back to ${formatZxid(zxid)}, but snapshots and log do not reach there; empty this member's data directories and let ` +
      'it synchronize from the leader',
  );
}
