import type { ServerId } from '../../common/types.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import { epochOf, formatZxid, makeZxid, type Zxid } from '../../common/zxid.ts';
import { PacketType, PeerState, QUORUM_PROTOCOL_VERSION, type QuorumPacket } from '../protocol/quorum.ts';
import type { PeerContext, Role } from './context.ts';
import { IncomingHistory } from './incoming-history.ts';
import { entryOf, informedEntryOf, LearnerLog } from './learner-log.ts';
import { ackEpochPacket, learnerInfoPacket, packet } from './messages.ts';
import type { Membership, Ticket, ZabInput } from './types.ts';
import { isPeersFault, violation } from './violation.ts';
import { MAY_NOT_VOTE_ZXID } from './vote.ts';

/**
 * How long a leader that refuses is dialled, and with what pause: it may not know yet that it was elected, or its name may not be
 * known yet. ZooKeeper's followers dial five times with the same pause (Learner.connectToLeader), which is over in half
 * the time where the answer comes at once. A leader that is gone holds up the next for no longer than this.
 */
const DIALS_FOR_MS = 1_000;
const DIAL_PAUSE_MS = 100;

type Reloaded = Extract<ZabInput, { readonly type: 'reloaded' }>;

type Phase =
  /** The connection is being opened. */
  | 'dialing'
  | 'pausingBeforeDial'
  /** FOLLOWERINFO sent, LEADERINFO awaited. */
  | 'registering'
  /** The leader's epoch is on its way to the disk. */
  | 'acceptingEpoch'
  /** ACKEPOCH sent; DIFF, TRUNC or SNAP awaited. */
  | 'awaitingSync'
  | 'receivingSnapshot'
  | 'truncating'
  /** The history is coming in. */
  | 'receivingHistory'
  /** NEWLEADER came: history and current epoch are on their way to the disk. */
  | 'loggingHistory'
  /** NEWLEADER acknowledged, UPTODATE awaited. */
  | 'awaitingUpToDate'
  | 'serving';

/** A server that follows or observes a leader: discovery, synchronization and broadcast as the learner sees them. */
export class Learner implements Role {
  readonly state: number;
  readonly #context: PeerContext;
  readonly #leader: ServerId;
  readonly #observer: boolean;
  readonly #electedAtMs: number;
  #phase: Phase = 'dialing';
  /** Whether the driver dials or holds a connection. */
  #open = false;
  #heardAtMs: number;
  /** What the phase waits for, of the accepted epoch or of the history. */
  #ticket: Ticket = 0;
  /** The leader's epoch. */
  #epoch = 0;
  /** The current epoch as ACKEPOCH is to report it. */
  #epochToReport = -1;
  #incoming: IncomingHistory;
  readonly #log: LearnerLog;
  /** The configuration that came with NEWLEADER. */
  #offered: Membership | undefined;

  constructor(context: PeerContext, leader: ServerId) {
    this.#context = context;
    this.#leader = leader;
    this.#observer = context.isObserver;
    this.state = this.#observer ? PeerState.observing : PeerState.following;
    this.#electedAtMs = context.nowMs;
    this.#heardAtMs = context.nowMs;
    this.#incoming = new IncomingHistory(0, this.#observer);
    this.#log = new LearnerLog(context, this.#observer);
  }

  get deadlineMs(): number {
    switch (this.#phase) {
      case 'pausingBeforeDial':
        return this.#heardAtMs + DIAL_PAUSE_MS;
      case 'acceptingEpoch':
      case 'loggingHistory':
        // The leader waits for us, and we for our disk: a large snapshot may take long to become durable.
        return Number.POSITIVE_INFINITY;
      case 'serving':
        return this.#heardAtMs + this.#context.syncLimitMs;
      default:
        return this.#heardAtMs + this.#context.initLimitMs;
    }
  }

  /** Whether this leader has brought us as far as serving clients. */
  get hasServed(): boolean {
    return this.#phase === 'serving';
  }

  start(): void {
    this.#reportRole(false);
    this.#dial();
  }

