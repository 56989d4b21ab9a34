import type { ServerId } from '../../common/types.ts';
import { formatZxid } from '../../common/zxid.ts';
import { PeerState, type Notification } from '../protocol/quorum.ts';
import type { Membership } from './types.ts';
import type { PeerContext, Role } from './context.ts';
import { QuorumSet } from './quorum-tracker.ts';
import { isBetter, isSameVote, MAY_NOT_VOTE_ZXID, NOBODY, voteOf, type Vote } from './vote.ts';

/** How long a quorum's choice waits for a better vote (FastLeaderElection's finalizeWait). */
export const FINALIZE_WAIT_MS = 200;

/** The first pause before a vote is sent again; it doubles each time. */
const RESEND_MIN_MS = 200;

/**
 * The longest pause before a vote is sent again. ZooKeeper waits up to 60 s, which after a long partition can delay the
 * next leader by as much; a small message every few seconds costs nothing.
 */
const RESEND_MAX_MS = 5_000;

/** The same for a server without a vote: nobody sends it votes on their own account, so it must ask. */
const ASK_MAX_MS = 1_000;

/**
 * One search for a leader: FastLeaderElection as a state machine.
 *
 * Voters tell each other whom they would have lead, adopt any better vote that they hear, and are done when a quorum votes
 * the same and no better vote came for a while. Whoever comes late instead hears from servers that already follow or
 * lead, and joins when a quorum of them, and the leader itself, say so.
 *
 * A server that must not vote ({@link ZabConfig.mayVote}), having lost what it once promised and logged, only joins late:
 * it says zxid -1, which everybody ignores, and follows a leader that a quorum of the *others* follows. It therefore
 * never helps to choose an epoch, and its ACKEPOCH (also -1, which no leader counts) never helps to establish one. A
 * leader may then have a quorum without it; when it acknowledges NEWLEADER, it holds the whole history of that
 * epoch and is a voter like the others.
 */
export class Election implements Role {
  readonly state = PeerState.looking;
  readonly #context: PeerContext;
  /** The last vote of each server in this round, our own included. */
  readonly #round = new Map<ServerId, Vote>();
  /** The last vote of each server that follows or leads, of any round. */
  readonly #settled = new Map<ServerId, Vote>();
  readonly #joinAtMs: number;
  #proposal: Vote;
  #decideAtMs = Number.POSITIVE_INFINITY;
  /** Voters that need not agree before a quorum's choice is final: a leader whose connection has ended. */
  readonly #gone: ServerId | undefined;
  #resendAtMs = 0;
  #resendMs = RESEND_MIN_MS;

  /** @param joinAtMs Before this, no established leader is joined. */
  constructor(context: PeerContext, joinAtMs: number) {
    this.#context = context;
    this.#joinAtMs = joinAtMs;
    context.round++;
    this.#gone = context.lostLeader;
    context.lostLeader = undefined;
    this.#proposal = this.#ownVote();
  }

  /** The vote that this server stands for at the moment. */
  get vote(): Vote {
    return this.#proposal;
  }

