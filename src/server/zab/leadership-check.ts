import type { ServerId } from '../../common/types.ts';
import type { LearnerHandler } from './learner-handler.ts';
import { QuorumSet } from './quorum-tracker.ts';
import type { Membership } from './types.ts';

/** One round: answered when a quorum has echoed a ping that was sent after the round began. */
interface Round {
  readonly tokens: readonly number[];
  readonly quorum: QuorumSet;
  /** How many pings each learner must have answered. */
  readonly due: Map<LearnerHandler, number>;
}

/** Sends a ping to these learners. */
export type SendPings = (handlers: readonly LearnerHandler[]) => void;

/**
 * Finds out whether this server still leads: if a quorum answers a ping sent after the question, no other leader can
 * have been established before it, since its quorum would share a server with ours, and that server would have closed
 * our connection. One round at a time serves all questions that came before it began.
 */
export class LeadershipCheck {
  readonly #self: ServerId;
  readonly #memberships: () => readonly Membership[];
  readonly #sendPings: SendPings;
  #waiting: number[] = [];
  #round: Round | undefined;

  constructor(self: ServerId, memberships: () => readonly Membership[], sendPings: SendPings) {
    this.#self = self;
    this.#memberships = memberships;
    this.#sendPings = sendPings;
  }

  /** Returns the tokens that are confirmed at once, which is all of them where this server is a quorum by itself. */
  ask(token: number, voters: readonly LearnerHandler[]): readonly number[] {
    this.#waiting.push(token);
    return this.#round === undefined ? this.#begin(voters) : [];
  }

  /** Learners were just sent a ping anyway: those that synchronized after the round began now take part in it. */
  pinged(voters: readonly LearnerHandler[]): void {
    const due = this.#round?.due;
    if (due === undefined) return;
    for (const handler of voters) if (!due.has(handler)) due.set(handler, handler.pingsSent);
  }

  /** A learner answered a ping. Returns the tokens that are confirmed by it. */
  answered(handler: LearnerHandler, voters: readonly LearnerHandler[]): readonly number[] {
    const round = this.#round;
    const due = round?.due.get(handler);
    if (round === undefined || due === undefined || handler.pingsAnswered < due) return [];
    if (handler.serverId !== undefined) round.quorum.add(handler.serverId);
    if (!round.quorum.isQuorum()) return [];
    this.#round = undefined;
    return this.#waiting.length === 0 ? round.tokens : [...round.tokens, ...this.#begin(voters)];
  }

  /** The configuration has changed: what was asked before needs a quorum of the new one. Returns what {@link ask} does. */
  restart(voters: readonly LearnerHandler[]): readonly number[] {
    if (this.#round === undefined) return [];
    this.#waiting.unshift(...this.#round.tokens);
    this.#round = undefined;
    return this.#begin(voters);
  }

  #begin(voters: readonly LearnerHandler[]): readonly number[] {
    const tokens = this.#waiting;
    this.#waiting = [];
    const quorum = new QuorumSet(this.#memberships());
    quorum.add(this.#self);
    if (quorum.isQuorum()) return tokens;
    this.#sendPings(voters);
    this.#round = { tokens, quorum, due: new Map(voters.map((handler) => [handler, handler.pingsSent])) };
    return [];
  }
}
