import type { Random } from '../../../common/types.ts';
import type { Zxid } from '../../../common/zxid.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { CodedError } from '../../../common/errors.ts';
import { DEFAULT_SETTINGS, type StorageSettings } from '../engine.ts';
import { LocalStorage } from '../local-storage.ts';
import type { Recovery, RecoveryReceiver, SnapshotSource, StorageDisks } from '../types.ts';

/* What the tests of this folder share. The "state" here is simply the list of the zxids that made it. */

/** A small generator (mulberry32): the same seed gives the same numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, fill: (bytes) => bytes.forEach((_byte, at) => (bytes[at] = Math.floor(next() * 256))) };
}

/** An entry as the log wants it: a TxnHeader with this zxid, and `size` bytes that depend on it. */
export function entry(zxid: Zxid, size = 20): LogEntry {
  const bytes = new Uint8Array(32 + size).fill((zxid % 251) + 1);
  const view = new DataView(bytes.buffer);
  view.setUint32(12, Math.floor(zxid / 2 ** 32));
  view.setUint32(16, zxid % 2 ** 32);
  return { zxid, bytes };
}

/** A snapshot whose body is the list of zxids, in chunks. */
export function snapshotOf(history: readonly Zxid[], zxid: Zxid = history.at(-1) ?? 0): SnapshotSource {
  const body = new TextEncoder().encode(JSON.stringify(history));
  let at = 0;
  return {
    zxid,
    next: (maxBytes) => {
      if (at >= body.length) return undefined;
      const chunk = body.subarray(at, at + Math.min(maxBytes, 40));
      at += chunk.length;
      return chunk;
    },
    digest: () => BigInt(history.length),
  };
}

/** Collects what a recovery finds. */
export class HistoryReceiver implements RecoveryReceiver {
  history: Zxid[] = [];
  snapshotZxid: Zxid | undefined;
  digest: bigint | undefined;
  entries: LogEntry[] = [];
  #body = '';

  begin(): void {
    this.history = [];
    this.entries = [];
    this.snapshotZxid = undefined;
    this.#body = '';
  }

  snapshotChunk(bytes: Uint8Array): void {
    this.#body += new TextDecoder().decode(bytes);
  }

  snapshotEnd(zxid: Zxid, digest: bigint | undefined): void {
    this.history = parseHistory(this.#body);
    this.snapshotZxid = zxid;
    this.digest = digest;
  }

  entry(found: LogEntry): void {
    this.history.push(found.zxid);
    this.entries.push(found);
  }
}

export const TEST_SETTINGS: StorageSettings = { ...DEFAULT_SETTINGS, preallocateBytes: 2048 };

const noUnpackers = {
  gzip: (): never => {
    throw new Error('not packed');
  },
  snappy: (): never => {
    throw new Error('not packed');
  },
};

/** A LocalStorage whose tasks run when the test says so. */
export class TestStorage {
  readonly storage: LocalStorage;
  readonly warnings: string[] = [];
  failure: Error | undefined;
  readonly #tasks: (() => void)[] = [];

  constructor(disks: StorageDisks, settings: Partial<StorageSettings> = {}, trustEmptySnapshot = false) {
    this.storage = new LocalStorage({
      disks,
      settings: { ...TEST_SETTINGS, ...settings },
      nowMs: () => 0,
      schedule: (task) => this.#tasks.push(task),
      unpackers: noUnpackers,
      trustEmptySnapshot,
      initialState: () => snapshotOf([]),
      onFailure: (error) => (this.failure = error),
      onWarning: (message) => this.warnings.push(message),
    });
  }

  /** Runs one task; false if there is none. */
  step(): boolean {
    const task = this.#tasks.shift();
    task?.();
    return task !== undefined;
  }

  /** Runs until nothing is left to do. */
  settle(): void {
    while (this.step());
  }

  recover(): Recovery & { readonly receiver: HistoryReceiver } {
    const receiver = new HistoryReceiver();
    return { ...this.storage.recover(receiver), receiver };
  }
}

function parseHistory(body: string): Zxid[] {
  try {
    return JSON.parse(body) as Zxid[];
  } catch (cause) {
    throw new CodedError('ZK_SNAPSHOT_CORRUPT', `no history: ${body}`, { cause });
  }
}
