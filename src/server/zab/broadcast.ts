import { assert } from '../../common/errors.ts';
import { COUNTER_MAX, counterOf, formatZxid, makeZxid, type Zxid } from '../../common/zxid.ts';
import type { ServerId } from '../../common/types.ts';
import { encodeDesignatedLeader } from '../protocol/quorum-codec.ts';
import { PacketType, type QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { PeerContext } from './context.ts';
import { LeadershipCheck } from './leadership-check.ts';
import type { LearnerHandler } from './learner-handler.ts';
import type { LearnerTable } from './learner-table.ts';
import { entryPacket, packet } from './messages.ts';
import { AckTracker } from './quorum-tracker.ts';
import type { Membership, Ticket } from './types.ts';
import { violation } from './violation.ts';

/** An append that waits for the disk. */
interface PendingAppend {
  readonly ticket: Ticket;
  readonly zxid: Zxid;
  readonly sinceMs: number;
}

/** An established leader's work: proposals, their acknowledgements, commits; pings, and proof that it still leads. */
export class Broadcast {
  readonly #context: PeerContext;
  readonly #learners: LearnerTable;
  readonly #acks: AckTracker;
  readonly #check: LeadershipCheck;
  readonly #appends: PendingAppend[] = [];

  constructor(context: PeerContext, learners: LearnerTable) {
    this.#context = context;
    this.#learners = learners;
    this.#acks = new AckTracker((zxid) => {
      const { membership, next } = context;
      // What was proposed before a reconfiguration needs nobody of the new configuration.
      return next !== undefined && zxid >= next.version ? [membership, next] : [membership];
    });
    this.#check = new LeadershipCheck(
      context.serverId,
      () => context.memberships,
      (handlers) => this.#ping(handlers),
    );
  }

  /** Entries that follow the last one. They leave before they are durable here: our own acknowledgement counts after. */
  propose(entries: readonly LogEntry[]): void {
    const { currentEpoch, nowMs, memberships } = this.#context;
    const last = entries.at(-1);
    if (last === undefined) return;
    if (counterOf(last.zxid) === COUNTER_MAX) {
      this.#context.lookForLeader(`epoch ${currentEpoch} has no zxids left`);
      return;
    }
    let expected = this.#lastProposed + 1;
    for (const entry of entries) {
      // Every write comes by here: the message is made only where it is needed.
      if (entry.zxid !== expected) {
        assert(false, `entry ${formatZxid(entry.zxid)} was proposed, ${formatZxid(expected)} was due`);
      }
      expected++;
      this.#context.append(entry);
      this.#learners.sendToFollowers(entryPacket(PacketType.proposal, entry));
    }
    if (this.#context.memberships.length !== memberships.length) this.#learners.reclassify();
    const ticket = this.#context.persist([{ type: 'append', entries }]);
    this.#appends.push({ ticket, zxid: last.zxid, sinceMs: nowMs });
  }

  persisted(ticket: Ticket): void {
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

  confirmLeadership(token: number): void {
    this.#confirm(this.#check.ask(token, this.#learners.servingVoters));
  }

  /** A packet of a learner that has acknowledged NEWLEADER. */
  receive(handler: LearnerHandler, packet: QuorumPacket): void {
    if (packet.type === PacketType.ack) {
      this.#receiveAck(handler, packet.zxid);
      return;
    }
    const { serverId, connection } = handler;
    if (handler.stage !== 'serving' || serverId === undefined) return;
    if (packet.type === PacketType.ping) {
      handler.answeredPing();
      this.#confirm(this.#check.answered(handler, this.#learners.servingVoters));
    }
    this.#context.emit({ type: 'fromLearner', connection, server: serverId, packet });
  }

  forget(handler: LearnerHandler): void {
    if (handler.serverId !== undefined) this.#acks.forget(handler.serverId);
  }

  pingAll(): void {
    this.#ping(this.#learners.inStage('serving'));
    this.#check.pinged(this.#learners.servingVoters);
  }

  /** A server whose disk stands still answers pings all the same. */
  watchDisks(): void {
    const { nowMs, syncLimitMs, history } = this.#context;
    const oldest = this.#appends[0];
    if (oldest !== undefined && nowMs - oldest.sinceMs >= syncLimitMs) {
      this.#context.lookForLeader('the disk of this server stands still');
      return;
    }
    for (const handler of this.#learners.inStage('serving')) {
      if (!handler.isAckOverdue(history.logged, nowMs, syncLimitMs)) continue;
      this.#learners.close(handler, 'it acknowledges no proposals');
    }
  }

  get #lastProposed(): Zxid {
    return Math.max(this.#context.history.logged, makeZxid(this.#context.currentEpoch, 0));
  }

  #receiveAck(handler: LearnerHandler, zxid: Zxid): void {
    // The ACK of UPTODATE has the zxid of NEWLEADER's and says nothing new.
    if (zxid <= handler.acked || counterOf(zxid) === 0) return;
    if (zxid > this.#context.history.logged) violation(`ACK of ${formatZxid(zxid)}, which was not proposed`);
    handler.acked = zxid;
    // Of those too that do not count yet: a reconfiguration may make them voters. A quorum passes over strangers.
    if (handler.isObserver || handler.serverId === undefined) return;
    this.#acks.acknowledge(handler.serverId, zxid);
    if (zxid > this.#context.history.delivered) this.#commit(zxid);
  }

  /** Commits what has a quorum now that something was acknowledged. */
  #commit(acknowledged: Zxid): void {
    const context = this.#context;
    const committed = this.#acks.quorumZxid(context.history.delivered, acknowledged);
    for (let entry = context.history.deliverNext(committed); entry; entry = context.history.deliverNext(committed)) {
      if (entry.zxid === context.next?.version) {
        this.#activate(entry, context.next);
        return;
      }
      this.#learners.sendToFollowers(packet(PacketType.commit, entry.zxid));
      if (this.#learners.hasObservers) this.#learners.sendToObservers(entryPacket(PacketType.inform, entry));
      context.emit({ type: 'deliver', entry, committed: true });
    }
  }

  /**
   * Commits a reconfiguration: from here on the new configuration alone counts. A leader that is not in it tells all who is
   * to lead, and gives up (Leader.tryToCommit).
   */
  #activate(entry: LogEntry, membership: Membership): void {
    const context = this.#context;
    const stays = membership.weightOf(context.serverId) > 0;
    const leader = stays ? context.serverId : this.#bestIn(membership);
    const { zxid } = entry;
    this.#learners.sendToFollowers(packet(PacketType.commitAndActivate, zxid, encodeDesignatedLeader(leader)));
    if (this.#learners.hasObservers) {
      const data = encodeDesignatedLeader(leader, entry.bytes);
      this.#learners.sendToObservers(packet(PacketType.informAndActivate, zxid, data));
    }
    context.emit({ type: 'deliver', entry, committed: true });
    context.activate(membership);
    this.#learners.reclassify();
    if (!stays) {
      context.lookForLeader(`the new configuration is without this server: server ${leader} is to lead`);
      return;
    }
    this.#confirm(this.#check.restart(this.#learners.servingVoters));
    this.#commit(context.history.logged);
  }

  /** The voter of a new configuration that has acknowledged most. */
  #bestIn(membership: Membership): ServerId {
    let best: LearnerHandler | undefined;
    for (const handler of this.#learners.inStage('serving')) {
      if (handler.serverId === undefined || membership.weightOf(handler.serverId) === 0) continue;
      if (best === undefined || handler.heldZxid > best.heldZxid) best = handler;
    }
    return best?.serverId ?? this.#context.serverId;
  }

  #ping(handlers: readonly LearnerHandler[]): void {
    if (handlers.length === 0) return;
    for (const handler of handlers) handler.pinged(this.#context.history.delivered);
    const connections = handlers.map((handler) => handler.connection);
    this.#context.emit({ type: 'sendToLearners', connections, packet: packet(PacketType.ping, this.#lastProposed) });
  }

  #confirm(tokens: readonly number[]): void {
    for (const token of tokens) this.#context.emit({ type: 'leadershipConfirmed', token });
  }
}
