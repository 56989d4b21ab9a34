import { assert } from '../../common/errors.ts';
import type { ServerId } from '../../common/types.ts';
import { EPOCH_MAX, epochOf, formatZxid, makeZxid, type Zxid } from '../../common/zxid.ts';
import { decodeEpochAck, decodeLearnerInfo } from '../protocol/quorum-codec.ts';
import { PacketType, PeerState, QUORUM_PROTOCOL_VERSION, type QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { Broadcast } from './broadcast.ts';
import type { PeerContext, Role } from './context.ts';
import type { LearnerHandler } from './learner-handler.ts';
import { LearnerTable } from './learner-table.ts';
import { leaderInfoPacket, packet, UP_TO_DATE } from './messages.ts';
import { QuorumSet } from './quorum-tracker.ts';
import { missesConfiguration, sendHistory } from './send-history.ts';
import type { LearnerConnection, LearnerStatus, Ticket } from './types.ts';
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

/** A server that was elected: how it comes to lead an epoch of its own (Leader.lead, LearnerHandler.run). */
export class Leader implements Role {
  readonly state = PeerState.leading;
  readonly #context: PeerContext;
  readonly #learners: LearnerTable;
  readonly #broadcast: Broadcast;
  readonly #startedAtMs: number;
  #phase: Phase = 'discovery';
  #phaseDeadlineMs = 0;
  /** When it is looked whether those have come who voted for this server: one of them has given it up. */
  #givesWayAtMs = Number.POSITIVE_INFINITY;
  #nextPingMs = Number.POSITIVE_INFINITY;
  #halfTicks = 0;
  /** What came before this epoch, as others must not be ahead of it. */
  readonly #formerEpoch: number;
  #epoch = 0;
  /** The servers whose accepted epochs are known; their greatest; and those that accepted ours. */
  readonly #reported: QuorumSet;
  #greatestEpoch: number;
  readonly #epochAcks: QuorumSet;
  /** Of the accepted epoch, then of the current epoch. */
  #epochTicket: Ticket = 0;
  #isHistoryDurable = false;
  /** Set once this leader is to let another lead. */
  #handingOver = false;
  /** Learners that came back and wait for a commit. */
  #returned: LearnerHandler[] = [];

  constructor(context: PeerContext) {
    this.#context = context;
    this.#startedAtMs = context.nowMs;
    this.#formerEpoch = context.currentEpoch;
    this.#greatestEpoch = context.acceptedEpoch;
    this.#reported = new QuorumSet(context.memberships);
    this.#epochAcks = new QuorumSet(context.memberships);
    this.#learners = new LearnerTable(context, (handler) => {
      this.#broadcast.forget(handler);
      this.#tryHandOver();
    });
    this.#broadcast = new Broadcast(context, this.#learners);
  }

  get deadlineMs(): number {
    return Math.min(this.#nextPingMs, this.#phaseDeadlineMs, this.#givesWayAtMs, this.#learners.deadlineMs);
  }

  start(): void {
    this.#reportRole(false);
    this.#beginPhase('discovery');
    this.#report(this.#context.serverId);
  }

  end(): void {
    this.#learners.closeAll('this server no longer leads');
  }

  tick(): void {
    const { nowMs } = this.#context;
    this.#learners.closeSilent();
    if (nowMs >= this.#phaseDeadlineMs) this.#context.lookForLeader(`no quorum in time (${this.#phase})`);
    else if (nowMs >= this.#givesWayAtMs) this.#giveWay();
    else if (nowMs >= this.#nextPingMs) this.#halfTick();
  }

  persisted(ticket: Ticket): void {
    const isEpochDurable = ticket >= this.#epochTicket;
    if (this.#phase === 'acceptingEpoch' && isEpochDurable) this.#offerEpoch();
    else if (this.#phase === 'synchronization' && isEpochDurable) {
      this.#isHistoryDurable = true;
      this.#tryEstablish();
    } else if (this.#phase === 'broadcast') {
      this.#broadcast.persisted(ticket);
      this.#synchronizeReturned();
      this.#tryHandOver();
    }
  }

  /**
   * A voter looks for a leader. If we have not got a quorum after all this time, it had better find another one than us. One that
   * does so in a later round has given us up, and may not say it again for a while.
   */
  voterIsLooking(round: number): void {
    if (this.#phase === 'broadcast') return;
    const { nowMs, config, vote } = this.#context;
    const waitsUntilMs = this.#startedAtMs + config.tickTimeMs;
    if (nowMs >= waitsUntilMs) this.#giveWay();
    else if (round > vote.electionEpoch) this.#givesWayAtMs = waitsUntilMs;
  }

  #giveWay(): void {
    this.#givesWayAtMs = Number.POSITIVE_INFINITY;
    if (this.#phase === 'broadcast' || this.#learners.mayEstablish()) return;
    this.#context.lookForLeader('those who voted for this server have not come');
  }

  propose(entries: readonly LogEntry[]): void {
    assert(this.#phase === 'broadcast', 'entries were proposed to a leader that does not serve yet');
    this.#broadcast.propose(entries);
  }

  handOver(): void {
    assert(this.#phase === 'broadcast', 'leadership is to be handed over that is not established');
    this.#handingOver = true;
    this.#tryHandOver();
  }

  confirmLeadership(token: number): void {
    assert(this.#phase === 'broadcast', 'leadership is to be confirmed that is not established');
    this.#broadcast.confirmLeadership(token);
  }

  statuses(): readonly LearnerStatus[] {
    return this.#learners.statuses();
  }

  /* connections */

  connected(connection: LearnerConnection): void {
    this.#learners.add(connection);
  }

  closed(connection: LearnerConnection): void {
    const handler = this.#learners.get(connection);
    if (handler !== undefined) this.#learners.forget(handler);
  }

  progress(connection: LearnerConnection): void {
    const handler = this.#learners.get(connection);
    if (handler === undefined) return;
    handler.heardAtMs = this.#context.nowMs;
    if (this.#phase === 'synchronization' && handler.isVoter) this.#beginPhase('synchronization');
  }

  received(connection: LearnerConnection, packet: QuorumPacket): void {
    const handler = this.#learners.get(connection);
    if (handler === undefined) return;
    handler.heardAtMs = this.#context.nowMs;
    try {
      this.#receive(handler, packet);
    } catch (error) {
      if (!isPeersFault(error)) throw error;
      this.#learners.close(handler, error.message);
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
        this.#broadcast.receive(handler, packet);
        this.#synchronizeReturned();
        this.#tryHandOver();
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
    const { serverId, protocolVersion, configVersion } = decodeLearnerInfo(data);
    const { membership, next } = this.#context;
    if (protocolVersion < QUORUM_PROTOCOL_VERSION) violation('a learner speaks the protocol before ZooKeeper 3.4');
    if (configVersion > (next ?? membership).version) {
      violation(`learner ${serverId} has a newer configuration, ${formatZxid(configVersion)}`);
    }
    const acceptedEpoch = epochOf(zxid);
    if (acceptedEpoch >= EPOCH_MAX) violation(`learner ${serverId} claims epoch ${acceptedEpoch}`);
    handler.isObserver = type === PacketType.observerInfo;
    handler.configVersion = configVersion;
    this.#learners.identify(handler, serverId);
    this.#learners.advance(handler, 'registered');
    this.#takeAcceptedEpoch(handler, serverId, acceptedEpoch);
  }

  #takeAcceptedEpoch(handler: LearnerHandler, serverId: ServerId, acceptedEpoch: number): void {
    const counts = handler.isVoter && !this.#context.barred.has(serverId);
    if (this.#phase === 'discovery') {
      this.#greatestEpoch = Math.max(this.#greatestEpoch, acceptedEpoch);
      if (counts) this.#report(serverId);
      return;
    }
    if (counts && acceptedEpoch > this.#epoch) {
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
    for (const handler of this.#learners.inStage('registered')) this.#sendLeaderInfo(handler);
    this.#countEpochAck(this.#context.serverId);
  }

  #sendLeaderInfo(handler: LearnerHandler): void {
    this.#learners.advance(handler, 'offeredEpoch');
    this.#learners.send(handler, leaderInfoPacket(this.#epoch));
  }

  #receiveEpochAck(handler: LearnerHandler, { type, zxid, data }: QuorumPacket): void {
    if (type !== PacketType.ackEpoch || data === null) violation(`packet of type ${type} where ACKEPOCH was due`);
    const { currentEpoch, snapshotZxid } = decodeEpochAck(data);
    const { serverId } = handler;
    handler.lastZxid = zxid;
    handler.snapshotZxid = snapshotZxid;
    handler.keptPromises = zxid !== MAY_NOT_VOTE_ZXID;
    this.#learners.advance(handler, 'acceptedEpoch');
    if (this.#phase !== 'offeringEpoch') {
      if (this.#isBeforeCommit(handler)) this.#returned.push(handler);
      else this.#synchronize(handler);
      return;
    }
    if (currentEpoch === -1 || serverId === undefined) return;
    if (this.#isAheadOfUs(currentEpoch, zxid)) {
      const theirs = `epoch ${currentEpoch}, ${formatZxid(zxid)}`;
      if (!handler.isVoter) violation(`server ${serverId} has no vote and is ahead of its leader: ${theirs}`);
      this.#context.lookForLeader(`server ${serverId} is ahead of this one: ${theirs}`);
      return;
    }
    if (handler.isVoter && handler.keptPromises) this.#countEpochAck(serverId);
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
    this.#epochTicket = this.#context.persist([{ type: 'currentEpoch', epoch: this.#epoch }]);
    this.#nameConfiguration();
    this.#beginPhase('synchronization');
    this.#nextPingMs = this.#context.nowMs + this.#context.config.tickTimeMs / 2;
    for (const handler of this.#learners.inStage('acceptedEpoch')) this.#synchronize(handler);
  }

  /**
   * A configuration that was never changed has version 0, and may be any server's own idea of the ensemble. The first leader
   * gives it the version of its epoch, so that it takes precedence over those (ZOOKEEPER-1783).
   */
  #nameConfiguration(): void {
    const { membership, next, currentEpoch } = this.#context;
    if (membership.version !== 0 || next !== undefined || membership.text === '') return;
    const version = makeZxid(currentEpoch, 0).toString(16);
    this.#context.noteNext(membership.text.replace(/^version=.*$/m, `version=${version}`));
  }

  /* synchronization: a quorum with our whole history */

  #synchronize(handler: LearnerHandler): void {
    if (missesConfiguration(this.#context, handler)) {
      const version = formatZxid(this.#context.membership.version);
      this.#learners.close(
        handler,
        `it does not know configuration ${version}, and is told of it when it looks for a leader`,
      );
      return;
    }
    sendHistory(this.#context, this.#learners, handler);
    this.#learners.advance(handler, 'syncing');
  }

  /**
   * Whether a learner of this epoch came back with proposals of ours that are not committed yet. They will be in a moment;
   * then it needs no more than a DIFF, instead of cutting them off, loading its state again, and logging them once more.
   */
  #isBeforeCommit({ lastZxid }: LearnerHandler): boolean {
    const { history } = this.#context;
    return epochOf(lastZxid) === this.#epoch && lastZxid > history.delivered && lastZxid <= history.logged;
  }

  /** Synchronizes those for whom that moment has come; all of them where it takes too long. */
  #synchronizeReturned(atOnce = false): void {
    if (this.#returned.length === 0) return;
    const returned = this.#returned;
    this.#returned = [];
    for (const handler of returned) {
      if (this.#learners.get(handler.connection) !== handler) continue;
      if (!atOnce && this.#isBeforeCommit(handler)) this.#returned.push(handler);
      else this.#synchronize(handler);
    }
  }

  #receiveHistoryAck(handler: LearnerHandler, { type, zxid }: QuorumPacket): void {
    if (type !== PacketType.ack || zxid !== makeZxid(this.#epoch, 0)) {
      violation(`packet of type ${type}, zxid ${formatZxid(zxid)}, where the ACK of NEWLEADER was due`);
    }
    this.#learners.advance(handler, 'synced');
    if (this.#phase === 'broadcast') this.#letServe(handler);
    else this.#tryEstablish();
  }

  #tryEstablish(): void {
    const synced = this.#learners.synced();
    if (!this.#isHistoryDurable || !synced.isQuorum()) return;
    const context = this.#context;
    const logged = formatZxid(context.history.logged);
    context.log('info', 'leading', { epoch: this.#epoch, quorum: synced.ids(), logged });
    context.vote = { ...context.vote, peerEpoch: this.#epoch };
    context.forgetHearsay();
    this.#phase = 'broadcast';
    this.#phaseDeadlineMs = Number.POSITIVE_INFINITY;
    // What an earlier leader proposed, and quorums of both configurations have now, is committed.
    if (context.next !== undefined) context.activate(context.next);
    this.#learners.reclassify();
    const stays = context.membership.weightOf(context.serverId) > 0;
    if (stays) this.#reportRole(true);
    for (const handler of this.#learners.inStage('synced')) this.#letServe(handler);
    if (!stays) context.lookForLeader('the new configuration is without this server');
  }

  #letServe(handler: LearnerHandler): void {
    this.#learners.advance(handler, 'serving');
    this.#learners.send(handler, UP_TO_DATE);
    this.#tryHandOver();
  }

  /**
   * Gives up leading when a follower has everything. Of several, the one with the greatest id: between equal logs it wins
   * the election whatever this server proposes, so that all agree at once. Where nobody is left to follow, there is an election
   * as well: whatever was not proposed any more for the sake of the next leader must not wait for one for ever.
   */
  #tryHandOver(): void {
    const { history } = this.#context;
    if (!this.#handingOver) return;
    if (this.#learners.servingVoters.length === 0) this.#context.lookForLeader('nobody is left to hand over to');
    if (history.delivered !== history.logged) return;
    let successor: ServerId | undefined;
    for (const { serverId, heldZxid } of this.#learners.servingVoters) {
      if (serverId === undefined || heldZxid < history.logged) continue;
      if (successor === undefined || serverId > successor) successor = serverId;
    }
    if (successor === undefined) return;
    this.#context.successor = successor;
    this.#context.lookForLeader(`handing over to server ${successor}`);
  }

  /* liveness */

  #halfTick(): void {
    const { nowMs, config } = this.#context;
    this.#nextPingMs = nowMs + config.tickTimeMs / 2;
    if (this.#phase === 'synchronization') {
      this.#keepWaiting();
      return;
    }
    this.#halfTicks++;
    if (this.#halfTicks % 2 === 0 && !this.#learners.hasQuorum()) {
      this.#context.lookForLeader('too few followers are left for a quorum');
      return;
    }
    this.#broadcast.watchDisks();
    this.#synchronizeReturned(true);
    this.#broadcast.pingAll();
  }

  /**
   * Learners that are done wait for others, which may be taking in a large snapshot. A ping keeps them from giving up;
   * before UPTODATE no learner answers it, ours or ZooKeeper's, so it is not counted.
   */
  #keepWaiting(): void {
    const ping = packet(PacketType.ping, makeZxid(this.#epoch, 0));
    for (const handler of this.#learners.inStage('synced')) this.#learners.send(handler, ping);
  }

  #beginPhase(phase: Phase): void {
    this.#phase = phase;
    this.#phaseDeadlineMs = this.#context.nowMs + this.#context.initLimitMs;
  }

  #reportRole(serving: boolean): void {
    this.#context.emit({ type: 'role', role: { state: 'leading', serving, epoch: this.#context.currentEpoch } });
  }
}