  tick(): void {
    if (this.#context.nowMs < this.deadlineMs) return;
    if (this.#phase === 'pausingBeforeDial') this.#dial();
    else this.#context.lookForLeader(`no word from leader ${this.#leader} for too long (${this.#phase})`);
  }

  end(): void {
    if (this.#open) this.#context.emit({ type: 'disconnectLeader' });
  }

  connected(): void {
    this.#context.lostLeader = undefined;
    const { serverId, acceptedEpoch, membership } = this.#context;
    this.#phase = 'registering';
    this.#heardAtMs = this.#context.nowMs;
    const info = { serverId, protocolVersion: QUORUM_PROTOCOL_VERSION, configVersion: membership.version };
    this.#send(learnerInfoPacket(this.#observer, acceptedEpoch, info));
  }

  closed(reason: string): void {
    this.#open = false;
    this.#context.lostLeader = this.#leader;
    const early = this.#phase === 'dialing' || this.#phase === 'registering';
    if (!early || this.#context.nowMs - this.#electedAtMs >= DIALS_FOR_MS) {
      this.#context.lookForLeader(`lost leader ${this.#leader}: ${reason}`);
      return;
    }
    this.#phase = 'pausingBeforeDial';
    this.#heardAtMs = this.#context.nowMs;
  }

  /** The leader looks for a leader itself, in a later round than the one that elected it: it will not lead us. */
  leaderIsLooking(round: number): void {
    if (this.#phase === 'serving' || round <= this.#context.vote.electionEpoch) return;
    this.#context.lookForLeader(`leader ${this.#leader} has given up leading`);
  }

  received(packet: QuorumPacket): void {
    this.#heardAtMs = this.#context.nowMs;
    try {
      this.#receive(packet);
      if (this.#phase === 'serving') this.#checkConfiguration();
    } catch (error) {
      if (!isPeersFault(error)) throw error;
      this.#context.log('warn', 'the leader broke the protocol', { code: error.code, leader: this.#leader });
      this.#context.lookForLeader(error.message);
    }
  }

  snapshotProgress(): void {
    this.#heardAtMs = this.#context.nowMs;
  }

  snapshotReceived(configuration: string | undefined): void {
    const { history } = this.#context;
    const zxid = this.#incoming.last;
    this.#heardAtMs = this.#context.nowMs;
    history.reset(zxid, []);
    this.#context.snapshotZxid = zxid;
    this.#context.needsState = false;
    this.#context.noteConfiguration(configuration);
    this.#context.persist([{ type: 'installSnapshot', zxid }]);
    this.#phase = 'receivingHistory';
  }

  reloaded({ lastZxid, recentEntries, snapshotZxid, configuration }: Reloaded): void {
    const wanted = this.#incoming.last;
    this.#context.isReloading = false;
    this.#heardAtMs = this.#context.nowMs;
    this.#context.history.reset(lastZxid, recentEntries);
    this.#context.snapshotZxid = snapshotZxid;
    this.#context.noteConfiguration(configuration);
    if (lastZxid !== wanted) {
      const ends = formatZxid(lastZxid);
      this.#context.lookForLeader(`cut off at ${formatZxid(wanted)}, the log ends at ${ends}: asking the leader again`);
      return;
    }
    this.#receiveAfter(lastZxid, 'receivingHistory');
  }

  persisted(ticket: Ticket): void {
    if (this.#phase === 'acceptingEpoch' && ticket >= this.#ticket) this.#acknowledgeEpoch();
    if (this.#phase === 'loggingHistory' && ticket >= this.#ticket) this.#acknowledgeHistory();
    this.#log.persisted(ticket);
  }

  #dial(): void {
    this.#phase = 'dialing';
    this.#open = true;
    this.#heardAtMs = this.#context.nowMs;
    this.#context.emit({ type: 'connectLeader', leader: this.#leader });
  }

  #receive(packet: QuorumPacket): void {
    switch (this.#phase) {
      case 'registering':
        this.#receiveLeaderInfo(packet);
        return;
      case 'awaitingSync':
        this.#receiveSync(packet);
        return;
      case 'receivingHistory':
        this.#receiveHistory(packet);
        return;
      case 'loggingHistory':
      case 'awaitingUpToDate':
        if (packet.type === PacketType.upToDate) this.#serve();
        else this.#receiveBroadcast(packet);
        return;
      case 'serving':
        this.#receiveBroadcast(packet);
        return;
      case 'dialing':
      case 'pausingBeforeDial':
        // From a connection that this peer has just given up; the driver had read it in the same turn.
        return;
      default:
        violation(`packet of type ${packet.type} out of turn (${this.#phase})`);
    }
  }

  /* discovery */

  #receiveLeaderInfo({ type, zxid }: QuorumPacket): void {
    if (type !== PacketType.leaderInfo) violation(`packet of type ${type} where LEADERINFO was due`);
    const epoch = epochOf(zxid);
    const { acceptedEpoch, currentEpoch } = this.#context;
    // What an observer accepts is no promise that anybody counts on. It only must not go back behind what it has taken
    // over; if it were bound by more, an epoch that a leader offered in vain would keep it away from all others.
    const oldest = this.#isPromiseBinding ? acceptedEpoch : currentEpoch;
    if (epoch < oldest) violation(`the leader's epoch ${epoch} is older than ${oldest}, accepted before`);
    this.#epoch = epoch;
    if (epoch <= acceptedEpoch) {
      this.#acknowledgeEpoch();
      return;
    }
    this.#context.acceptedEpoch = epoch;
    this.#epochToReport = currentEpoch;
    this.#phase = 'acceptingEpoch';
    this.#ticket = this.#context.persist([{ type: 'acceptedEpoch', epoch }]);
  }

  get #isPromiseBinding(): boolean {
    return !this.#observer && this.#context.mayVote;
  }

  #acknowledgeEpoch(): void {
    const { history, snapshotZxid } = this.#context;
    this.#phase = 'awaitingSync';
    this.#heardAtMs = this.#context.nowMs;
    const lastZxid = this.#trustsItsLog ? history.logged : MAY_NOT_VOTE_ZXID;
    this.#send(ackEpochPacket(lastZxid, { currentEpoch: this.#epochToReport, snapshotZxid }));
  }

  get #trustsItsLog(): boolean {
    return this.#context.mayVote && !this.#context.needsState;
  }

  /* synchronization */

  #receiveSync({ type, zxid }: QuorumPacket): void {
    const { history } = this.#context;
    switch (type) {
      case PacketType.diff:
        // The leader was told -1: this is the whole history, and a part of one, left by a crash, must not precede it.
        if (!this.#trustsItsLog && history.logged > 0) this.#cut(0);
        else this.#receiveAfter(history.logged, 'receivingHistory');
        return;
      case PacketType.trunc:
        this.#cut(zxid);
        return;
      case PacketType.snap:
        this.#receiveAfter(zxid, 'receivingSnapshot');
        this.#context.emit({ type: 'receiveSnapshot', zxid });
        return;
      default:
        violation(`packet of type ${type} where DIFF, TRUNC or SNAP was due`);
    }
  }

  /**
   * A snapshot that came from a leader which was never established may be beyond where the next leader's history parts
   * from ours. Our own leaders know it from ACKEPOCH; to ZooKeeper's only -1 says that their whole state is needed. They
   * then do not count this server while their epoch is being established, so it is said only after the attempt. A zxid of long ago
   * would get the state as well and be counted: but no leader would notice any more that this server is ahead of it.
   */
  #cut(zxid: Zxid): void {
    const { history, snapshotZxid } = this.#context;
    if (zxid > history.logged) {
      violation(`the leader cuts off at ${formatZxid(zxid)}, beyond the last entry ${formatZxid(history.logged)}`);
    }
    if (zxid < snapshotZxid) {
      this.#context.needsState = true;
      violation(`the leader cuts off at ${formatZxid(zxid)}, before the snapshot ${formatZxid(snapshotZxid)}`);
    }
    this.#receiveAfter(zxid, 'truncating');
    this.#context.isReloading = true;
    this.#context.emit({ type: 'truncateAndReload', zxid });
  }

