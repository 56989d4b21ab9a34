import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { JuteReader, JuteWriter } from './jute.ts';
import { readResult, requestFrame, type Operation, type Result } from './operations.ts';
import { readWatchEvent, type WatchEvent } from './records.ts';

export interface Reply {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
  /** Absent when the reply carries an error. */
  readonly result?: Result;
}

export interface Session {
  readonly id: bigint;
  readonly password: Buffer;
  /** As granted by the server; 0 if it refused the session. */
  readonly timeoutMs: number;
}

export interface ConnectOptions {
  readonly port: number;
  readonly timeoutMs?: number;
  /** Renews this session instead of asking for a new one. */
  readonly session?: Pick<Session, 'id' | 'password'>;
  readonly lastZxidSeen?: bigint;
}

/** What a server sends on an established connection, in its order. */
export type Arrival =
  | { readonly kind: 'event'; readonly event: WatchEvent }
  | { readonly kind: 'reply'; readonly op: Operation['op']; readonly reply: Reply };

/** The server ended the connection (or it broke) before it answered. */
export class ConnectionClosed extends Error {
  constructor() {
    super('the connection was closed');
  }
}

const watchEventXid = -1;
const fixedXids: Partial<Record<Operation['op'], number>> = { ping: -2, auth: -4, setWatches: -8 };

interface Pending {
  readonly xid: number;
  readonly op: Operation['op'];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** A TCP connection cut into frames, with nothing of the protocol above. */
export class RawSocket {
  readonly socket: Socket;
  onFrame: (frame: Buffer) => void = () => undefined;
  onClose: () => void = () => undefined;
  #received: Buffer = Buffer.alloc(0);
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => undefined); // followed by 'close'
    socket.on('close', () => {
      this.#closed = true;
      this.onClose();
    });
  }

  static async open(port: number): Promise<RawSocket> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let rest = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      this.onFrame(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
    this.#received = rest;
  }
}

/** A session on one connection: sends operations, pairs replies with them in order, keeps the watch events that arrive. */
export class RawConnection {
  readonly session: Session;
  readonly socket: RawSocket;
  /** Watch events in the order of their arrival; the owner may empty it. */
  readonly events: WatchEvent[] = [];
  readonly closed: Promise<void>;
  /** Called for each arrival, before anybody who awaits it goes on. */
  onArrival: (arrival: Arrival) => void = () => undefined;
  #nextXid = 1;
  readonly #pending: Pending[] = [];

  private constructor(socket: RawSocket, session: Session) {
    this.socket = socket;
    this.session = session;
    socket.onFrame = (frame) => this.#receive(frame);
    this.closed = new Promise((resolve) => {
      socket.onClose = () => {
        for (const { reject } of this.#pending.splice(0)) reject(new ConnectionClosed());
        resolve();
      };
    });
  }

  /** Connects and asks for a session. A refusal is a session with `timeoutMs` 0. @throws ConnectionClosed */
  static async open(options: ConnectOptions): Promise<RawConnection> {
    const socket = await RawSocket.open(options.port);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    socket.onFrame = resolve;
    socket.onClose = () => reject(new ConnectionClosed());
    const request = new JuteWriter().int(0).long(options.lastZxidSeen ?? 0n);
    request.int(options.timeoutMs ?? 30_000).long(options.session?.id ?? 0n);
    request.buffer(options.session?.password ?? Buffer.alloc(16)).bool(false);
    socket.socket.write(request.frame());
    const reader = new JuteReader(await promise);
    reader.int(); // protocol version
    const timeoutMs = reader.int();
    const id = reader.long();
    const password = Buffer.from(reader.buffer() ?? []);
    return new RawConnection(socket, { id, password, timeoutMs });
  }

  get isClosed(): boolean {
    return this.socket.isClosed;
  }

  /** Sends one operation. Requests may be outstanding at the same time; replies come in their order. @throws ConnectionClosed */
  request(operation: Operation): Promise<Reply> {
    const xid = fixedXids[operation.op] ?? this.#nextXid++;
    return new Promise((resolve, reject) => {
      if (this.isClosed) {
        reject(new ConnectionClosed());
        return;
      }
      this.#pending.push({ xid, op: operation.op, resolve, reject });
      this.socket.socket.write(requestFrame(xid, operation));
    });
  }

  /** Sends one operation that must succeed. @throws Error naming the operation and the server's error. */
  async do(operation: Operation): Promise<Result> {
    const { error, result } = await this.request(operation);
    if (error !== 0 || result === undefined) {
      throw new Error(`${operation.op} ${'path' in operation ? operation.path : ''} was answered with error ${error}`);
    }
    return result;
  }

  /** Ends the session, and waits until the server has closed the connection. */
  async close(): Promise<void> {
    await this.request({ op: 'closeSession' });
    await this.closed;
  }

  /** Cuts the connection; the session stays until it expires. */
  drop(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  #firstOrdinary(): number {
    return this.#pending.findIndex((pending) => pending.xid >= 0);
  }

  #receive(frame: Buffer): void {
    const reader = new JuteReader(frame);
    const xid = reader.int();
    const zxid = reader.long();
    const error = reader.int();
    if (xid === watchEventXid) {
      const event = readWatchEvent(reader);
      this.events.push(event);
      this.onArrival({ kind: 'event', event });
      return;
    }
    // Pings and auth requests are known by their xid: their replies may overtake those of earlier requests.
    const index = xid < 0 ? this.#pending.findIndex((pending) => pending.xid === xid) : this.#firstOrdinary();
    const [pending] = index < 0 ? [] : this.#pending.splice(index, 1);
    if (pending === undefined) throw new Error(`a reply that nobody asked for: xid ${xid}, error ${error}`);
    try {
      if (xid !== pending.xid) throw new Error(`reply to xid ${xid} where that to ${pending.xid} was due`);
      // A failed multi is a success in its header: its parts carry the errors.
      const result = error === 0 ? readResult(reader, pending.op) : undefined;
      if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes too many in the reply to ${pending.op}`);
      const reply: Reply = { xid, zxid, error, ...(result === undefined ? {} : { result }) };
      this.onArrival({ kind: 'reply', op: pending.op, reply });
      pending.resolve(reply);
    } catch (cause) {
      pending.reject(new Error(`unreadable reply to ${pending.op}: ${frame.toString('hex')}`, { cause }));
    }
  }
}
