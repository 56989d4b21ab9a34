import { formatZxid, makeZxid, type Zxid } from '../../common/zxid.ts';
import { decodeDesignatedLeader } from '../protocol/quorum-codec.ts';
import { PacketType, type QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { PeerContext } from './context.ts';
import type { IncomingHistory } from './incoming-history.ts';
import { packet } from './messages.ts';
import type { Ticket } from './types.ts';
import { violation } from './violation.ts';

/** A logged proposal that is to be acknowledged once it is durable. */
interface PendingAck {
  readonly ticket: Ticket;
  readonly zxid: Zxid;
}

/** What a learner does with entries: logs them, acknowledges them when they are durable, delivers what is committed. */
export class LearnerLog {
  readonly #context: PeerContext;
  readonly #observer: boolean;
  readonly #pending: PendingAck[] = [];
  #committed: Zxid = 0;
  #acked: Zxid = 0;
  /** False until UPTODATE: only then is the initial history known to be a quorum's, and may be delivered as committed. */
  #delivering = false;

  constructor(context: PeerContext, observer: boolean) {
    this.#context = context;
    this.#observer = observer;
  }

  /**
   * NEWLEADER: logs the history first, the current epoch behind it. The caller acknowledges when both are durable: in any
   * other order a crash leaves a server that claims an epoch whose history it does not have (ZOOKEEPER-4643, -4646,
   * -4785). What the leader did not say is committed is acknowledged on its own, behind NEWLEADER (ZOOKEEPER-3911, -4394).
   */
  begin(history: IncomingHistory, epoch: number): Ticket {
    const entries = history.take();
    for (const entry of entries) this.#context.append(entry);
    this.#context.currentEpoch = epoch;
    this.#committed = history.committed;
    this.#acked = Math.max(history.committed, makeZxid(epoch, 0));
    const append = entries.length > 0 ? [{ type: 'append', entries } as const] : [];
    const ticket = this.#context.persist([...append, { type: 'currentEpoch', epoch }]);
    this.#expectAck(ticket, this.#context.history.logged);
    return ticket;
  }

  /** Up to where the leader has said that it is committed. */
  get committed(): Zxid {
    return this.#committed;
  }

  /** UPTODATE: delivers what is committed, now and from now on. */
  serve(): void {
    this.#delivering = true;
    this.#context.deliver(this.#committed, true);
  }

  /** PROPOSAL. An observer logs only what it is informed of. */
  propose(packet: QuorumPacket): void {
    if (!this.#observer) this.#append(entryOf(packet));
  }

  /** COMMIT, of this proposal and all before it. */
  commit(zxid: Zxid): void {
    if (!this.#observer) this.#commit(zxid);
  }

  /** INFORM and INFORMANDACTIVATE. */
  inform(packet: QuorumPacket): void {
    if (!this.#observer) violation('INFORM to a follower');
    const entry = informedEntryOf(packet);
    this.#append(entry);
    this.#commit(entry.zxid);
  }

  /** Acknowledges what is durable: one ACK for each proposal, as ZooKeeper's leader counts them one by one. */
  persisted(ticket: Ticket): void {
    let done = 0;
    for (const pending of this.#pending) {
      if (pending.ticket > ticket) break;
      done++;
      while (this.#acked < pending.zxid) {
        this.#context.emit({ type: 'sendToLeader', packet: packet(PacketType.ack, ++this.#acked) });
      }
    }
    if (done > 0) this.#pending.splice(0, done);
  }

  #append(entry: LogEntry): void {
    this.#context.append(entry);
    const ticket = this.#context.persist([{ type: 'append', entries: [entry] }]);
    this.#expectAck(ticket, entry.zxid);
  }

  #commit(zxid: Zxid): void {
    const { logged } = this.#context.history;
    if (zxid > logged) violation(`COMMIT of ${formatZxid(zxid)}, which was not proposed (last: ${formatZxid(logged)})`);
    this.#committed = Math.max(this.#committed, zxid);
    if (this.#delivering) this.#context.deliver(zxid, true);
  }

  #expectAck(ticket: Ticket, zxid: Zxid): void {
    if (!this.#observer && zxid > this.#acked) this.#pending.push({ ticket, zxid });
  }
}

/** The entry in a PROPOSAL. */
export function entryOf({ zxid, data }: QuorumPacket): LogEntry {
  if (data === null) violation(`proposal ${formatZxid(zxid)} without a transaction`);
  return { zxid, bytes: data };
}

/** The entry in an INFORM, or in an INFORMANDACTIVATE, which has the designated leader before it. */
export function informedEntryOf({ type, zxid, data }: QuorumPacket): LogEntry {
  if (data === null) violation(`INFORM ${formatZxid(zxid)} without a transaction`);
  return { zxid, bytes: type === PacketType.inform ? data : decodeDesignatedLeader(data).proposal };
}
