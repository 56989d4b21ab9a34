import { assert } from '../../common/errors.ts';
import type { ServerId, SessionId } from '../../common/types.ts';
import { COUNTER_MAX, counterOf, makeZxid, type Zxid } from '../../common/zxid.ts';
import type { Database } from '../database/types.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { PacketType, type QuorumPacket } from '../protocol/quorum.ts';
import {
  decodeForwardedRequest,
  decodeRevalidateRequest,
  decodeTouchedSessions,
  encodeRevalidateResponse,
} from '../protocol/quorum-codec.ts';
import type { Txn, TxnHeader } from '../protocol/transactions.ts';
import type { LearnerConnection, LearnerStatus, Membership, ZabInput } from '../zab/types.ts';
import type { Access } from './access.ts';
import type { Client, PendingRequest } from './client.ts';
import type { Clients } from './clients.ts';
import { EntryBatch } from './entry-batch.ts';
import { Fifo } from './fifo.ts';
import { operationKind } from './operations.ts';
import type { ChangeMembership, Reconfiguring } from './prepare-context.ts';
import { Preparer, type WriteRequest } from './prepare.ts';
import { Reaper } from './reaper.ts';
import type { Service } from './service.ts';
import { LOCAL_OWNER, SessionTracker } from './session-tracker.ts';
import { formatSession, type Step } from './step.ts';
import { SyncQueue } from './sync-queue.ts';

/** Sessions closed in one step: a flood of them must not hold up everybody's requests and heartbeats. */
const EXPIRED_PER_STEP_MAX = 500;

/** How many of them the log names. */
const LOGGED_SESSIONS_MAX = 10;

/**
 * After so many zxids of an epoch the leader steps down, so that the next begins before the counter ends (ZOOKEEPER-1277); a step
 * never needs as many as are left.
 */
const ZXIDS_PER_EPOCH = COUNTER_MAX - 2 ** 20;

/** A transaction that this leader proposed, until it comes back to be applied. */
export interface Proposal {
  readonly header: TxnHeader;
  readonly txn: Txn;
  /** The request of one of this member's own clients, if it is one's. */
  readonly request: PendingRequest | undefined;
}

/** What a leader needs to know of its configuration. */
export interface LeadingSettings {
  readonly tickTimeMs: number;
  readonly extendedTypesEnabled: boolean;
  readonly zxidsPerEpoch: number | undefined;
  readonly reapIntervalMs: number | undefined;
  /** Undefined where the ensemble's configuration is fixed. */
  readonly ensemble: EnsembleView | undefined;
}

/** What a reconfiguration needs to know of the ensemble, and how to change it. */
export interface EnsembleView {
  membership(): Membership;
  learners(): readonly LearnerStatus[];
  readonly serverId: ServerId;
  readonly change: ChangeMembership;
}

function reconfiguringOf(ensemble: EnsembleView, isUnderWay: () => boolean): Reconfiguring {
  return {
    get current() {
      return ensemble.membership();
    },
    get isUnderWay() {
      return isUnderWay();
    },
    isQuorumSynced: (membership) => {
      // An observer that is to be a voter connects anew first, as in ZooKeeper: it does not count yet.
      const synced = ensemble.learners().filter(({ isObserver, serving }) => serving && !isObserver);
      return membership.isQuorum(new Set([ensemble.serverId, ...synced.map(({ serverId }) => serverId)]));
    },
    change: ensemble.change,
  };
}

/** What a leader does for clients and learners while it serves. Made anew for each epoch; nothing of it outlives one. */
export class Leading implements Service {
  readonly #database: Database;
  readonly #clients: Clients;
  readonly #step: Step;
  readonly #tickTimeMs: number;
  readonly #zxidsPerEpoch: number;
  readonly #sessions: SessionTracker;
  readonly #preparer: Preparer;
  readonly #reaper: Reaper;
  readonly #syncs: SyncQueue;
  readonly #proposals = new Fifo<Proposal>();
  readonly #batch = new EntryBatch();
  #ended = false;
  #handsOver = false;
  /** The zxid of a reconfiguration that has not come back yet. */
  #reconfiguration: Zxid | undefined;
  #lastProposed: Zxid;
  #lastStepMs: number;
  /** No session expires before: this process stood still, and has yet to hear who lives. */
  #expiresAgainAtMs = -Infinity;

