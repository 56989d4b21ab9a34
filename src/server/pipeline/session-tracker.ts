import type { SessionId } from '../../common/types.ts';
import { ReplyCode } from '../protocol/opcodes.ts';
import { ExpiryQueue, type Expirable } from './expiry.ts';

/**
 * Through whom a session is connected: this server's own clients, or one learner's. Two different owners show that the
 * session has moved while something of its old connection was still under way.
 */
export type Owner = number;

/** The owner of the leader's own clients. Learner connections are numbered from 0. */
export const LOCAL_OWNER: Owner = -1;
const NO_OWNER: Owner = -2;

/** A session as the leader sees it. */
export interface TrackedSession extends Expirable {
  readonly id: SessionId;
  owner: Owner;
  /** A closeSession transaction has been proposed: nothing more is accepted from the session. */
  closing: boolean;
}

/**
 * The sessions of the whole ensemble, kept by the leader alone (SessionTrackerImpl): when each expires, and who may
 * speak for it. After an election it is filled anew, every session with its full timeout.
 */
export class SessionTracker {
  readonly #sessions = new Map<SessionId, TrackedSession>();
  readonly #expiry: ExpiryQueue<TrackedSession>;

  constructor(tickTimeMs: number) {
    this.#expiry = new ExpiryQueue(tickTimeMs);
  }

  get(id: SessionId): TrackedSession | undefined {
    return this.#sessions.get(id);
  }

  /** Begins to track a session; one that is tracked already is touched. */
  track(id: SessionId, timeoutMs: number, nowMs: number): TrackedSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) {
      if (!known.closing) this.#expiry.touch(known, nowMs, timeoutMs);
      return known;
    }
    const session: TrackedSession = { id, owner: NO_OWNER, closing: false, expiresMs: 0, bucketMs: 0 };
    this.#sessions.set(id, session);
    this.#expiry.add(session, nowMs, timeoutMs);
    return session;
  }

  /** The session showed life. False if it is unknown or about to end. */
  touch(id: SessionId, timeoutMs: number, nowMs: number): boolean {
    const session = this.#sessions.get(id);
    return session !== undefined && this.touchTracked(session, timeoutMs, nowMs);
  }

  /** As {@link touch}, without looking the session up. */
  touchTracked(session: TrackedSession, timeoutMs: number, nowMs: number): boolean {
    if (session.closing) return false;
    this.#expiry.touch(session, nowMs, timeoutMs);
    return true;
  }

  /** Whether a request that came through `owner` may speak for the session: `ok`, or the code to answer with. */
  check(id: SessionId, owner: Owner): number {
    const session = this.#sessions.get(id);
    if (session === undefined || session.closing) return ReplyCode.sessionExpired;
    if (session.owner === NO_OWNER) session.owner = owner;
    return session.owner === owner ? ReplyCode.ok : ReplyCode.sessionMoved;
  }

  /** The session is connected through `owner` from now on. */
  setOwner(id: SessionId, owner: Owner): void {
    const session = this.#sessions.get(id);
    if (session !== undefined && !session.closing) session.owner = owner;
  }

  /** From now on the session can neither be touched nor renewed. */
  setClosing(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.closing = true;
    this.#expiry.remove(session);
  }

  /** The session's closeSession transaction was applied. */
  remove(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    if (!session.closing) this.#expiry.remove(session);
  }

  /** Sessions whose time is up, `max` at most; each is closing from now on. */
  expired(nowMs: number, max: number): TrackedSession[] {
    const expired = this.#expiry.poll(nowMs, max);
    for (const session of expired) session.closing = true;
    return expired;
  }

  nextDeadlineMs(): number {
    return this.#expiry.nextDeadlineMs();
  }
}
