import { gunzipSync } from 'node:zlib';
import { Worker } from 'node:worker_threads';
import { CodedError, ERROR_CODES, assert, type ErrorCode } from '../../common/errors.ts';
import { COUNTERS_BYTES, StorageCounters, type StorageMetrics } from './counters.ts';
import type { StorageSettings } from './engine.ts';
import { unpackSnappyStream } from './formats/snappy.ts';
import { FRAME_HEADER_BYTES, FrameType, encodeFrameHeader, frame, framesOf, type Frame } from './frames.ts';
import { InitialState } from './initial-state.ts';
import { NodeDisk } from './node-disk.ts';
import { recoverFromDisk } from './recovery.ts';
import { RingWriter, createRing } from './ring.ts';
import { givenUp } from './snapshot-files.ts';
import { SnapshotSave } from './snapshot-save.ts';
import type { Recovery, RecoveryReceiver, SnapshotSource, Storage, StorageEvents, StorageOperation } from './types.ts';
import type { LogWorkerMessage, WorkerStart } from './worker-messages.ts';

/** Holds some thousand writes; more waits in the main thread until the worker has taken them. */
const RING_BYTES = 4 * 1024 * 1024;

export interface WorkerStorageOptions extends StorageEvents {
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  readonly settings: StorageSettings;
  readonly trustEmptySnapshot: boolean;
}

/**
 * The storage of a real server: files that only a worker thread writes, so that no sync ever holds up the event loop.
 * Recovery runs here, in the main thread, while the worker starts.
 */
export class WorkerStorage implements Storage {
  readonly #options: WorkerStorageOptions;
  readonly #initialState: InitialState;
  readonly #countersMemory = new SharedArrayBuffer(COUNTERS_BYTES);
  readonly #counters = new StorageCounters(new Float64Array(this.#countersMemory));
  readonly #ring: RingWriter;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** Requests whose frames are not all in the ring yet. */
  readonly #waiting: Iterator<Frame>[] = [];
  /** What to call for each request that the worker has not completed, oldest first. */
  readonly #outstanding: (() => void)[] = [];
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  /** Bytes that are on their way into the ring, and how far. */
  #sending: { readonly bytes: Uint8Array; at: number }[] = [];
  #completed = 0;
  #state: 'open' | 'closing' | 'failed' = 'open';
  #saving: SnapshotSave | undefined;

