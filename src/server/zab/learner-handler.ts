import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { LearnerConnection } from './types.ts';

/** How far a learner has come, as its leader sees it. */
export type LearnerStage =
  /** Connected; FOLLOWERINFO or OBSERVERINFO awaited. */
  | 'connected'
  /** It said who it is; it waits for the epoch. */
  | 'registered'
  /** LEADERINFO sent, ACKEPOCH awaited. */
  | 'offeredEpoch'
  /** It accepted the epoch; it waits for a quorum to do so. */
  | 'acceptedEpoch'
  /** Its history, and NEWLEADER behind it, were sent; it gets all that is proposed from now on. */
  | 'syncing'
  /** It acknowledged NEWLEADER; it waits for a quorum to do so. */
  | 'synced'
  /** UPTODATE sent. */
  | 'serving';

/** What a leader knows of one connection of a learner. */
export class LearnerHandler {
  readonly connection: LearnerConnection;
  serverId: ServerId | undefined;
  /** True for one that has a weight and came as a follower: it counts in quorums. */
  isVoter = false;
  isObserver = false;
  /** False for a voter that has lost what it once promised: until the epoch is established it counts for nothing. */
  keptPromises = true;
  stage: LearnerStage = 'connected';
  /** Of the configuration that it has in force. */
  configVersion: Zxid = 0;
  /** Its last zxid, and the one before which its log cannot be cut, as ACKEPOCH said them. */
  lastZxid: Zxid = 0;
  snapshotZxid: Zxid = 0;
  /** When it was last heard of, or began to be waited for. */
  heardAtMs: number;
  /** Up to where it acknowledged proposals. */
  acked: Zxid = 0;
  /** Up to where it acknowledges no proposals one by one: its history, which the ACK of NEWLEADER stands for. */
  historyZxid: Zxid = 0;
  pingsSent = 0;
  pingsAnswered = 0;
  /** What was committed when each of the pings left that it has not answered yet. */
  readonly #pinged: Zxid[] = [];
  #heardZxid: Zxid = 0;
  /** A zxid that it was sent and the time by which it must have acknowledged that (Java's SyncLimitCheck). */
  #ackDueZxid: Zxid = 0;
  #ackDueAtMs = Number.POSITIVE_INFINITY;

  constructor(connection: LearnerConnection, nowMs: number) {
    this.connection = connection;
    this.heardAtMs = nowMs;
  }

  /** Up to where it has everything, once it has acknowledged NEWLEADER. */
  get heldZxid(): Zxid {
    return Math.max(this.acked, this.historyZxid, this.#heardZxid);
  }

  pinged(committed: Zxid): void {
    this.pingsSent++;
    this.#pinged.push(committed);
  }

  /** It has read what it was sent before that ping: an observer acknowledges nothing else. */
  answeredPing(): void {
    this.pingsAnswered++;
    const committed = this.#pinged.shift();
    if (this.isObserver && committed !== undefined) this.#heardZxid = committed;
  }

  /** Whether the leader waits for this learner, rather than the learner for the leader. */
  get isAwaited(): boolean {
    return this.stage !== 'registered' && this.stage !== 'acceptedEpoch' && this.stage !== 'synced';
  }

  /** Whether it gets proposals, or is informed of them. */
  get isForwarded(): boolean {
    return this.stage === 'syncing' || this.stage === 'synced' || this.stage === 'serving';
  }

  /**
   * Whether it has left a proposal unacknowledged for too long: its disk stands still, though it answers pings. Called
   * now and then; keeps one proposal in mind at a time.
   */
  isAckOverdue(lastProposed: Zxid, nowMs: number, limitMs: number): boolean {
    if (this.isObserver) return false;
    if (this.heldZxid < this.#ackDueZxid) return nowMs >= this.#ackDueAtMs;
    this.#ackDueZxid = lastProposed;
    this.#ackDueAtMs = nowMs + limitMs;
    return false;
  }
}
