import type { Zxid } from '../../common/zxid.ts';
import type { LearnerConnection } from '../zab/types.ts';
import type { PendingRequest } from './client.ts';
import { Fifo } from './fifo.ts';

/** Who waits for a sync: one of the leader's own clients, or a learner for one of its. */
export interface SyncWaiter {
  readonly request?: PendingRequest;
  readonly connection?: LearnerConnection;
}

interface QueuedSync {
  readonly waiter: SyncWaiter;
  /** Of the round that must confirm that this server still leads. */
  readonly token: number;
  /** What had been proposed when the sync came. */
  readonly zxid: Zxid;
}

/**
 * The syncs that wait at the leader, in order. ZooKeeper answers a sync as soon as the proposals before it are committed;
 * a leader that has been replaced without knowing it then answers with an old state (ZOOKEEPER-1675, -3600). Here a sync
 * also waits until a quorum has answered a ping that was sent after it came, so that sync and read are linearizable.
 */
export class SyncQueue {
  readonly #queue = new Fifo<QueuedSync>();
  #token = 0;
  #confirmedToken = 0;
  #unconfirmed = false;

  /** How many wait. */
  get length(): number {
    return this.#queue.length;
  }

  /** True if a sync has come since the last {@link newToken}. */
  get hasUnconfirmed(): boolean {
    return this.#unconfirmed;
  }

  add(zxid: Zxid, waiter: SyncWaiter): void {
    this.#unconfirmed = true;
    this.#queue.push({ waiter, token: this.#token + 1, zxid });
  }

  /** The token of a round that has to begin now, for all the syncs that came since the last; undefined if none did. */
  newToken(): number | undefined {
    if (!this.#unconfirmed) return undefined;
    this.#unconfirmed = false;
    return ++this.#token;
  }

  /** The round with this token, and so every round before, has found that this server leads. */
  confirmed(token: number): void {
    this.#confirmedToken = Math.max(this.#confirmedToken, token);
  }

  /** The next sync that is done now that everything up to `applied` is applied, or undefined. */
  take(applied: Zxid): SyncWaiter | undefined {
    const next = this.#queue.peek();
    if (next === undefined || next.token > this.#confirmedToken) return undefined;
    // Of an epoch in which nothing has been proposed yet, nothing has to be applied.
    if (next.zxid > applied && next.zxid % 0x1_0000_0000 !== 0) return undefined;
    this.#queue.shift();
    return next.waiter;
  }
}