  constructor(options: WorkerStorageOptions) {
    this.#options = options;
    this.#initialState = new InitialState(options.initialState);
    const memory = createRing(RING_BYTES);
    this.#ring = new RingWriter(memory);
    this.#worker = startWorker({
      role: 'log',
      snapshotDirectory: options.snapshotDirectory,
      logDirectory: options.logDirectory,
      ring: memory,
      counters: this.#countersMemory,
      settings: options.settings,
    });
    this.#worker.on('message', (message: LogWorkerMessage) => this.#onMessage(message));
    this.#worker.on('error', (error) =>
      this.#fail(new CodedError('ZK_STORAGE_FAILED', `the log's worker ended: ${String(error)}`)),
    );
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        if (this.#state === 'open') this.#fail(new CodedError('ZK_STORAGE_FAILED', "the log's worker ended"));
        resolve();
      });
    });
    this.#ring.watch(() => this.#onSignal());
  }

  recover(receiver: RecoveryReceiver): Recovery {
    assert(this.#outstanding.length === 0, 'recovery while operations are queued');
    const { snapshotDirectory, logDirectory, trustEmptySnapshot } = this.#options;
    const snapshots = NodeDisk.create(snapshotDirectory);
    const logs = logDirectory === snapshotDirectory ? snapshots : NodeDisk.create(logDirectory);
    const unpackers = { gzip: (bytes: Uint8Array) => gunzipSync(bytes), snappy: unpackSnappyStream };
    const recovery = this.#orEnd(() =>
      recoverFromDisk({ snapshots, logs }, receiver, { unpackers, trustEmptySnapshot }),
    );
    this.#initialState.recovered(recovery.snapshotZxid, recovery.empty);
    this.#send([frame(FrameType.open, recovery.lastZxid)][Symbol.iterator]());
    return recovery;
  }

  persist(operations: readonly StorageOperation[], done: () => void): void {
    if (operations.some(({ type }) => type === 'truncate' || type === 'installSnapshot')) this.#saving?.cancel();
    this.#request(framesOf(this.#initialState.before(operations)), done);
  }

  saveSnapshot(source: SnapshotSource, done: (saved: boolean) => void): void {
    assert(this.#saving === undefined, 'one snapshot at a time');
    const startMs = performance.now();
    const finished = (saved: boolean): void => {
      this.#saving = undefined;
      if (saved) this.#counters.took('snapshot', performance.now() - startMs);
      else this.#counters.add('snapshotsAbandoned', 1);
      done(saved);
    };
    this.#send([frame(FrameType.roll)][Symbol.iterator]());
    const worker = startWorker({ role: 'snapshot', directory: this.#options.snapshotDirectory, zxid: source.zxid });
    this.#saving = new SnapshotSave(worker, source, {
      onWritten: (bytes) => {
        this.#counters.set('snapshotLastBytes', bytes);
        const frames = [frame(FrameType.publish, source.zxid), frame(FrameType.end)];
        this.#request(frames[Symbol.iterator](), () => finished(true));
      },
      onAbandoned: (reason) => {
        this.#options.onWarning(givenUp(source.zxid, reason));
        finished(false);
      },
    });
  }

  metrics(): StorageMetrics {
    return this.#counters.read();
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#saving?.cancel();
      this.#send([frame(FrameType.close)][Symbol.iterator]());
      this.#state = 'closing';
    }
    await this.#ended;
    this.#onSignal();
    this.#ring.wakeWatch();
  }

  /** Who could not start has to be able to end: a waiting worker would keep the process alive. */
  #orEnd<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#state = 'failed';
      void this.#worker.terminate();
      throw error;
    }
  }

  #request(frames: Iterator<Frame>, done: () => void): void {
    this.#outstanding.push(done);
    this.#send(frames);
  }

  #send(frames: Iterator<Frame>): void {
    if (this.#state !== 'open') return;
    this.#waiting.push(frames);
    if (this.#waiting.length === 1) this.#fill();
  }

  /** Puts frames into the ring until it is full or nothing waits. */
  #fill(): void {
    while (this.#waiting.length > 0) {
      if (!this.#sendRest()) break;
      const next = this.#waiting[0]?.next();
      if (next === undefined || next.done === true) {
        this.#waiting.shift();
        continue;
      }
      encodeFrameHeader(this.#headerView, next.value);
      this.#sending.push({ bytes: this.#header, at: 0 }, { bytes: next.value.payload, at: 0 });
    }
    this.#ring.publish();
  }

  /** True if nothing is left of what is on its way. */
  #sendRest(): boolean {
    for (let part = this.#sending[0]; part !== undefined; part = this.#sending[0]) {
      part.at += this.#ring.write(part.bytes, part.at);
      if (part.at < part.bytes.length) {
        this.#ring.wantSpace();
        part.at += this.#ring.write(part.bytes, part.at);
      }
      if (part.at < part.bytes.length) return false;
      this.#sending.shift();
    }
    return true;
  }

  /** The worker has completed requests or made space. */
  #onSignal(): boolean {
    const completed = this.#ring.completed();
    while (this.#completed !== completed) {
      this.#completed = (this.#completed + 1) >>> 0;
      this.#outstanding.shift()?.();
    }
    if (this.#waiting.length > 0 && this.#state !== 'failed') this.#fill();
    return this.#state !== 'failed' && (this.#state === 'open' || this.#outstanding.length > 0);
  }

  #onMessage(message: LogWorkerMessage): void {
    if (message.type === 'warning') this.#options.onWarning(message.message);
    else this.#fail(new CodedError(isErrorCode(message.code) ? message.code : 'ZK_STORAGE_FAILED', message.message));
  }

  #fail(error: CodedError): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#options.onFailure(error);
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** In development this file and the worker's are TypeScript; in a bundle both lie in one folder. */
function startWorker(start: WorkerStart): Worker {
  const file = import.meta.url.endsWith('.ts') ? './log-worker.ts' : './log-worker.mjs';
  return new Worker(new URL(file, import.meta.url), { workerData: start, name: `storage ${start.role}` });
}
