import type { JuteReader } from '../server/protocol/jute-reader.ts';
import type { JuteWriter } from '../server/protocol/jute-writer.ts';
import type { ConnectResponse } from '../server/protocol/connect.ts';
import { OpCode, SpecialXid } from '../server/protocol/opcodes.ts';
import { writeAuthPacket, writeSetWatchesRequest } from '../server/protocol/requests.ts';
import type { AuthPacket } from '../server/protocol/requests.ts';
import type { ServerAddress } from './connect-string.ts';
import { Connection } from './connection.ts';
import type { Request } from './connection.ts';
import { ZooKeeperError } from './errors.ts';
import type { WatchEvent, WatchKind, Watcher } from './watches.ts';
import { Watches } from './watches.ts';

/**
 * Where a session stands. `disconnected`: looking for a server, requests wait. `expired`, `authFailed` and `closed` are
 * final: make a new client.
 */
export type SessionState = 'disconnected' | 'connected' | 'expired' | 'authFailed' | 'closed';

export interface SessionOptions {
  readonly servers: readonly [ServerAddress, ...ServerAddress[]];
  readonly sessionTimeoutMs: number;
  /** How long a request may wait for a connection. */
  readonly requestTimeoutMs: number;
  onState(state: SessionState): void;
}

/** A watch that a request sets. */
export interface RequestedWatch {
  readonly kind: WatchKind;
  /** What is watched if the znode does not exist; undefined: nothing. */
  readonly kindIfMissing?: WatchKind;
  /** As the server knows it. */
  readonly path: string;
  readonly watcher: Watcher;
}

/** The pause before another server is tried, once all of them have been: up to the largest, and random, so that clients spread. */
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 2000;

const WATCH_EVENTS: Readonly<Record<number, WatchEvent['type']>> = {
  1: 'created',
  2: 'deleted',
  3: 'dataChanged',
  4: 'childrenChanged',
};