  get deadlineMs(): number {
    return Math.min(this.#decideAtMs, this.#resendAtMs);
  }

  start(): void {
    this.#sendToAll();
    this.#resendAtMs = this.#context.nowMs + this.#resendMs;
    this.#adopt(this.#proposal);
    this.#count();
  }

  tick(): void {
    const { nowMs } = this.#context;
    if (nowMs >= this.#decideAtMs) {
      this.#elect(this.#proposal);
      return;
    }
    if (nowMs < this.#resendAtMs) return;
    this.#sendToAll();
    this.#resendMs = Math.min(this.#resendMs * 2, this.#canVote ? RESEND_MAX_MS : ASK_MAX_MS);
    this.#resendAtMs = nowMs + this.#resendMs;
  }

  persisted(): void {}

  end(): void {}

  /** A message of a voter. */
  receive(from: ServerId, notification: Notification): void {
    if (!this.#context.isVoterId(notification.leader)) return;
    const vote = voteOf(notification);
    if (vote.state === PeerState.looking) this.#receiveLooking(from, vote);
    else if (vote.state !== PeerState.observing) this.#receiveSettled(from, vote);
  }

  #receiveLooking(from: ServerId, vote: Vote): void {
    const { electorates, round } = this.#context;
    if (!this.#canVote || vote.zxid === MAY_NOT_VOTE_ZXID) return;
    if (vote.electionEpoch < round) {
      this.#context.sendVote(from, this.#proposal);
      return;
    }
    if (vote.electionEpoch > round) {
      this.#context.round = vote.electionEpoch;
      this.#round.clear();
      const own = this.#ownVote();
      this.#adopt(isBetter(electorates, vote, own) ? { ...vote } : own);
      this.#sendToAll();
    } else if (isBetter(electorates, vote, this.#proposal)) {
      this.#adopt({ ...vote });
      this.#sendToAll();
    }
    this.#round.set(from, vote);
    this.#count();
  }

  #receiveSettled(from: ServerId, vote: Vote): void {
    if (vote.electionEpoch === this.#context.round) {
      this.#round.set(from, vote);
      if (this.#isLedBy(vote, this.#round)) {
        this.#elect(vote);
        return;
      }
    }
    this.#settled.set(from, vote);
    if (this.#context.nowMs >= this.#joinAtMs && this.#isLedBy(vote, this.#settled)) this.#elect(vote);
  }

  /** Whether a quorum agrees with this vote, and the leader itself says that it leads. */
  #isLedBy(vote: Vote, votes: ReadonlyMap<ServerId, Vote>): boolean {
    const { serverId, membership, memberships } = this.#context;
    // A configuration that is only logged here may have been given up by the others: whom they follow is theirs to know.
    const needed = vote.leader === serverId ? memberships : [membership];
    if (!this.#quorumFor(vote, votes, needed).isQuorum()) return false;
    if (vote.leader !== serverId) return votes.get(vote.leader)?.state === PeerState.leading;
    // The others follow me: true if they elected me in this very round, and not in a life of mine that is over.
    return this.#canVote && vote.electionEpoch === this.#context.round;
  }

  #quorumFor(
    vote: Vote,
    votes: ReadonlyMap<ServerId, Vote>,
    memberships: readonly Membership[] = this.#context.memberships,
  ): QuorumSet {
    const quorum = new QuorumSet(memberships);
    for (const [id, other] of votes) if (isSameVote(vote, other)) quorum.add(id);
    return quorum;
  }

  #adopt(proposal: Vote): void {
    this.#proposal = proposal;
    this.#decideAtMs = Number.POSITIVE_INFINITY;
    if (this.#canVote) this.#round.set(this.#context.serverId, proposal);
  }

  /** A quorum for the proposal is the end of the election, unless a server that has not agreed yet knows a better one. */
  #count(): void {
    if (!this.#canVote) return;
    const quorum = this.#quorumFor(this.#proposal, this.#round);
    if (!quorum.isQuorum()) this.#decideAtMs = Number.POSITIVE_INFINITY;
    else if (this.#haveAllAgreed(quorum)) this.#elect(this.#proposal);
    else this.#decideAtMs = Math.min(this.#decideAtMs, this.#context.nowMs + FINALIZE_WAIT_MS);
  }

  #haveAllAgreed(quorum: QuorumSet): boolean {
    const agreed = new Set(quorum.ids());
    return this.#context.voters.every((id) => agreed.has(id) || id === this.#gone);
  }

  #elect(vote: Vote): void {
    const context = this.#context;
    context.round = vote.electionEpoch;
    context.transition ??= { type: 'elected', vote };
    context.log('info', 'elected a leader', {
      leader: vote.leader,
      zxid: formatZxid(vote.zxid),
      peerEpoch: vote.peerEpoch,
      round: vote.electionEpoch,
    });
  }

  #sendToAll(): void {
    for (const id of this.#context.voters) {
      if (id !== this.#context.serverId) this.#context.sendVote(id, this.#proposal);
    }
  }

  get #canVote(): boolean {
    return this.#context.isVoter && this.#context.mayVote;
  }

  #ownVote(): Vote {
    const { serverId, history, currentEpoch, round, isVoter, mayVote, successor } = this.#context;
    const common = { electionEpoch: round, state: PeerState.looking };
    if (!isVoter) return { leader: NOBODY, zxid: NOBODY, peerEpoch: NOBODY, ...common };
    // A successor has logged all that this server has.
    return {
      leader: successor ?? serverId,
      zxid: mayVote ? history.logged : MAY_NOT_VOTE_ZXID,
      peerEpoch: currentEpoch,
      ...common,
    };
  }
}
