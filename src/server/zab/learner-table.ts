import type { ServerId } from '../../common/types.ts';
import type { QuorumPacket } from '../protocol/quorum.ts';
import type { PeerContext } from './context.ts';
import { LearnerHandler } from './learner-handler.ts';
import { weightIn } from './membership.ts';
import { QuorumSet } from './quorum-tracker.ts';
import type { LearnerConnection, LearnerStatus } from './types.ts';

/** A leader's connections: who is there, who gets what, and who has said nothing for too long. */
export class LearnerTable {
  readonly #context: PeerContext;
  readonly #handlers = new Map<LearnerConnection, LearnerHandler>();
  /** Connections that get proposals, and those that are informed; made anew when they change, since outputs hold them. */
  #followers: readonly LearnerConnection[] = [];
  #observers: readonly LearnerConnection[] = [];
  #servingVoters: readonly LearnerHandler[] = [];
  /** Called when a connection is gone. */
  readonly #gone: (handler: LearnerHandler) => void;

  constructor(context: PeerContext, gone: (handler: LearnerHandler) => void) {
    this.#context = context;
    this.#gone = gone;
  }

  /** Learners that vote and serve, in quorums and pings. */
  get servingVoters(): readonly LearnerHandler[] {
    return this.#servingVoters;
  }

  /** When the first of those that are waited for has been silent for too long. */
  get deadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (const handler of this.#handlers.values()) {
      if (handler.isAwaited) deadlineMs = Math.min(deadlineMs, this.#deadlineOf(handler));
    }
    return deadlineMs;
  }

  add(connection: LearnerConnection): void {
    this.#handlers.set(connection, new LearnerHandler(connection, this.#context.nowMs));
  }

  get(connection: LearnerConnection): LearnerHandler | undefined {
    return this.#handlers.get(connection);
  }

  /** Who counts is decided anew: the configuration has changed. */
  reclassify(): void {
    for (const handler of this.#handlers.values()) handler.isVoter = this.#counts(handler);
    this.#list();
  }

  /** Those that have come this far; a copy, so that they may be closed meanwhile. */
  inStage(stage: LearnerHandler['stage']): readonly LearnerHandler[] {
    return [...this.#handlers.values()].filter((handler) => handler.stage === stage);
  }

  /** A learner has one connection: an older one of the same server is dead, though that was not noticed yet. */
  identify(handler: LearnerHandler, serverId: ServerId): void {
    for (const other of this.#handlers.values()) {
      if (other.serverId === serverId) this.close(other, 'this server connected again');
    }
    handler.serverId = serverId;
    handler.isVoter = this.#counts(handler);
  }

  #counts({ isObserver, serverId }: LearnerHandler): boolean {
    return !isObserver && serverId !== undefined && weightIn(this.#context.memberships, serverId) > 0;
  }

  advance(handler: LearnerHandler, stage: LearnerHandler['stage']): void {
    handler.stage = stage;
    handler.heardAtMs = this.#context.nowMs;
    this.#list();
  }

  /** Whether enough voters are connected, whatever their stage. Those that say nothing are closed in time. */
  hasQuorum(): boolean {
    return this.#quorumOf(() => true).isQuorum();
  }

  /** Whether those that are connected can establish an epoch: who has lost what it once promised does not help with that. */
  mayEstablish(): boolean {
    const { barred } = this.#context;
    return this.#quorumOf(({ keptPromises, serverId }) => {
      return keptPromises && serverId !== undefined && !barred.has(serverId);
    }).isQuorum();
  }

  /** This server and the voters that have acknowledged NEWLEADER, and count. */
  synced(): QuorumSet {
    return this.#quorumOf((handler) => handler.stage === 'synced' && handler.keptPromises);
  }

  closeSilent(): void {
    for (const handler of this.#handlers.values()) {
      if (!handler.isAwaited || this.#context.nowMs < this.#deadlineOf(handler)) continue;
      this.close(handler, `no word from it for too long (${handler.stage})`);
    }
  }

  close(handler: LearnerHandler, reason: string): void {
    const { connection, serverId } = handler;
    this.#context.emit({ type: 'closeLearner', connection, reason });
    this.#context.log('warn', 'closed the connection of a learner', { learner: serverId, reason });
    this.forget(handler);
  }

  forget(handler: LearnerHandler): void {
    this.#handlers.delete(handler.connection);
    this.#list();
    this.#gone(handler);
  }

  closeAll(reason: string): void {
    for (const connection of this.#handlers.keys()) this.#context.emit({ type: 'closeLearner', connection, reason });
    this.#handlers.clear();
  }

  send(handler: LearnerHandler, packet: QuorumPacket): void {
    this.#context.emit({ type: 'sendToLearners', connections: [handler.connection], packet });
  }

  sendToFollowers(packet: QuorumPacket): void {
    if (this.#followers.length === 0) return;
    this.#context.emit({ type: 'sendToLearners', connections: this.#followers, packet });
  }

  get hasObservers(): boolean {
    return this.#observers.length > 0;
  }

  sendToObservers(packet: QuorumPacket): void {
    this.#context.emit({ type: 'sendToLearners', connections: this.#observers, packet });
  }

  statuses(): readonly LearnerStatus[] {
    const statuses: LearnerStatus[] = [];
    for (const { connection, serverId, isObserver, isVoter, stage, heldZxid } of this.#handlers.values()) {
      if (serverId === undefined) continue;
      statuses.push({ connection, serverId, isObserver, isVoter, serving: stage === 'serving', heldZxid });
    }
    return statuses;
  }

  #quorumOf(counts: (handler: LearnerHandler) => boolean): QuorumSet {
    const quorum = new QuorumSet(this.#context.memberships);
    quorum.add(this.#context.serverId);
    for (const handler of this.#handlers.values()) {
      if (handler.isVoter && handler.serverId !== undefined && counts(handler)) quorum.add(handler.serverId);
    }
    return quorum;
  }

  #deadlineOf(handler: LearnerHandler): number {
    const { syncLimitMs, initLimitMs } = this.#context;
    return handler.heardAtMs + (handler.stage === 'serving' ? syncLimitMs : initLimitMs);
  }

  #list(): void {
    const forwarded = [...this.#handlers.values()].filter((handler) => handler.isForwarded);
    this.#followers = forwarded.filter((handler) => !handler.isObserver).map((handler) => handler.connection);
    this.#observers = forwarded.filter((handler) => handler.isObserver).map((handler) => handler.connection);
    this.#servingVoters = forwarded.filter((handler) => handler.isVoter && handler.stage === 'serving');
  }
}