  constructor(
    epoch: number,
    database: Database,
    access: Access,
    settings: LeadingSettings,
    clients: Clients,
    step: Step,
  ) {
    this.#database = database;
    this.#clients = clients;
    this.#step = step;
    this.#tickTimeMs = settings.tickTimeMs;
    this.#zxidsPerEpoch = settings.zxidsPerEpoch ?? ZXIDS_PER_EPOCH;
    this.#lastStepMs = step.nowMs;
    this.#lastProposed = makeZxid(epoch, 0);
    this.#sessions = new SessionTracker(settings.tickTimeMs);
    for (const [id, timeoutMs] of database.sessions) this.#sessions.track(id, timeoutMs, step.nowMs);
    const isUnderWay = (): boolean => this.#reconfiguration !== undefined;
    this.#preparer = new Preparer(database, this.#sessions, access, {
      extendedTypesEnabled: settings.extendedTypesEnabled,
      reconfiguring: settings.ensemble && reconfiguringOf(settings.ensemble, isUnderWay),
    });
    this.#reaper = new Reaper(database, settings.extendedTypesEnabled, settings.reapIntervalMs, step.nowMs);
    this.#syncs = new SyncQueue();
  }

  touch(client: Client): boolean {
    const { session } = client;
    if (session === undefined) return false;
    if (session.owner !== LOCAL_OWNER) {
      this.#clients.close(client, 'its session has moved to another server');
      return false;
    }
    return this.#sessions.touchTracked(session, client.timeoutMs, this.#step.nowMs);
  }

  submit(request: PendingRequest): void {
    this.#propose(
      {
        sessionId: request.sessionId,
        cxid: request.xid,
        type: request.type,
        bytes: request.frame,
        offset: request.offset,
        identities: request.identities,
        owner: LOCAL_OWNER,
      },
      request,
    );
  }

  sync(request: PendingRequest): void {
    this.#syncs.add(this.#lastProposed, { request });
  }

  openSession(client: Client, request: PendingRequest): void {
    this.submit(request);
    client.session = this.#sessions.get(client.sessionId);
  }

  renewSession(client: Client): void {
    const valid = this.#sessions.touch(client.sessionId, client.timeoutMs, this.#step.nowMs);
    if (valid) this.#sessions.setOwner(client.sessionId, LOCAL_OWNER);
    client.session = this.#sessions.get(client.sessionId);
    this.#clients.sessionReady(client, valid);
  }

  /** The proposal that comes back, committed, as this entry; undefined for an entry that is not of this leader's making. */
  takeProposal(zxid: Zxid): Proposal | undefined {
    const next = this.#proposals.peek();
    if (next === undefined || next.header.zxid !== zxid) return undefined;
    this.#proposals.shift();
    return next;
  }

  /** A transaction has been applied to the database. */
  applied(header: TxnHeader): void {
    this.#preparer.changes.applied(header.zxid);
    if (header.zxid === this.#reconfiguration) this.#reconfiguration = undefined;
    if (header.type === OpCode.closeSession) this.#sessions.remove(header.sessionId);
  }

  fromLearner(connection: LearnerConnection, server: ServerId, packet: QuorumPacket): void {
    const data = packet.data ?? new Uint8Array(0);
    switch (packet.type) {
      case PacketType.request:
        this.#forwarded(connection, server, data, packet);
        break;
      case PacketType.ping:
        for (const { sessionId, timeoutMs } of decodeTouchedSessions(data)) {
          this.#sessions.touch(sessionId, timeoutMs, this.#step.nowMs);
        }
        break;
      case PacketType.revalidate: {
        const { sessionId, timeoutMs } = decodeRevalidateRequest(data);
        const valid = this.#sessions.touch(sessionId, timeoutMs, this.#step.nowMs);
        if (valid) this.#sessions.setOwner(sessionId, connection);
        const answer = { ...packet, data: encodeRevalidateResponse({ sessionId, valid }) };
        this.#step.emit({ type: 'sendToLearners', connections: [connection], packet: answer });
        break;
      }
      default:
        this.#step.log('warn', 'a learner sent a packet that is not for a leader', { server, type: packet.type });
    }
  }

  leadershipConfirmed(token: number): void {
    this.#syncs.confirmed(token);
  }

  get handsOver(): boolean {
    return this.#handsOver;
  }

  /** Another server is to lead: nothing is proposed from here on, and whoever wants it asks the next leader. */
  beginHandOver(): void {
    this.#handsOver = true;
  }

  /** The leadership is over; what {@link finish} has left to do means nothing any more. */
  end(): void {
    this.#ended = true;
  }

  /** Syncs that wait for their answer. */
  get pendingSyncs(): number {
    return this.#syncs.length;
  }

  /** True if {@link finish} has something to do: requests came, or answers have let more of them in. */
  get unfinished(): boolean {
    return !this.#ended && (this.#batch.length > 0 || this.#syncs.hasUnconfirmed);
  }

  /** The end of a step: whatever came together is proposed together. */
  finish(feed: (input: ZabInput) => void): void {
    if (!this.#handsOver) {
      this.#expireSessions();
      this.#reap();
    }
    while (this.unfinished) {
      if (this.#batch.length > 0) feed({ type: 'propose', entries: this.#batch.take() });
      const token = this.#ended ? undefined : this.#syncs.newToken();
      if (token !== undefined) feed({ type: 'confirmLeadership', token });
    }
    // At the very end: what has been committed in this step is on its way to the learners before any of these answers.
    this.#answerSyncs();
    if (!this.#ended && counterOf(this.#lastProposed) > this.#zxidsPerEpoch) {
      feed({ type: 'stepDown', reason: 'the zxid counter of this epoch is nearly used up' });
    }
  }

  nextDeadlineMs(): number {
    if (this.#handsOver) return Infinity;
    return Math.min(Math.max(this.#sessions.nextDeadlineMs(), this.#expiresAgainAtMs), this.#reaper.nextMs);
  }

  #forwarded(connection: LearnerConnection, server: ServerId, data: Uint8Array, packet: QuorumPacket): void {
    const { sessionId, cxid, type, body } = decodeForwardedRequest(data);
    const kind = operationKind(type);
    if (kind === 'sync') {
      this.#syncs.add(this.#lastProposed, { connection });
    } else if (kind === 'write' || type === OpCode.createSession) {
      const identities = packet.authinfo ?? [];
      const request = { sessionId, cxid, type, bytes: body, offset: 0, identities, owner: connection };
      this.#propose(request, undefined);
    } else {
      this.#step.log('warn', 'a learner forwarded a request that it should have answered', { server, type });
    }
  }

  #answerSyncs(): void {
    const applied = this.#database.lastZxid;
    while (!this.#ended) {
      const waiter = this.#syncs.take(applied);
      if (waiter === undefined) return;
      if (waiter.request !== undefined) this.#clients.done(waiter.request, ReplyCode.ok, undefined);
      if (waiter.connection !== undefined) {
        const packet: QuorumPacket = { type: PacketType.sync, zxid: 0, data: null, authinfo: null };
        this.#step.emit({ type: 'sendToLearners', connections: [waiter.connection], packet });
      }
    }
  }

  #propose(write: WriteRequest, request: PendingRequest | undefined): void {
    if (this.#handsOver) return;
    const zxid = this.#nextZxid();
    const txn = this.#preparer.prepare(write, zxid, this.#step.nowMs);
    if (txn.type === OpCode.reconfig) this.#reconfiguration = zxid;
    this.#append(write.sessionId, write.cxid, zxid, txn, request);
  }

  #append(sessionId: SessionId, cxid: number, zxid: Zxid, txn: Txn, request: PendingRequest | undefined): void {
    const header: TxnHeader = { sessionId, cxid, zxid, timeMs: this.#step.wallMs, type: txn.type };
    this.#batch.add(header, txn);
    this.#proposals.push({ header, txn, request });
  }

  #nextZxid(): Zxid {
    assert(counterOf(this.#lastProposed) < COUNTER_MAX, 'the zxid counter of the epoch is used up');
    return ++this.#lastProposed;
  }

  #expireSessions(): void {
    const { nowMs } = this.#step;
    const stalled = nowMs - this.#lastStepMs > this.#tickTimeMs;
    this.#lastStepMs = nowMs;
    // This process stood still: heartbeats wait in its sockets, and at learners, who tell of them when they are pinged.
    if (stalled) this.#expiresAgainAtMs = nowMs + this.#tickTimeMs;
    if (nowMs < this.#expiresAgainAtMs || this.#sessions.nextDeadlineMs() > nowMs) return;
    this.#clients.touchUnread();
    const expired = this.#sessions.expired(nowMs, EXPIRED_PER_STEP_MAX);
    if (expired.length === 0) return;
    this.#step.counts.sessionsExpired += expired.length;
    const sessions = expired.slice(0, LOGGED_SESSIONS_MAX).map(({ id }) => formatSession(id));
    this.#step.log('info', 'sessions have expired', { count: expired.length, sessions });
    for (const session of expired) {
      const zxid = this.#nextZxid();
      this.#append(session.id, 0, zxid, this.#preparer.prepareCloseSession(session.id, zxid), undefined);
    }
  }

  #reap(): void {
    if (this.#reaper.nextMs > this.#step.nowMs) return;
    for (const path of this.#reaper.candidates(this.#step.nowMs, this.#step.wallMs)) {
      // What is under way may be a write to it, or another znode in its place: it is looked at again the next time.
      if (this.#preparer.changes.has(path)) continue;
      const zxid = this.#nextZxid();
      this.#append(0n, 0, zxid, this.#preparer.prepareDeleteContainer(path, zxid), undefined);
    }
  }
}
