import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { readConnectResponse, writeConnectRequest } from '../server/protocol/connect.ts';
import type { ConnectRequest, ConnectResponse } from '../server/protocol/connect.ts';
import { FrameSplitter } from '../server/protocol/framing.ts';
import { readReplyHeader, writeRequestHeader } from '../server/protocol/headers.ts';
import { JuteReader } from '../server/protocol/jute-reader.ts';
import { JuteWriter } from '../server/protocol/jute-writer.ts';
import { OpCode, ReplyCode, SpecialXid } from '../server/protocol/opcodes.ts';
import { readWatcherEvent } from '../server/protocol/responses.ts';
import type { WatcherEvent } from '../server/protocol/responses.ts';
import type { ServerAddress } from './connect-string.ts';
import { ZooKeeperError, replyError } from './errors.ts';

/** A request and who waits for its answer. */
export interface Request {
  /** An OpCode. */
  readonly type: number;
  /** For errors. */
  readonly path: string;
  write(writer: JuteWriter): void;
  /** Reads the body of the reply, which comes if there is no error, and answers with it. */
  answer(reader: JuteReader): void;
  fail(error: ZooKeeperError): void;
}

/** What happens on a {@link Connection}. */
export interface ConnectionEvents {
  /** The server has answered the handshake. */
  opened(response: ConnectResponse): void;
  /** A watch fired. */
  event(event: WatcherEvent): void;
  /** The newest zxid that this client has seen. */
  seen(zxid: number): void;
  /** The proof of an identity was refused; the server closes. */
  authFailed(): void;
  /** The connection ended, or never came to be; every request that waited has failed. */
  closed(reason: string): void;
}

/** Replies of a server may be longer than what it accepts: it lists the children of a znode whatever their number. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** One connection to one server: handshake, requests in order, pings. */
export class Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #writer = new JuteWriter();
  #waiting: { readonly xid: number; readonly request: Request }[] = [];
  #nextXid = 1;
  #open = false;
  #closed = false;
  #timeoutMs: number;
  #sentAtMs = performance.now();
  #heardAtMs = performance.now();
  #watchdog: NodeJS.Timeout | undefined;

  /** @param timeoutMs How long the server may take to accept and to answer the handshake. */
  constructor(server: ServerAddress, handshake: ConnectRequest, timeoutMs: number, events: ConnectionEvents) {
    this.#events = events;
    this.#timeoutMs = timeoutMs;
    const socket = connect({ host: server.host, port: server.port });
    this.#socket = socket;
    const splitter = new FrameSplitter(
      { frame: (frame) => this.#receive(frame), fourLetterWord: () => undefined },
      REPLY_BYTES_MAX,
      false,
    );
    socket.setNoDelay(true);
    socket.on('connect', () => this.#send((writer) => writeConnectRequest(writer, handshake)));
    socket.on('data', (chunk) => {
      try {
        if (typeof chunk !== 'string') splitter.push(chunk);
      } catch (error) {
        this.close(`the server sends what cannot be: ${String(error)}`);
      }
    });
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.close('the server closed the connection'));
    this.#watch();
  }

  /** Sends a request; its answer, or its failure, comes later. */
  request(request: Request): void {
    const xid = this.#nextXid++;
    this.#waiting.push({ xid, request });
    this.#send((writer) => {
      writeRequestHeader(writer, xid, request.type);
      request.write(writer);
    });
  }

  /** Sends a request that is not answered to anybody: auth, setWatches. */
  notify(xid: number, type: number, write: (writer: JuteWriter) => void): void {
    this.#send((writer) => {
      writeRequestHeader(writer, xid, type);
      write(writer);
    });
  }

  /** Ends the connection. Every request that waits fails with connectionLoss: nobody knows whether it was carried out. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#watchdog);
    this.#socket.destroySoon();
    for (const { request } of this.#waiting.splice(0)) {
      request.fail(new ZooKeeperError('connectionLoss', request.path, reason));
    }
    this.#events.closed(reason);
  }

  #send(write: (writer: JuteWriter) => void): void {
    const writer = this.#writer;
    writer.reset();
    const mark = writer.beginLength();
    write(writer);
    writer.endLength(mark);
    this.#sentAtMs = performance.now();
    this.#socket.write(writer.copy());
  }

  #receive(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#heardAtMs = performance.now();
    const reader = new JuteReader(frame);
    if (!this.#open) {
      this.#opened(readConnectResponse(reader));
      return;
    }
    const { xid, zxid, error } = readReplyHeader(reader);
    switch (xid) {
      case SpecialXid.watchEvent:
        this.#events.event(readWatcherEvent(reader));
        return;
      case SpecialXid.auth:
        if (error !== ReplyCode.ok) this.#events.authFailed();
        return;
      case SpecialXid.ping:
      case SpecialXid.setWatches:
        return;
    }
    if (zxid > 0) this.#events.seen(zxid);
    this.#answer(xid, error, reader);
  }

  #answer(xid: number, error: number, reader: JuteReader): void {
    const [next] = this.#waiting;
    if (next === undefined || next.xid !== xid) {
      this.close(`the server answers request ${xid} where ${next?.xid ?? 'none'} was next`);
      return;
    }
    // It waits until its answer has been read: one that cannot be read ends the connection, and whatever waits fails.
    if (error === ReplyCode.ok) next.request.answer(reader);
    else next.request.fail(replyError(error, next.request.path));
    this.#waiting.shift();
  }

  #opened(response: ConnectResponse): void {
    this.#open = true;
    if (response.timeoutMs > 0) this.#timeoutMs = response.timeoutMs;
    this.#events.opened(response);
    clearTimeout(this.#watchdog);
    this.#watch();
  }

  /** Pings after a third of the session's timeout without a word of ours, gives up after two thirds without one of theirs. */
  #watch(): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    const silentMs = nowMs - this.#heardAtMs;
    const patienceMs = this.#open ? (this.#timeoutMs * 2) / 3 : this.#timeoutMs;
    if (silentMs >= patienceMs) {
      this.close(`nothing was heard for ${Math.round(silentMs)} ms`);
      return;
    }
    const pingAfterMs = this.#timeoutMs / 3;
    if (this.#open && nowMs - this.#sentAtMs >= pingAfterMs) {
      this.notify(SpecialXid.ping, OpCode.ping, () => undefined);
    }
    const waitMs = Math.min(patienceMs - silentMs, this.#open ? this.#sentAtMs + pingAfterMs - nowMs : Infinity);
    this.#watchdog = setTimeout(() => this.#watch(), Math.max(Math.ceil(waitMs), 1));
  }
}
