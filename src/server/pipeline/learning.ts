import type { SessionId } from '../../common/types.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { PacketType, type QuorumPacket } from '../protocol/quorum.ts';
import {
  decodeRevalidateResponse,
  encodeForwardedRequest,
  encodeRevalidateRequest,
  encodeTouchedSessions,
} from '../protocol/quorum-codec.ts';
import type { TxnHeader } from '../protocol/transactions.ts';
import type { Client, PendingRequest } from './client.ts';
import type { Clients } from './clients.ts';
import { Fifo } from './fifo.ts';
import type { Service } from './service.ts';
import type { Step } from './step.ts';

/** The zxid of packets that a learner sends for a client. */
const NO_ZXID = -1;

/** What a follower or observer does for its clients while it serves. Made anew whenever it begins to. */
export class Learning implements Service {
  readonly #clients: Clients;
  readonly #step: Step;
  /**
   * Requests at the leader, in the order in which they left. Every one comes back as a transaction, in the same order;
   * those of connections that have ended stay here for that.
   */
  readonly #forwarded = new Fifo<PendingRequest>();
  readonly #syncs = new Fifo<PendingRequest>();
  readonly #renewals = new Map<SessionId, Client>();
  #touched: Client[] = [];

  constructor(clients: Clients, step: Step) {
    this.#clients = clients;
    this.#step = step;
  }

  touch(client: Client): boolean {
    if (!client.touched) {
      client.touched = true;
      this.#touched.push(client);
    }
    return true;
  }

  submit(request: PendingRequest): void {
    this.#forwarded.push(request);
    this.#forward(request);
  }

  sync(request: PendingRequest): void {
    this.#syncs.push(request);
    this.#forward(request);
  }

  openSession(_client: Client, request: PendingRequest): void {
    this.submit(request);
  }

  renewSession(client: Client): void {
    const { sessionId, timeoutMs } = client;
    this.#renewals.set(sessionId, client);
    this.#send(PacketType.revalidate, encodeRevalidateRequest({ sessionId, timeoutMs }), null);
  }

  /** A transaction has been applied: the request of one of this member's own clients, if it came from one. */
  applied(header: TxnHeader): PendingRequest | undefined {
    const next = this.#forwarded.peek();
    if (next === undefined || next.xid !== header.cxid || next.sessionId !== header.sessionId) return undefined;
    // The leader closes sessions that expire with xid 0, which some clients use as well.
    if (header.type !== next.type && header.type !== OpCode.error) return undefined;
    return this.#forwarded.shift();
  }

  fromLeader(packet: QuorumPacket): void {
    switch (packet.type) {
      case PacketType.ping: {
        this.#clients.touchUnread();
        const data = encodeTouchedSessions(this.#touched);
        for (const client of this.#touched) client.touched = false;
        this.#touched = [];
        this.#step.emit({ type: 'sendToLeader', packet: { ...packet, data } });
        break;
      }
      case PacketType.revalidate: {
        const { sessionId, valid } = decodeRevalidateResponse(packet.data ?? new Uint8Array(0));
        const client = this.#renewals.get(sessionId);
        if (client === undefined) return;
        this.#renewals.delete(sessionId);
        this.#clients.sessionReady(client, valid);
        break;
      }
      case PacketType.sync: {
        const request = this.#syncs.shift();
        if (request !== undefined) this.#clients.done(request, 0, undefined);
        break;
      }
      default:
        this.#step.log('warn', 'the leader sent a packet that is not for a learner', { type: packet.type });
    }
  }

  #forward(request: PendingRequest): void {
    const { sessionId, xid, type, frame, offset, identities } = request;
    const data = encodeForwardedRequest({ sessionId, cxid: xid, type, body: frame.subarray(offset) });
    this.#send(PacketType.request, data, identities);
  }

  #send(type: number, data: Uint8Array, authinfo: QuorumPacket['authinfo']): void {
    this.#step.emit({ type: 'sendToLeader', packet: { type, zxid: NO_ZXID, data, authinfo } });
  }
}
