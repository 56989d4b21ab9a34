import type { ServerId, SessionId } from '../common/types.ts';
import type { Zxid } from '../common/zxid.ts';
import { readConnectResponse, writeConnectRequest } from '../server/protocol/connect.ts';
import { JuteReader } from '../server/protocol/jute-reader.ts';
import { JuteWriter } from '../server/protocol/jute-writer.ts';
import { OpCode, SpecialXid } from '../server/protocol/opcodes.ts';
import { writeSetWatches2Request, writeSetWatchesRequest } from '../server/protocol/requests.ts';
import { readWatcherEvent } from '../server/protocol/responses.ts';
import { readReply, requestFrame, splitFrames } from './client-frames.ts';
import type { Reply } from './client-frames.ts';
import type { History, Sight } from './history.ts';
import { hostOf } from './network.ts';
import type { Host, Network, Stream } from './network.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import { isOneTime, WatchList } from './watches.ts';
import type { Watch, WatchKind } from './watches.ts';

/** One frame on its way, and what to do with its answer; `undefined` where the connection ended first. */
export interface Call {
  readonly type: number;
  readonly body?: (writer: JuteWriter) => void;
  readonly answered: (reply: Reply | undefined) => void;
  /** The watch that there is with an answer of this code. */
  readonly watch?: (code: number) => Watch | undefined;
}

/** Where a client's life stands. */
type Connection = { readonly stream: Stream; established: boolean; closesSession: boolean };

const RETRY_MAX_MS = 400;

/**
 * A ZooKeeper client as the protocol wants it: one session over one connection at a time, answers in order of requests,
 * pings, and a reconnect to another member when the connection breaks or falls silent.
 */
export class SimulatedClient {
  readonly host: Host;
  sessionId: SessionId = 0n;
  /** Called whenever the session can be used (again). */
  onReady: () => void = () => {};
  private password = new Uint8Array(16);
  private lastZxid: Zxid = 0;
  private connection: Connection | undefined;
  private xid = 0;
  private readonly waiting: { readonly xid: number; readonly call: Call }[] = [];
  private readonly watches = new WatchList();
  private heardMs = 0;
  private heldSinceMs = -1;
  private timer: Scheduled | undefined;
  private left = false;
  private readonly scheduler: Scheduler;
  private readonly network: Network;
  private readonly random: SeededRandom;
  private readonly servers: readonly ServerId[];
  private readonly timeoutMs: number;
  private readonly history: History;

  constructor(
    host: Host,
    servers: readonly ServerId[],
    timeoutMs: number,
    parts: { scheduler: Scheduler; network: Network; random: SeededRandom; history: History },
  ) {
    this.host = host;
    this.servers = servers;
    this.scheduler = parts.scheduler;
    this.network = parts.network;
    this.random = parts.random;
    this.history = parts.history;
    this.timeoutMs = timeoutMs;
  }

  get ready(): boolean {
    return this.connection?.established === true && !this.connection.closesSession;
  }

  connect(): void {
    const server = this.random.pick(this.servers);
    this.network.dial(
      this.host,
      hostOf(server),
      'client',
      (stream) => {
        const connection: Connection = { stream, established: false, closesSession: false };
        this.connection = connection;
        this.heardMs = this.scheduler.nowMs;
        stream.send(this.connectFrame());
        this.watchSilence(connection);
        return {
          message: (message) => this.receive(connection, message as Uint8Array),
          closed: () => this.disconnected(connection),
        };
      },
      () => this.retry(),
    );
  }

  /** Sends a request; calls are answered in order. The client must be `ready`. */
  send(call: Call): void {
    this.sendAs(++this.xid, call);
  }

  private sendAs(xid: number, call: Call): void {
    this.waiting.push({ xid, call });
    this.connection?.stream.send(requestFrame(xid, call.type, call.body));
  }

  /** Ends the session and goes on with a new one, whether or not the end is confirmed. The client must be `ready`. */
  endSession(answered: (reply: Reply | undefined) => void): void {
    const { connection } = this;
    this.send({
      type: OpCode.closeSession,
      answered: (reply) => {
        this.forgetSession();
        answered(reply);
        this.drop();
      },
    });
    if (connection !== undefined) connection.closesSession = true;
  }

  /** Breaks the connection, as a client does that gives up on a server. */
  drop(): void {
    const { connection } = this;
    if (connection === undefined) return;
    connection.stream.close();
    this.disconnected(connection);
  }

  /** Ends the client: it connects no more. */
  leave(): void {
    this.left = true;
    this.drop();
  }

