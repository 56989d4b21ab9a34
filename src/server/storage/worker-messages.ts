import type { StorageSettings } from './engine.ts';

/** What a worker thread is started with. */
export type WorkerStart =
  | {
      readonly role: 'log';
      readonly snapshotDirectory: string;
      readonly logDirectory: string;
      readonly ring: SharedArrayBuffer;
      readonly counters: SharedArrayBuffer;
      readonly settings: StorageSettings;
    }
  | { readonly role: 'snapshot'; readonly directory: string; readonly zxid: number };

/** What the log's worker says beside the ring. */
export type LogWorkerMessage =
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** To the snapshot's worker. Either of the last two is the last word. */
export type SnapshotWorkerRequest =
  | { readonly type: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end'; readonly digest: bigint | undefined }
  | { readonly type: 'keep' }
  | { readonly type: 'abandon' };

/** From the snapshot's worker: `next` asks for the next piece. */
export type SnapshotWorkerMessage =
  | { readonly type: 'next' }
  | { readonly type: 'written'; readonly bytes: number }
  | { readonly type: 'abandoned'; readonly reason: string };
