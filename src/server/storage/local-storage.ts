import { CodedError, assert, unreachable } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import { StorageCounters, type StorageMetrics } from './counters.ts';
import { StorageEngine, type StorageSettings } from './engine.ts';
import { savingName } from './formats/file-names.ts';
import { InitialState } from './initial-state.ts';
import { recoverFromDisk, type RecoveryOptions } from './recovery.ts';
import { OUT_OF_DATE, SnapshotWriter, givenUp } from './snapshot-files.ts';
import type {
  Recovery,
  RecoveryReceiver,
  SnapshotSource,
  Storage,
  StorageDisks,
  StorageEvents,
  StorageOperation,
} from './types.ts';

const SLICE_BYTES = 64 * 1024;

export interface LocalStorageOptions extends StorageEvents, RecoveryOptions {
  readonly disks: StorageDisks;
  readonly settings: StorageSettings;
  readonly nowMs: () => number;
  /** Runs a task later, once. Until then more requests may join it: the delay is what a sync takes. */
  readonly schedule: (task: () => void) => void;
}

type Request =
  | { readonly type: 'persist'; readonly operations: readonly StorageOperation[]; readonly done: () => void }
  | { readonly type: 'roll' }
  | { readonly type: 'publish'; readonly zxid: Zxid; readonly done: (saved: boolean) => void };

/**
 * The storage in one thread, on any disk: what the simulator runs. It does what the log's worker does, in the same
 * order, with the same engine.
 */
export class LocalStorage implements Storage {
  readonly #options: LocalStorageOptions;
  readonly #counters = new StorageCounters();
  readonly #initialState: InitialState;
  #engine: StorageEngine | undefined;
  #queue: Request[] = [];
  #scheduled = false;
  #failed = false;
  #saving: { cancelled: boolean } | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: LocalStorageOptions) {
    this.#options = options;
    this.#initialState = new InitialState(options.initialState);
  }

  recover(receiver: RecoveryReceiver): Recovery {
    assert(this.#queue.length === 0, 'recovery while operations are queued');
    const { disks, settings, nowMs, onWarning } = this.#options;
    const recovery = recoverFromDisk(disks, receiver, this.#options);
    this.#initialState.recovered(recovery.snapshotZxid, recovery.empty);
    const environment = { settings, counters: this.#counters, nowMs, warn: onWarning };
    this.#engine = new StorageEngine(disks, recovery.lastZxid, environment);
    return recovery;
  }

  persist(operations: readonly StorageOperation[], done: () => void): void {
    if (operations.some(({ type }) => type === 'truncate' || type === 'installSnapshot')) this.#cancelSaving();
    this.#enqueue({ type: 'persist', operations: this.#initialState.before(operations), done });
  }

  saveSnapshot(source: SnapshotSource, done: (saved: boolean) => void): void {
    assert(this.#saving === undefined, 'one snapshot at a time');
    const saving = { cancelled: false };
    this.#saving = saving;
    const startMs = this.#options.nowMs();
    const finished = (saved: boolean): void => {
      this.#saving = undefined;
      if (saved) this.#counters.took('snapshot', this.#options.nowMs() - startMs);
      else this.#counters.add('snapshotsAbandoned', 1);
      done(saved);
    };
    this.#enqueue({ type: 'roll' });
    let writer: SnapshotWriter | undefined;
    const giveUp = (reason: string): void => {
      this.#options.onWarning(givenUp(source.zxid, reason));
      finished(false);
    };
    const slice = (): void => {
      if (this.#failed) return;
      try {
        writer ??= new SnapshotWriter(this.#options.disks.snapshots, savingName(source.zxid), source.zxid);
        const chunk = saving.cancelled ? undefined : source.next(SLICE_BYTES);
        if (chunk !== undefined) {
          writer.push(chunk);
          this.#options.schedule(slice);
        } else if (saving.cancelled) {
          writer.abandon();
          giveUp(OUT_OF_DATE);
        } else {
          this.#counters.set('snapshotLastBytes', writer.finish(source.digest()));
          this.#enqueue({ type: 'publish', zxid: source.zxid, done: finished });
        }
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'ZK_STORAGE_FAILED') throw error;
        giveUp(error.message);
      }
    };
    this.#options.schedule(slice);
  }

  metrics(): StorageMetrics {
    return this.#counters.read();
  }

  close(): Promise<void> {
    this.#cancelSaving();
    return new Promise((resolve) => {
      const end = (): void => {
        this.#engine?.close();
        resolve();
      };
      if (this.#queue.length === 0 || this.#failed) end();
      else this.#onIdle = end;
    });
  }

  #cancelSaving(): void {
    if (this.#saving !== undefined) this.#saving.cancelled = true;
  }

  #enqueue(request: Request): void {
    this.#queue.push(request);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.schedule(() => this.#runQueue());
  }

  #runQueue(): void {
    this.#scheduled = false;
    const engine = this.#engine;
    if (this.#failed) return;
    assert(engine !== undefined, 'the storage was not recovered');
    const requests = this.#queue;
    this.#queue = [];
    try {
      for (const request of requests) carryOut(engine, request);
      engine.commit();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#failed = true;
      this.#options.onFailure(error);
      return;
    }
    for (const request of requests) if (request.type !== 'roll') request.done(true);
    if (this.#queue.length === 0) this.#onIdle?.();
  }
}

function carryOut(engine: StorageEngine, request: Request): void {
  if (request.type === 'roll') engine.roll();
  else if (request.type === 'publish') engine.publishSnapshot(request.zxid);
  else for (const operation of request.operations) carryOutOperation(engine, operation);
}

function carryOutOperation(engine: StorageEngine, operation: StorageOperation): void {
  switch (operation.type) {
    case 'append':
      for (const entry of operation.entries) engine.append(entry);
      break;
    case 'acceptedEpoch':
    case 'currentEpoch':
      engine.writeEpoch(operation.type, operation.epoch);
      break;
    case 'truncate':
      engine.truncate(operation.zxid);
      break;
    case 'installSnapshot': {
      const { source } = operation;
      engine.beginInstall(source.zxid);
      for (let chunk = source.next(SLICE_BYTES); chunk !== undefined; chunk = source.next(SLICE_BYTES)) {
        engine.installChunk(chunk);
      }
      engine.endInstall(source.digest());
      break;
    }
    default:
      unreachable(operation, 'storage operation');
  }
}