  #receiveAfter(zxid: Zxid, phase: Phase): void {
    this.#incoming = new IncomingHistory(zxid, this.#observer);
    this.#phase = phase;
  }

  #receiveHistory(packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.proposal:
        this.#incoming.propose(entryOf(packet));
        return;
      case PacketType.commit:
      case PacketType.commitAndActivate:
        this.#incoming.commit(packet.zxid);
        return;
      case PacketType.inform:
      case PacketType.informAndActivate:
        this.#incoming.inform(informedEntryOf(packet));
        return;
      case PacketType.newLeader:
        this.#logHistory(packet);
        return;
      case PacketType.ping:
        return;
      default:
        violation(`packet of type ${packet.type} before NEWLEADER`);
    }
  }

  #logHistory({ zxid, data }: QuorumPacket): void {
    const epoch = this.#epoch;
    if (zxid !== makeZxid(epoch, 0)) violation(`NEWLEADER ${formatZxid(zxid)} is not of the accepted epoch ${epoch}`);
    this.#phase = 'loggingHistory';
    this.#ticket = this.#log.begin(this.#incoming, epoch);
    this.#context.expectWholeHistory(this.#ticket);
    if (data === null || data.length === 0) return;
    const text = decodeUtf8(data);
    this.#offered = this.#context.readMembership(text);
    this.#context.noteNext(text);
  }

  #acknowledgeHistory(): void {
    this.#phase = 'awaitingUpToDate';
    this.#heardAtMs = this.#context.nowMs;
    this.#sendEpochAck();
  }

  #serve(): void {
    const { vote, currentEpoch } = this.#context;
    if (this.#phase !== 'awaitingUpToDate') violation('UPTODATE before NEWLEADER was acknowledged');
    this.#log.serve();
    this.#context.activateThrough(this.#log.committed);
    // A leader of ZooKeeper also sends a configuration that it has only proposed: that one has still to be committed.
    if (this.#offered !== undefined && this.#offered.version <= makeZxid(currentEpoch, 0)) {
      this.#context.activate(this.#offered);
    }
    this.#context.vote = { ...vote, peerEpoch: currentEpoch };
    this.#phase = 'serving';
    this.#context.forgetHearsay();
    this.#sendEpochAck();
    this.#reportRole(true);
  }

  /** A configuration in which this server is something else, or its leader does not vote, ends the connection. */
  #checkConfiguration(): void {
    const { membership, isObserver } = this.#context;
    if (isObserver === this.#observer && membership.weightOf(this.#leader) > 0) return;
    this.#context.lostLeader = this.#leader;
    this.#context.lookForLeader('the new configuration gives this server another role or another leader');
  }

  /* broadcast */

  #receiveBroadcast(packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.proposal:
        this.#log.propose(packet);
        return;
      case PacketType.commit:
      case PacketType.commitAndActivate:
        this.#log.commit(packet.zxid);
        return;
      case PacketType.inform:
      case PacketType.informAndActivate:
        this.#log.inform(packet);
        return;
      case PacketType.ping:
      case PacketType.revalidate:
      case PacketType.sync:
        if (this.#phase === 'serving') this.#context.emit({ type: 'fromLeader', packet });
        return;
      default:
        this.#context.log('debug', 'ignored a packet from the leader', { packetType: packet.type });
    }
  }

  /** Acknowledges NEWLEADER; and UPTODATE, as ZooKeeper's learners do. */
  #sendEpochAck(): void {
    this.#send(packet(PacketType.ack, makeZxid(this.#context.currentEpoch, 0)));
  }

  #send(packet: QuorumPacket): void {
    this.#context.emit({ type: 'sendToLeader', packet });
  }

  #reportRole(serving: boolean): void {
    const state = this.#observer ? 'observing' : 'following';
    const epoch = this.#context.currentEpoch;
    this.#context.emit({ type: 'role', role: { state, leader: this.#leader, serving, epoch } });
  }
}
