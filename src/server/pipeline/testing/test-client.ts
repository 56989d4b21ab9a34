import { readConnectResponse, writeConnectRequest, type ConnectResponse } from '../../protocol/connect.ts';
import { readReplyHeader, writeRequestHeader } from '../../protocol/headers.ts';
import { JuteReader } from '../../protocol/jute-reader.ts';
import { JuteWriter } from '../../protocol/jute-writer.ts';
import { OpCode, SpecialXid } from '../../protocol/opcodes.ts';
import { readWatcherEvent, type WatcherEvent } from '../../protocol/responses.ts';
import type { ClientId } from '../types.ts';

/** A reply, with its body still to be read. */
export interface Reply {
  readonly xid: number;
  readonly zxid: number;
  readonly error: number;
  readonly body: JuteReader;
}

/** What a client received, in order. */
export type Received =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'event'; readonly event: WatcherEvent; readonly zxid: number };

/** A client's end of a connection: makes frames, and takes what comes apart. */
export class TestClient {
  readonly id: ClientId;
  readonly #send: (frame: Uint8Array) => void;
  readonly #disconnect: () => void;
  connection: ConnectResponse | undefined;
  closedBecause: string | undefined;
  readonly received: Received[] = [];
  /** The same, as bytes. */
  readonly frames: Uint8Array[] = [];
  #xid = 0;

  constructor(id: ClientId, send: (frame: Uint8Array) => void, disconnect: () => void) {
    this.id = id;
    this.#send = send;
    this.#disconnect = disconnect;
  }

  get events(): WatcherEvent[] {
    return this.received.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  }

  get replies(): Reply[] {
    return this.received.flatMap((item) => (item.kind === 'reply' ? [item.reply] : []));
  }

  get sessionId(): bigint {
    return this.connection?.sessionId ?? 0n;
  }

  /** Asks for a new session, or for that of another client. */
  connect(
    options: { timeoutMs?: number; lastZxidSeen?: number; session?: ConnectResponse; readOnly?: boolean } = {},
  ): void {
    const writer = new JuteWriter();
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: options.lastZxidSeen ?? 0,
      timeoutMs: options.timeoutMs ?? 10_000,
      sessionId: options.session?.sessionId ?? 0n,
      password: options.session?.password ?? new Uint8Array(16),
      readOnly: options.readOnly ?? false,
    });
    this.sendFrame(writer.copy());
  }

  /** Sends a request and returns its xid. */
  request(type: number, write: (writer: JuteWriter) => void = () => undefined): number {
    this.#xid++;
    this.send(this.#xid, type, write);
    return this.#xid;
  }

  ping(): void {
    this.send(SpecialXid.ping, OpCode.ping);
  }

  send(xid: number, type: number, write: (writer: JuteWriter) => void = () => undefined): void {
    const writer = new JuteWriter();
    writeRequestHeader(writer, xid, type);
    write(writer);
    this.sendFrame(writer.copy());
  }

  sendFrame(frame: Uint8Array): void {
    this.#send(frame);
  }

  /** The connection breaks; the session lives on. */
  disconnect(): void {
    this.closedBecause ??= 'the client disconnected';
    this.#disconnect();
  }

  reply(xid: number): Reply | undefined {
    return this.replies.find((reply) => reply.xid === xid);
  }

  /** Takes in what the member sent: whole frames, length prefixes included. */
  receive(bytes: Uint8Array): void {
    const reader = new JuteReader(bytes);
    while (reader.remaining > 0) this.#frame(reader.readBuffer() ?? new Uint8Array(0));
  }

  #frame(frame: Uint8Array): void {
    this.frames.push(frame);
    const body = new JuteReader(frame);
    if (this.connection === undefined) {
      this.connection = readConnectResponse(body);
      return;
    }
    const { xid, zxid, error } = readReplyHeader(body);
    if (xid === SpecialXid.watchEvent) this.received.push({ kind: 'event', event: readWatcherEvent(body), zxid });
    else this.received.push({ kind: 'reply', reply: { xid, zxid, error, body } });
  }
}
