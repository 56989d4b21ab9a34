import type { Worker } from 'node:worker_threads';
import type { SnapshotSource } from './types.ts';
import type { SnapshotWorkerMessage, SnapshotWorkerRequest } from './worker-messages.ts';

/** One piece of a snapshot: taken from the state in about a millisecond. */
const CHUNK_BYTES = 128 * 1024;

interface SnapshotSaveEvents {
  /** The file is whole and durable, under its name for snapshots being saved. */
  readonly onWritten: (bytes: number) => void;
  readonly onAbandoned: (reason: string) => void;
}

/** Feeds a snapshot to the worker that writes it: one piece for each turn of the event loop in which it asks. */
export class SnapshotSave {
  readonly #worker: Worker;
  readonly #source: SnapshotSource;
  readonly #events: SnapshotSaveEvents;
  #state: 'writing' | 'cancelled' | 'over' = 'writing';

  constructor(worker: Worker, source: SnapshotSource, events: SnapshotSaveEvents) {
    this.#worker = worker;
    this.#source = source;
    this.#events = events;
    worker.on('message', (message: SnapshotWorkerMessage) => this.#onMessage(message));
    worker.on('error', (error) => this.#abandoned(String(error)));
    worker.once('exit', () => this.#abandoned('its worker ended'));
  }

  /** What the snapshot holds is being taken back: it must never get its name. */
  cancel(): void {
    if (this.#state === 'writing') this.#state = 'cancelled';
  }

  #onMessage(message: SnapshotWorkerMessage): void {
    if (message.type === 'abandoned') {
      this.#abandoned(message.reason);
    } else if (this.#state === 'cancelled') {
      this.#tell({ type: 'abandon' });
    } else if (message.type === 'written') {
      this.#state = 'over';
      this.#tell({ type: 'keep' });
      this.#events.onWritten(message.bytes);
    } else {
      this.#sendNext();
    }
  }

  #sendNext(): void {
    const chunk = this.#source.next(CHUNK_BYTES);
    if (chunk === undefined) {
      this.#tell({ type: 'end', digest: this.#source.digest() });
      return;
    }
    // A copy of its own can be handed over; sending a view would copy all of the memory behind it.
    const bytes = new Uint8Array(chunk);
    this.#tell({ type: 'chunk', bytes }, [bytes.buffer]);
  }

  #tell(request: SnapshotWorkerRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #abandoned(reason: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#events.onAbandoned(reason);
  }
}