  private connectFrame(): Uint8Array {
    const writer = new JuteWriter();
    writeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: this.lastZxid,
      timeoutMs: this.timeoutMs,
      sessionId: this.sessionId,
      password: this.password,
      readOnly: false,
    });
    return writer.copy();
  }

  private receive(connection: Connection, bytes: Uint8Array): void {
    if (connection !== this.connection) return;
    this.heardMs = this.scheduler.nowMs;
    for (const frame of splitFrames(bytes)) {
      if (connection !== this.connection) return;
      if (connection.established) this.receiveReply(frame);
      else this.receiveConnectResponse(connection, frame);
    }
  }

  private receiveConnectResponse(connection: Connection, frame: Uint8Array): void {
    const response = readConnectResponse(new JuteReader(frame));
    if (response.sessionId === 0n) {
      const { host, sessionId, timeoutMs, heldSinceMs } = this;
      const toldMs = this.scheduler.nowMs;
      this.history.expirations.push({ client: host, sessionId, timeoutMs, heldSinceMs, toldMs });
      this.forgetSession();
      this.drop();
      return;
    }
    this.noteOwner(response.sessionId);
    this.heldSinceMs = this.scheduler.nowMs;
    this.sessionId = response.sessionId;
    this.password = Uint8Array.from(response.password);
    connection.established = true;
    this.setWatchesAgain();
    this.onReady();
  }

  /** First of all on a new connection: what changed since the last answer is told then. */
  private setWatchesAgain(): void {
    const again = this.watches.all;
    const relativeZxid = this.lastZxid;
    this.see({ type: 'connected', relativeZxid, again });
    if (again.length === 0) return;
    const pathsOf = (kind: WatchKind): string[] => again.filter((each) => each.kind === kind).map(({ path }) => path);
    const body = {
      relativeZxid,
      dataWatches: pathsOf('data'),
      existWatches: pathsOf('exists'),
      childWatches: pathsOf('children'),
      persistentWatches: pathsOf('persistent'),
      persistentRecursiveWatches: pathsOf('recursive'),
    };
    // As ZooKeeper's client does it: older servers know setWatches only.
    const isOld = again.every(isOneTime);
    this.sendAs(SpecialXid.setWatches, {
      type: isOld ? OpCode.setWatches : OpCode.setWatches2,
      body: (writer) => (isOld ? writeSetWatchesRequest(writer, body) : writeSetWatches2Request(writer, body)),
      answered: () => {},
    });
  }

  private see(sight: Sight): void {
    const session = `${this.host}/${this.sessionId.toString(16)}`;
    const sights = this.history.sights.get(session);
    if (sights === undefined) this.history.sights.set(session, [sight]);
    else sights.push(sight);
  }

  /** A session is given to one client only. */
  private noteOwner(sessionId: SessionId): void {
    const owner = this.history.sessions.get(sessionId);
    this.history.sessions.set(sessionId, this.host);
    if (owner === undefined || owner === this.host) return;
    this.history.contradictions.push(`session ${sessionId.toString(16)} was given to ${owner} and to ${this.host}`);
  }

  private forgetSession(): void {
    this.sessionId = 0n;
    this.password = new Uint8Array(16);
    this.heldSinceMs = -1;
    this.watches.clear();
  }

  private receiveReply(frame: Uint8Array): void {
    const reply = readReply(frame);
    const { xid, zxid } = reply.header;
    if (xid === SpecialXid.ping) return;
    if (xid === SpecialXid.watchEvent) {
      this.receiveEvent(reply);
      return;
    }
    // Not of an event, as in ZooKeeper's client: what a watch tells has yet to be read.
    this.lastZxid = Math.max(this.lastZxid, zxid);
    const next = this.waiting.shift();
    if (next === undefined || next.xid !== xid) {
      this.history.contradictions.push(`${this.host} got an answer to ${xid} instead of ${next?.xid ?? 'nothing'}`);
      return;
    }
    const watch = next.call.watch?.(reply.header.error);
    if (watch !== undefined) this.watches.add(watch);
    this.see({ type: xid === SpecialXid.setWatches ? 'watchesSetAgain' : 'answered', zxid, watch });
    next.call.answered(reply);
  }

  private receiveEvent({ header, body }: Reply): void {
    const { type, path } = readWatcherEvent(body);
    this.watches.told(type, path);
    this.see({ type: 'event', event: type, path, zxid: header.zxid, atMs: this.scheduler.nowMs });
  }

  private watchSilence(connection: Connection): void {
    this.timer?.cancel();
    this.timer = this.scheduler.after(this.timeoutMs / 3, () => {
      if (connection !== this.connection) return;
      if (this.scheduler.nowMs - this.heardMs > (this.timeoutMs * 2) / 3) {
        this.drop();
        return;
      }
      if (connection.established) connection.stream.send(requestFrame(SpecialXid.ping, OpCode.ping));
      this.watchSilence(connection);
    });
  }

  private disconnected(connection: Connection): void {
    if (connection !== this.connection) return;
    this.connection = undefined;
    this.timer?.cancel();
    for (const { call } of this.waiting.splice(0)) call.answered(undefined);
    this.retry();
  }

  private retry(): void {
    this.scheduler.after(this.random.between(10, RETRY_MAX_MS), () => {
      if (this.connection === undefined && !this.left) this.connect();
    });
  }
}
