import { assert } from '../../common/errors.ts';
import type { ServerId } from '../../common/types.ts';
import { COUNTER_MAX, counterOf, EPOCH_MAX, epochOf, formatZxid, makeZxid, type Zxid } from '../../common/zxid.ts';
import { decodeInt, decodeLearnerInfo } from '../protocol/quorum-codec.ts';
import { PacketType, PeerState, QUORUM_PROTOCOL_VERSION, type QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { PeerContext, Role } from './context.ts';
import { LeadershipCheck } from './leadership-check.ts';
import { LearnerHandler } from './learner-handler.ts';
import { entryPacket, leaderInfoPacket, newLeaderPacket, packet, UP_TO_DATE } from './messages.ts';
import { AckTracker, QuorumSet } from './quorum-tracker.ts';
import { chooseSync } from './sync-plan.ts';
import type { LearnerConnection, Ticket } from './types.ts';
import { isPeersFault, violation } from './violation.ts';
import { MAY_NOT_VOTE_ZXID } from './vote.ts';

type Phase =
  /** A quorum says which epochs it has accepted. */
  | 'discovery'
  /** The new epoch is on its way to our own disk. */
  | 'acceptingEpoch'
  /** A quorum accepts the new epoch. */
  | 'offeringEpoch'
  /** A quorum takes over our history. */
  | 'synchronization'
  | 'broadcast';

/** An append, or the current epoch, that waits for the disk. */
interface PendingAppend {
  readonly ticket: Ticket;
  readonly zxid: Zxid;
  readonly sinceMs: number;
}

/** A server that was elected: discovery, synchronization and broadcast as the leader sees them (Leader, LearnerHandler). */
export class Leader implements Role {
  readonly state = PeerState.leading;
  readonly #context: PeerContext;
  readonly #handlers = new Map<LearnerConnection, LearnerHandler>();
  readonly #startedAtMs: number;
  readonly #check: LeadershipCheck;
  readonly #acks: AckTracker;
  #phase: Phase = 'discovery';
  #phaseDeadlineMs = 0;
  #nextPingMs = Number.POSITIVE_INFINITY;
  #halfTicks = 0;
  /** What came before this epoch, as others must not be ahead of it. */
  readonly #formerEpoch: number;
  #epoch = 0;
  /** The servers whose accepted epochs are known; their greatest; and those that accepted ours. */
  readonly #reported: QuorumSet;
  #greatestEpoch: number;
  readonly #epochAcks: QuorumSet;
  #epochTicket: Ticket = 0;
  #historyTicket: Ticket = 0;
  #isHistoryDurable = false;
  #appends: PendingAppend[] = [];
  /** Connections that get proposals, and those that are informed; made anew when they change, since outputs hold them. */
  #followers: readonly LearnerConnection[] = [];
  #observers: readonly LearnerConnection[] = [];
  #votingHandlers: readonly LearnerHandler[] = [];

  constructor(context: PeerContext) {
    const memberships = [context.membership];
    this.#context = context;
    this.#startedAtMs = context.nowMs;
    this.#formerEpoch = context.currentEpoch;
    this.#greatestEpoch = context.acceptedEpoch;
    this.#reported = new QuorumSet(memberships);
    this.#epochAcks = new QuorumSet(memberships);
    this.#acks = new AckTracker(memberships);
    this.#check = new LeadershipCheck(context.serverId, memberships, (handlers) => this.#ping(handlers));
  }

  get deadlineMs(): number {
    let deadlineMs = this.#phase === 'broadcast' ? this.#nextPingMs : this.#phaseDeadlineMs;
    for (const handler of this.#handlers.values()) {
      if (handler.isAwaited) deadlineMs = Math.min(deadlineMs, this.#deadlineOf(handler));
    }
    return deadlineMs;
  }

  start(): void {
    this.#reportRole(false);
    this.#beginPhase('discovery');
    this.#report(this.#context.serverId);
  }

  end(): void {
    for (const connection of this.#handlers.keys()) {
      this.#context.emit({ type: 'closeLearner', connection, reason: 'this server no longer leads' });
    }
  }

  tick(): void {
    const { nowMs } = this.#context;
    for (const handler of this.#handlers.values()) {
      if (handler.isAwaited && nowMs >= this.#deadlineOf(handler)) {
        this.#close(handler, `no word from it for too long (${handler.stage})`);
      }
    }
    if (this.#phase !== 'broadcast') {
      if (nowMs >= this.#phaseDeadlineMs) this.#context.lookForLeader(`no quorum in time (${this.#phase})`);
    } else if (nowMs >= this.#nextPingMs) {
      this.#halfTick();
    }
  }

  persisted(ticket: Ticket): void {
    if (this.#phase === 'acceptingEpoch' && ticket >= this.#epochTicket) this.#offerEpoch();
    if (this.#phase === 'synchronization' && ticket >= this.#historyTicket) {
      this.#isHistoryDurable = true;
      this.#tryEstablish();
    }
    this.#countOwnAppends(ticket);
  }

  /** A voter looks for a leader. If we have not got a quorum after all this time, it had better find another one than us. */
  voterIsLooking(): void {
    const waitedMs = this.#context.nowMs - this.#startedAtMs;
    if (this.#phase === 'broadcast' || waitedMs < this.#context.config.tickTimeMs) return;
    if (!this.#hasQuorum()) this.#context.lookForLeader('those who voted for this server have not come');
  }

  /* connections */

  connected(connection: LearnerConnection): void {
    this.#handlers.set(connection, new LearnerHandler(connection, this.#context.nowMs));
  }

  closed(connection: LearnerConnection): void {
    const handler = this.#handlers.get(connection);
    if (handler !== undefined) this.#forget(handler);
  }

  progress(connection: LearnerConnection): void {
    const handler = this.#handlers.get(connection);
    if (handler !== undefined) handler.heardAtMs = this.#context.nowMs;
  }

  received(connection: LearnerConnection, packet: QuorumPacket): void {
    const handler = this.#handlers.get(connection);
    if (handler === undefined) return;
    handler.heardAtMs = this.#context.nowMs;
    try {
      this.#receive(handler, packet);
    } catch (error) {
      if (!isPeersFault(error)) throw error;
      this.#close(handler, error.message);
    }
  }

  #receive(handler: LearnerHandler, packet: QuorumPacket): void {
    switch (handler.stage) {
      case 'connected':
        this.#receiveInfo(handler, packet);
        return;
      case 'offeredEpoch':
        this.#receiveEpochAck(handler, packet);
        return;
      case 'syncing':
        this.#receiveHistoryAck(handler, packet);
        return;
      case 'synced':
      case 'serving':
        this.#receiveBroadcast(handler, packet);
        return;
      default:
        violation(`packet of type ${packet.type} out of turn (${handler.stage})`);
    }
  }

  /* discovery: an epoch above all that a quorum has accepted */

  #receiveInfo(handler: LearnerHandler, { type, zxid, data }: QuorumPacket): void {
    if (type !== PacketType.followerInfo && type !== PacketType.observerInfo) {
      violation(`packet of type ${type} where FOLLOWERINFO or OBSERVERINFO was due`);
    }
    if (data === null) violation('a learner does not say who it is');
    const info = decodeLearnerInfo(data);
    const { membership } = this.#context;
    if (info.protocolVersion < QUORUM_PROTOCOL_VERSION) violation('a learner speaks the protocol before ZooKeeper 3.4');
    if (info.configVersion > membership.version) {
      violation(`learner ${info.serverId} has a newer configuration, ${formatZxid(info.configVersion)}`);
    }
    const acceptedEpoch = epochOf(zxid);
    if (acceptedEpoch >= EPOCH_MAX) violation(`learner ${info.serverId} claims epoch ${acceptedEpoch}`);
    this.#replaceOldConnection(info.serverId);
    handler.serverId = info.serverId;
    handler.isObserver = type === PacketType.observerInfo;
    handler.isVoter = !handler.isObserver && membership.weightOf(info.serverId) > 0;
    handler.advance('registered', this.#context.nowMs);
    this.#takeAcceptedEpoch(handler, info.serverId, acceptedEpoch);
  }

  /** A learner has one connection: an older one of the same server is dead, though that was not noticed yet. */
  #replaceOldConnection(serverId: ServerId): void {
    for (const other of this.#handlers.values()) {
      if (other.serverId === serverId) this.#close(other, 'this server connected again');
    }
  }

  #takeAcceptedEpoch(handler: LearnerHandler, serverId: ServerId, acceptedEpoch: number): void {
    if (this.#phase === 'discovery') {
      if (handler.isVoter) this.#greatestEpoch = Math.max(this.#greatestEpoch, acceptedEpoch);
      if (handler.isVoter && !this.#context.barred.has(serverId)) this.#report(serverId);
      return;
    }
    if (handler.isVoter && acceptedEpoch > this.#epoch) {
      // It refuses every leader of an older epoch, for good: only a new epoch brings it back.
      this.#context.lookForLeader(`server ${serverId} has accepted epoch ${acceptedEpoch}, newer than ${this.#epoch}`);
      return;
    }
    if (this.#phase !== 'acceptingEpoch') this.#sendLeaderInfo(handler);
  }

  #report(serverId: ServerId): void {
    this.#reported.add(serverId);
    if (!this.#reported.isQuorum()) return;
    this.#epoch = this.#greatestEpoch + 1;
    this.#context.acceptedEpoch = this.#epoch;
    this.#epochTicket = this.#context.persist([{ type: 'acceptedEpoch', epoch: this.#epoch }]);
    this.#beginPhase('acceptingEpoch');
  }

  /** The new epoch is durable here: offer it to the others. */
  #offerEpoch(): void {
    this.#beginPhase('offeringEpoch');
    for (const handler of this.#handlers.values()) if (handler.stage === 'registered') this.#sendLeaderInfo(handler);
    this.#countEpochAck(this.#context.serverId);
  }

  #sendLeaderInfo(handler: LearnerHandler): void {
    handler.advance('offeredEpoch', this.#context.nowMs);
    this.#send(handler, leaderInfoPacket(this.#epoch));
  }

  #receiveEpochAck(handler: LearnerHandler, { type, zxid, data }: QuorumPacket): void {
    if (type !== PacketType.ackEpoch || data === null) violation(`packet of type ${type} where ACKEPOCH was due`);
    const currentEpoch = decodeInt(data);
    handler.lastZxid = zxid;
    handler.advance('acceptedEpoch', this.#context.nowMs);
    if (this.#phase !== 'offeringEpoch') {
      this.#synchronize(handler);
      return;
    }
    const { serverId } = handler;
    if (currentEpoch === -1 || serverId === undefined) return;
    if (this.#isAheadOfUs(currentEpoch, zxid)) {
      const theirs = `epoch ${currentEpoch}, ${formatZxid(zxid)}`;
      if (handler.isVoter) this.#context.lookForLeader(`server ${serverId} is ahead of this one: ${theirs}`);
      else violation(`server ${serverId} has no vote and is ahead of its leader: ${theirs}`);
      return;
    }
    if (handler.isVoter && zxid !== MAY_NOT_VOTE_ZXID) this.#countEpochAck(serverId);
  }

  #isAheadOfUs(currentEpoch: number, zxid: Zxid): boolean {
    if (currentEpoch !== this.#formerEpoch) return currentEpoch > this.#formerEpoch;
    return zxid > this.#context.history.logged;
  }

  #countEpochAck(serverId: ServerId): void {
    this.#epochAcks.add(serverId);
    if (!this.#epochAcks.isQuorum()) return;
    // From here on no older leader can commit anything, and nobody in the quorum has anything that we do not have.
    this.#context.currentEpoch = this.#epoch;
    this.#historyTicket = this.#context.persist([{ type: 'currentEpoch', epoch: this.#epoch }]);
    this.#beginPhase('synchronization');
    for (const handler of this.#handlers.values()) if (handler.stage === 'acceptedEpoch') this.#synchronize(handler);
  }

  /* synchronization: a quorum with our whole history */

  #synchronize(handler: LearnerHandler): void {
    const { history, membership } = this.#context;
    const committed = history.delivered;
    const plan = chooseSync(history, handler.lastZxid);
    const after = plan.type === 'diff' ? plan.after : plan.type === 'trunc' ? plan.to : committed;
    switch (plan.type) {
      case 'diff':
        this.#send(handler, packet(PacketType.diff, committed));
        break;
      case 'trunc':
        this.#send(handler, packet(PacketType.trunc, plan.to));
        break;
      case 'snap':
        this.#send(handler, packet(PacketType.snap, committed));
        this.#context.emit({ type: 'sendSnapshot', connection: handler.connection });
        break;
    }
    for (const entry of history.between(after, committed)) {
      this.#send(handler, entryPacket(PacketType.proposal, entry));
      this.#send(handler, packet(PacketType.commit, entry.zxid));
    }
    if (!handler.isObserver) {
      for (const entry of history.between(committed, history.logged)) {
        this.#send(handler, entryPacket(PacketType.proposal, entry));
      }
    }
    this.#send(handler, newLeaderPacket(this.#epoch, membership.text));
    handler.advance('syncing', this.#context.nowMs);
    this.#listConnections();
    this.#context.log('info', 'synchronizing a learner', {
      learner: handler.serverId,
      by: plan.type,
      learnerZxid: formatZxid(handler.lastZxid),
      committed: formatZxid(committed),
    });
  }

  #receiveHistoryAck(handler: LearnerHandler, { type, zxid }: QuorumPacket): void {
    if (type !== PacketType.ack || zxid !== makeZxid(this.#epoch, 0)) {
      violation(`packet of type ${type}, zxid ${formatZxid(zxid)}, where the ACK of NEWLEADER was due`);
    }
    handler.advance('synced', this.#context.nowMs);
    if (this.#phase === 'broadcast') this.#letServe(handler);
    else this.#tryEstablish();
  }

  #tryEstablish(): void {
    if (!this.#isHistoryDurable) return;
    const acks = new QuorumSet([this.#context.membership]);
    acks.add(this.#context.serverId);
    for (const handler of this.#handlers.values()) {
      if (handler.isVoter && handler.stage === 'synced' && handler.serverId !== undefined) acks.add(handler.serverId);
    }
    if (acks.isQuorum()) this.#establish(acks.ids());
  }

  #establish(quorum: readonly ServerId[]): void {
    const context = this.#context;
    context.vote = { ...context.vote, peerEpoch: this.#epoch };
    this.#phase = 'broadcast';
    this.#nextPingMs = context.nowMs + context.config.tickTimeMs / 2;
    context.log('info', 'leading', { epoch: this.#epoch, quorum, logged: formatZxid(context.history.logged) });
    this.#reportRole(true);
    for (const handler of this.#handlers.values()) if (handler.stage === 'synced') this.#letServe(handler);
  }

  #letServe(handler: LearnerHandler): void {
    handler.advance('serving', this.#context.nowMs);
    this.#send(handler, UP_TO_DATE);
    this.#listConnections();
  }

  /* broadcast */

  /** Entries that follow the last one. They leave before they are durable here: our own acknowledgement counts after. */
  propose(entries: readonly LogEntry[]): void {
    const { history } = this.#context;
    assert(this.#phase === 'broadcast', 'entries were proposed to a leader that does not serve yet');
    const last = entries.at(-1);
    if (last === undefined) return;
    if (counterOf(last.zxid) === COUNTER_MAX) {
      this.#context.lookForLeader(`epoch ${this.#epoch} has no zxids left`);
      return;
    }
    let expected = Math.max(history.logged, makeZxid(this.#epoch, 0)) + 1;
    for (const entry of entries) {
      // Every write comes by here: the message is made only where it is needed.
      if (entry.zxid !== expected) {
        assert(false, `entry ${formatZxid(entry.zxid)} was proposed, ${formatZxid(expected)} was due`);
      }
      expected++;
      history.append(entry);
      this.#sendToFollowers(entryPacket(PacketType.proposal, entry));
    }
    const ticket = this.#context.persist([{ type: 'append', entries }]);
    this.#appends.push({ ticket, zxid: last.zxid, sinceMs: this.#context.nowMs });
  }

  confirmLeadership(token: number): void {
    assert(this.#phase === 'broadcast', 'leadership is to be confirmed that is not established');
    this.#confirm(this.#check.ask(token, this.#votingHandlers));
  }

  #receiveBroadcast(handler: LearnerHandler, packet: QuorumPacket): void {
    if (packet.type === PacketType.ack) {
      this.#receiveAck(handler, packet.zxid);
      return;
    }
    const { serverId, connection } = handler;
    if (handler.stage !== 'serving' || serverId === undefined) return;
    if (packet.type === PacketType.ping) {
      handler.pingsAnswered++;
      this.#confirm(this.#check.answered(handler, this.#votingHandlers));
    }
    this.#context.emit({ type: 'fromLearner', connection, server: serverId, packet });
  }

  #receiveAck(handler: LearnerHandler, zxid: Zxid): void {
    // The ACK of UPTODATE has the zxid of NEWLEADER's and says nothing new.
    if (zxid <= handler.acked || counterOf(zxid) === 0) return;
    if (zxid > this.#context.history.logged) violation(`ACK of ${formatZxid(zxid)}, which was not proposed`);
    handler.acked = zxid;
    if (!handler.isVoter || handler.serverId === undefined) return;
    this.#acks.acknowledge(handler.serverId, zxid);
    if (zxid > this.#context.history.delivered) this.#commit(zxid);
  }

  #countOwnAppends(ticket: Ticket): void {
    let done = 0;
    let durable: Zxid = 0;
    for (const append of this.#appends) {
      if (append.ticket > ticket) break;
      done++;
      durable = append.zxid;
    }
    if (done === 0) return;
    this.#appends.splice(0, done);
    this.#acks.acknowledge(this.#context.serverId, durable);
    this.#commit(durable);
  }

  /** Commits what has a quorum now that something was acknowledged. */
  #commit(acknowledged: Zxid): void {
    const context = this.#context;
    const committed = this.#acks.quorumZxid(context.history.delivered, acknowledged);
    for (let entry = context.history.deliverNext(committed); entry; entry = context.history.deliverNext(committed)) {
      this.#sendToFollowers(packet(PacketType.commit, entry.zxid));
      if (this.#observers.length > 0) {
        const inform = entryPacket(PacketType.inform, entry);
        context.emit({ type: 'sendToLearners', connections: this.#observers, packet: inform });
      }
      context.emit({ type: 'deliver', entry, committed: true });
    }
  }

  /* liveness */

  #halfTick(): void {
    const { nowMs, config, syncLimitMs, history } = this.#context;
    this.#nextPingMs = nowMs + config.tickTimeMs / 2;
    this.#halfTicks++;
    if (this.#halfTicks % 2 === 0 && !this.#hasQuorum()) {
      this.#context.lookForLeader('too few followers are left for a quorum');
      return;
    }
    const oldest = this.#appends[0];
    if (oldest !== undefined && nowMs - oldest.sinceMs >= syncLimitMs) {
      this.#context.lookForLeader('the disk of this server stands still');
      return;
    }
    for (const handler of this.#handlers.values()) {
      if (handler.isAckOverdue(history.logged, nowMs, syncLimitMs))
        this.#close(handler, 'it acknowledges no proposals');
    }
    this.#ping([...this.#handlers.values()].filter((handler) => handler.stage === 'serving'));
    this.#check.pinged(this.#votingHandlers);
  }

  #ping(handlers: readonly LearnerHandler[]): void {
    if (handlers.length === 0) return;
    for (const handler of handlers) handler.pingsSent++;
    const lastProposed = Math.max(this.#context.history.logged, makeZxid(this.#epoch, 0));
    const connections = handlers.map((handler) => handler.connection);
    this.#context.emit({ type: 'sendToLearners', connections, packet: packet(PacketType.ping, lastProposed) });
  }

  /** Whether enough voters are connected, whatever their stage. Those that say nothing are closed in time. */
  #hasQuorum(): boolean {
    const present = new QuorumSet([this.#context.membership]);
    present.add(this.#context.serverId);
    for (const { isVoter, serverId } of this.#handlers.values())
      if (isVoter && serverId !== undefined) present.add(serverId);
    return present.isQuorum();
  }

  #deadlineOf(handler: LearnerHandler): number {
    const { syncLimitMs, initLimitMs } = this.#context;
    return handler.heardAtMs + (handler.stage === 'serving' ? syncLimitMs : initLimitMs);
  }

  #confirm(tokens: readonly number[]): void {
    for (const token of tokens) this.#context.emit({ type: 'leadershipConfirmed', token });
  }

  #beginPhase(phase: Phase): void {
    this.#phase = phase;
    this.#phaseDeadlineMs = this.#context.nowMs + this.#context.initLimitMs;
  }

  #close(handler: LearnerHandler, reason: string): void {
    const { connection, serverId } = handler;
    this.#context.emit({ type: 'closeLearner', connection, reason });
    this.#context.log('warn', 'closed the connection of a learner', { learner: serverId, reason });
    this.#forget(handler);
  }

  #forget(handler: LearnerHandler): void {
    this.#handlers.delete(handler.connection);
    if (handler.serverId !== undefined) this.#acks.forget(handler.serverId);
    this.#listConnections();
  }

  #listConnections(): void {
    const forwarded = [...this.#handlers.values()].filter((handler) => handler.isForwarded);
    this.#followers = forwarded.filter((handler) => !handler.isObserver).map((handler) => handler.connection);
    this.#observers = forwarded.filter((handler) => handler.isObserver).map((handler) => handler.connection);
    this.#votingHandlers = forwarded.filter((handler) => handler.isVoter && handler.stage === 'serving');
  }

  #send(handler: LearnerHandler, packet: QuorumPacket): void {
    this.#context.emit({ type: 'sendToLearners', connections: [handler.connection], packet });
  }

  #sendToFollowers(packet: QuorumPacket): void {
    if (this.#followers.length === 0) return;
    this.#context.emit({ type: 'sendToLearners', connections: this.#followers, packet });
  }

  #reportRole(serving: boolean): void {
    this.#context.emit({ type: 'role', role: { state: 'leading', serving, epoch: this.#context.currentEpoch } });
  }
}
