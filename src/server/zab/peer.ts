import { assert } from '../../common/errors.ts';
import type { ServerId } from '../../common/types.ts';
import { epochOf, formatZxid } from '../../common/zxid.ts';
import { PeerState, type Notification, type QuorumPacket } from '../protocol/quorum.ts';
import { PeerContext } from './context.ts';
import { Election } from './election.ts';
import { Leader } from './leader.ts';
import { Learner } from './learner.ts';
import type {
  LearnerConnection,
  LearnerStatus,
  RecoveredState,
  ZabConfig,
  ZabInput,
  ZabOutput,
  ZabPeer,
} from './types.ts';
import { MAY_NOT_VOTE_ZXID, type Vote } from './vote.ts';

/**
 * How long a learner's connection is kept that comes while this server still looks for a leader: the learner may have
 * finished the election a moment before us.
 */
const EARLY_CONNECTION_MS = 500;

/**
 * How long a server waits that got nowhere with an established leader, before it tries an established one again: it may
 * be refused for as long as that one leads.
 */
const REJOIN_PAUSE_MS = 200;

/**
 * How long a vote counts that came before this server began to look for a leader itself: whoever gave up leading may be
 * heard of before its connection ends, and does not say so again for a while.
 */
const EARLY_VOTE_MS = 500;

/** Makes a ZAB peer from what the disk held. It does nothing before its `start` input. */
export function createZabPeer(config: ZabConfig, recovered: RecoveredState): ZabPeer {
  return new Peer(config, recovered);
}

/** A learner that connected before the election ended. */
interface EarlyConnection {
  readonly sinceMs: number;
  readonly packets: QuorumPacket[];
}

/** The vote of a server that began to look for a leader before this one. */
interface EarlyVote {
  readonly sinceMs: number;
  readonly notification: Notification;
}

/** What happens to a leader's connections. */
type LeadersInput = Extract<ZabInput, { readonly connection: LearnerConnection }>;

/** What happens to a learner's connection, and what its disk does for it. */
type LearnersInput = Extract<ZabInput, { readonly type: `leader${string}` | `snapshot${string}` | 'reloaded' }>;

/** Looks for a leader, leads or learns, and passes each input to whichever of these it is doing. */
class Peer implements ZabPeer {
  readonly #context: PeerContext;
  readonly #early = new Map<LearnerConnection, EarlyConnection>();
  readonly #earlyVotes = new Map<ServerId, EarlyVote>();
  #role: Election | Leader | Learner | undefined;
  /** What came while the state was loaded from disk again. */
  #kept: ZabInput[] = [];

  constructor(config: ZabConfig, recovered: RecoveredState) {
    const { currentEpoch, lastZxid } = recovered;
    this.#context = new PeerContext(config, recovered);
    if (currentEpoch < epochOf(lastZxid)) {
      const fields = { currentEpoch, lastZxid: formatZxid(lastZxid) };
      this.#context.log('info', 'the last synchronization before the start did not finish', fields);
    }
  }

  step(input: ZabInput, nowMs: number): readonly ZabOutput[] {
    this.#context.nowMs = nowMs;
    if (this.#context.isReloading && input.type !== 'reloaded') {
      this.#kept.push(input);
      return [];
    }
    this.#take(input);
    // One of those that were kept may begin the next reload.
    while (!this.#context.isReloading) {
      const kept = this.#kept.shift();
      if (kept === undefined) break;
      this.#take(kept);
    }
    return this.#context.takeOutputs();
  }