/**
 * A session with an ensemble, over one connection after another. Requests that wait while there is none are sent when there
 * is; those whose answer a connection takes with it fail with connectionLoss. Watches move to the next server.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #servers: readonly ServerAddress[];
  readonly #watches = new Watches();
  readonly #auth: AuthPacket[] = [];
  #queue: { readonly request: Request; readonly timer: NodeJS.Timeout }[] = [];
  #state: SessionState = 'disconnected';
  #connection: Connection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempts = 0;
  #sessionId = 0n;
  #password: Uint8Array = new Uint8Array(16);
  #lastZxid = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    // Each client begins at another server.
    this.#servers = options.servers.toSorted(() => Math.random() - 0.5);
    this.#connect();
  }

  get state(): SessionState {
    return this.#state;
  }

  get sessionId(): bigint {
    return this.#sessionId;
  }

  /** Sends the request, now or when there is a connection. */
  request<T>(
    type: number,
    path: string,
    write: (writer: JuteWriter) => void,
    read: (reader: JuteReader) => T,
    watch?: RequestedWatch,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // A watch counts from the answer on: its event may stand right behind it, before a promise could tell.
    const register = (kind: WatchKind | undefined): void => {
      if (watch !== undefined && kind !== undefined) this.#watches.add(kind, watch.path, watch.watcher);
    };
    this.#submit({
      type,
      path,
      write,
      answer: (reader) => {
        resolve(read(reader));
        register(watch?.kind);
      },
      fail: (error) => {
        reject(error);
        if (error.failure === 'noNode') register(watch?.kindIfMissing);
      },
    });
    return promise;
  }

  /** Shows an identity to this server and to every one after it. */
  addAuth(packet: AuthPacket): void {
    this.#auth.push(packet);
    if (this.#state === 'connected') this.#sendAuth(packet);
  }

  /** Ends the session, with its ephemeral znodes. */
  async close(): Promise<void> {
    if (this.#isFinal()) return;
    if (this.#state === 'connected') {
      await this.request(OpCode.closeSession, '', nothing, nothing).catch(nothing);
    }
    this.#end('closed');
  }

  #submit(request: Request): void {
    if (this.#isFinal()) {
      request.fail(
        new ZooKeeperError(
          this.#state === 'authFailed' ? 'authFailed' : 'sessionExpired',
          request.path,
          `the session is ${this.#state}`,
        ),
      );
    } else if (this.#state === 'connected') {
      this.#connection?.request(request);
    } else {
      const entry = { request, timer: setTimeout(() => this.#giveUp(entry), this.#options.requestTimeoutMs) };
      this.#queue.push(entry);
    }
  }

  #giveUp(entry: { readonly request: Request }): void {
    this.#queue = this.#queue.filter((waiting) => waiting !== entry);
    const waitedMs = this.#options.requestTimeoutMs;
    entry.request.fail(new ZooKeeperError('operationTimeout', entry.request.path, `no server within ${waitedMs} ms`));
  }

  #connect(): void {
    const { servers, sessionTimeoutMs } = this.#options;
    const server = this.#servers[this.#attempts % servers.length] ?? servers[0];
    this.#attempts++;
    const handshake = {
      protocolVersion: 0,
      lastZxidSeen: this.#lastZxid,
      timeoutMs: sessionTimeoutMs,
      sessionId: this.#sessionId,
      password: this.#password,
      readOnly: false,
    };
    // One server that does not answer must leave time for the others.
    const timeoutMs = Math.max(Math.floor(sessionTimeoutMs / servers.length), 1000);
    this.#connection = new Connection(server, handshake, timeoutMs, {
      opened: (response) => this.#opened(response),
      event: ({ type, path }) => this.#fire(type, path),
      seen: (zxid) => void (this.#lastZxid = Math.max(this.#lastZxid, zxid)),
      authFailed: () => this.#end('authFailed'),
      closed: () => this.#lost(),
    });
  }

  #opened({ sessionId, password, timeoutMs }: ConnectResponse): void {
    if (timeoutMs <= 0) {
      this.#end('expired');
      return;
    }
    this.#sessionId = sessionId;
    this.#password = password.slice();
    this.#attempts = 0;
    this.#become('connected');
    for (const packet of this.#auth) this.#sendAuth(packet);
    for (const request of this.#watches.setWatchesRequests(this.#lastZxid)) {
      this.#connection?.notify(SpecialXid.setWatches, OpCode.setWatches, (writer) =>
        writeSetWatchesRequest(writer, request),
      );
    }
    for (const { request, timer } of this.#queue.splice(0)) {
      clearTimeout(timer);
      this.#connection?.request(request);
    }
  }

  #lost(): void {
    if (this.#isFinal()) return;
    this.#connection = undefined;
    this.#become('disconnected');
    const round = Math.floor(this.#attempts / this.#options.servers.length);
    const pauseMs = round === 0 ? 0 : Math.min(PAUSE_FIRST_MS * 2 ** round, PAUSE_MAX_MS) * (0.5 + Math.random() / 2);
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
  }

  #end(state: 'expired' | 'authFailed' | 'closed'): void {
    this.#become(state);
    clearTimeout(this.#retry);
    this.#connection?.close(`the session is ${state}`);
    for (const { request, timer } of this.#queue.splice(0)) {
      clearTimeout(timer);
      this.#submit(request);
    }
  }

  #become(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState(state);
  }

  #isFinal(): boolean {
    return this.#state !== 'connected' && this.#state !== 'disconnected';
  }

  #sendAuth(packet: AuthPacket): void {
    this.#connection?.notify(SpecialXid.auth, OpCode.auth, (writer) => writeAuthPacket(writer, packet));
  }

  #fire(type: number, path: string): void {
    const event = WATCH_EVENTS[type];
    if (event === undefined) return;
    for (const watcher of this.#watches.take(type, path)) watcher({ type: event, path });
  }
}

function nothing(): void {
  // An answer without a body, or a request that carries none.
}