  nextDeadlineMs(): number {
    if (this.#role === undefined || this.#context.isReloading) return Number.POSITIVE_INFINITY;
    let deadlineMs = this.#role.deadlineMs;
    for (const { sinceMs } of this.#early.values()) deadlineMs = Math.min(deadlineMs, sinceMs + EARLY_CONNECTION_MS);
    return deadlineMs;
  }

  learners(): readonly LearnerStatus[] {
    return this.#role instanceof Leader ? this.#role.statuses() : [];
  }

  isVoting(): boolean {
    const { mayVote, membership, serverId } = this.#context;
    return mayVote && membership.weightOf(serverId) > 0;
  }

  #take(input: ZabInput): void {
    assert((this.#role === undefined) === (input.type === 'start'), `the input '${input.type}' is out of order`);
    this.#dispatch(input);
    for (let next = this.#context.transition; next !== undefined; next = this.#context.transition) {
      this.#context.transition = undefined;
      if (next.type === 'look') this.#look(next.reason);
      else this.#join(next.vote);
    }
  }

  #dispatch(input: ZabInput): void {
    switch (input.type) {
      case 'start':
        this.#look('start');
        return;
      case 'tick':
        this.#tick();
        return;
      case 'vote':
        this.#receiveVote(input.from, input.notification);
        return;
      case 'learnerConnected':
      case 'learnerPacket':
      case 'learnerClosed':
      case 'learnerProgress':
        this.#dispatchLeader(input);
        return;
      case 'leaderConnected':
      case 'leaderPacket':
      case 'leaderClosed':
      case 'snapshotProgress':
      case 'snapshotReceived':
      case 'reloaded':
        this.#dispatchLearner(input);
        return;
      case 'persisted':
        // The leader may be lost by now: what it sent counts all the same, as it would after a restart.
        if (this.#context.notePersisted(input.ticket) && this.#role instanceof Election) {
          this.#context.lookForLeader('the disk holds a whole history now');
        }
        this.#role?.persisted(input.ticket);
        return;
      case 'propose':
        this.#asLeader(input.type).propose(input.entries);
        return;
      case 'confirmLeadership':
        this.#asLeader(input.type).confirmLeadership(input.token);
        return;
      case 'handOver':
        this.#asLeader(input.type).handOver();
        return;
      case 'stepDown':
        if (!(this.#role instanceof Election)) this.#context.lookForLeader(input.reason);
        return;
    }
  }

  #dispatchLeader(input: LeadersInput): void {
    const { connection } = input;
    if (!(this.#role instanceof Leader)) {
      this.#receiveEarly(input);
      return;
    }
    switch (input.type) {
      case 'learnerConnected':
        this.#role.connected(connection);
        return;
      case 'learnerPacket':
        this.#role.received(connection, input.packet);
        return;
      case 'learnerClosed':
        this.#role.closed(connection);
        return;
      case 'learnerProgress':
        this.#role.progress(connection);
        return;
    }
  }

  #receiveEarly(input: LeadersInput): void {
    const { connection } = input;
    if (input.type === 'learnerClosed') this.#early.delete(connection);
    else if (input.type === 'learnerPacket') this.#early.get(connection)?.packets.push(input.packet);
    else if (input.type === 'learnerConnected') {
      if (this.#role instanceof Election) this.#early.set(connection, { sinceMs: this.#context.nowMs, packets: [] });
      else this.#refuse(connection);
    }
  }

  #dispatchLearner(input: LearnersInput): void {
    if (!(this.#role instanceof Learner)) return;
    switch (input.type) {
      case 'leaderConnected':
        this.#role.connected();
        return;
      case 'leaderPacket':
        this.#role.received(input.packet);
        return;
      case 'leaderClosed':
        this.#role.closed(input.reason);
        return;
      case 'snapshotProgress':
        this.#role.snapshotProgress();
        return;
      case 'snapshotReceived':
        this.#role.snapshotReceived(input.configuration);
        return;
      case 'reloaded':
        this.#role.reloaded(input);
        return;
    }
  }

  #asLeader(what: string): Leader {
    assert(this.#role instanceof Leader, `the input '${what}' was given to a peer that does not lead`);
    return this.#role;
  }

  #tick(): void {
    this.#role?.tick();
    for (const [connection, { sinceMs }] of this.#early) {
      if (this.#context.nowMs >= sinceMs + EARLY_CONNECTION_MS) this.#refuse(connection);
    }
  }

  #receiveVote(from: ServerId, notification: Notification): void {
    const { barred, nowMs } = this.#context;
    const role = this.#role;
    const isLooking = notification.state === PeerState.looking;
    if (role instanceof Election && this.#takeConfigurations(notification)) return;
    const fromVoter = this.#context.isVoterId(from);
    if (fromVoter && isLooking) {
      if (notification.zxid === MAY_NOT_VOTE_ZXID) barred.add(from);
      else barred.delete(from);
    }
    if (role instanceof Election && fromVoter) role.receive(from, notification);
    else if (isLooking) this.#answerVote(from);
    if (!isLooking || !fromVoter || role instanceof Election) return;
    this.#earlyVotes.set(from, { sinceMs: nowMs, notification });
    if (role instanceof Leader) role.voterIsLooking(notification.electionEpoch);
    else if (role instanceof Learner && from === this.#context.vote.leader) {
      role.leaderIsLooking(notification.electionEpoch);
    }
  }

  /** Another server knows a newer configuration: the search begins anew with it. */
  #takeConfigurations({ config, nextConfig }: Notification): boolean {
    const context = this.#context;
    if (this.#adopt(config)) context.lookForLeader('another server knows a newer configuration');
    else if (context.hearOfNext(nextConfig)) context.lookForLeader('another server has logged a newer configuration');
    else return false;
    return true;
  }

  /** A configuration that is in force elsewhere, and thus committed. */
  #adopt(config: string): boolean {
    const context = this.#context;
    if (config === '' || config === context.membership.text) return false;
    const membership = context.readMembership(config);
    if (membership === undefined || membership.version <= context.membership.version) return false;
    context.activate(membership);
    return true;
  }

  /** Tells a server that looks for a leader where we stand. */
  #answerVote(to: ServerId): void {
    const role = this.#role;
    if (role instanceof Election) this.#context.sendVote(to, role.vote);
    else if (role !== undefined) this.#context.sendVote(to, { ...this.#context.vote, state: role.state });
  }

  #look(reason: string): void {
    const context = this.#context;
    const inVain = this.#role instanceof Learner && !this.#role.hasServed;
    this.#role?.end();
    context.log('info', 'looking for a leader', { reason, logged: formatZxid(context.history.logged) });
    context.emit({ type: 'role', role: { state: 'looking' } });
    // Who stands for election stands for its whole log: the state must be what the log says.
    context.deliver(context.history.logged, false);
    const election = new Election(context, inVain ? context.nowMs + REJOIN_PAUSE_MS : context.nowMs);
    this.#role = election;
    election.start();
    for (const [from, { sinceMs, notification }] of this.#earlyVotes) {
      if (context.nowMs - sinceMs <= EARLY_VOTE_MS) election.receive(from, notification);
    }
    this.#earlyVotes.clear();
  }

  #join(vote: Vote): void {
    const context = this.#context;
    context.vote = vote;
    context.successor = undefined;
    const early = [...this.#early];
    if (vote.leader !== context.serverId) {
      for (const [connection] of early) this.#refuse(connection);
      const learner = new Learner(context, vote.leader);
      this.#role = learner;
      learner.start();
      return;
    }
    this.#early.clear();
    const leader = new Leader(context);
    this.#role = leader;
    leader.start();
    for (const [connection, { packets }] of early) {
      leader.connected(connection);
      for (const packet of packets) leader.received(connection, packet);
    }
  }

  #refuse(connection: LearnerConnection): void {
    this.#early.delete(connection);
    this.#context.emit({ type: 'closeLearner', connection, reason: 'this server does not lead' });
  }
}
