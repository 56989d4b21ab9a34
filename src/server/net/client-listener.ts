import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Logger } from '../../common/types.ts';
import type { HostPort } from '../config/servers.ts';
import type { ClientId } from '../pipeline/types.ts';
import { ClientConnection } from './client-connection.ts';
import { RequestLatencies } from './monitoring/request-latencies.ts';
import type { ConnectionCounts, ConnectionsView } from './server-view.ts';
import { listen, stopListening } from './listen.ts';
import { remoteAddressOf } from './sockets.ts';

/** What happens on clients' connections, and who answers four-letter words. */
export interface ClientEvents {
  /** A client has sent its first frame. Connections that send none are never heard of. */
  connected(client: ClientId, address: string): void;
  frame(client: ClientId, frame: Uint8Array): void;
  /** A client that is held has taken what was sent to it. */
  drained(client: ClientId): void;
  /** The connection ended, other than by {@link ClientListener.close}. */
  closed(client: ClientId): void;
  /** The answer to a four-letter word, or undefined to close without one. */
  fourLetterWord(word: string): string | undefined;
}

export interface ClientLimits {
  readonly frameBytesMax: number;
  /** 0: any number. */
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** A connection that has said nothing whole for this long is closed. */
  readonly silenceMs: number;
}

/** Accepts clients. What is sent to them in one turn of the event loop leaves in one write for each. */
export class ClientListener implements ConnectionsView {
  readonly latencies = new RequestLatencies();
  readonly #limits: ClientLimits;
  readonly #events: ClientEvents;
  readonly #logger: Logger;
  #server: Server;
  readonly #connections = new Map<ClientId, ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  /** Connections that have not sent anything whole, oldest first, and when they must have. */
  readonly #silent = new Map<ClientConnection, number>();
  #silenceTimer: NodeJS.Timeout | undefined;
  readonly #unflushed = new Set<ClientConnection>();
  #nextId = 1;
  #paused = false;
  readonly #counts = { rejected: 0, requested: 0, dropped: 0, silent: 0, bytesReceived: 0, bytesSent: 0 };

  constructor(limits: ClientLimits, events: ClientEvents, logger: Logger) {
    this.#limits = limits;
    this.#events = events;
    this.#logger = logger;
    this.#server = this.#createServer();
  }

  /** Open connections, also those that have said nothing yet. */
  get count(): number {
    return this.#connections.size;
  }

  get counts(): ConnectionCounts {
    return this.#counts;
  }

  get server(): Server {
    return this.#server;
  }

  /** @throws CodedError ZK_LISTEN_FAILED */
  async listen(address: HostPort, backlog: number | undefined): Promise<void> {
    await listen(this.#server, address, 'clients', backlog);
  }

  /**
   * Listens elsewhere from now on; open connections stay.
   * @throws CodedError ZK_LISTEN_FAILED
   */
  async move(address: HostPort, backlog: number | undefined): Promise<void> {
    const former = this.#server;
    this.#server = this.#createServer();
    former.close();
    await this.listen(address, backlog);
  }

  /** The remote port of a client, which `cons` shows. */
  portOf(client: ClientId): number {
    return this.#connections.get(client)?.port ?? 0;
  }

  send(client: ClientId, bytes: Uint8Array): void {
    const connection = this.#connections.get(client);
    if (connection === undefined) return;
    connection.send(bytes);
    this.#counts.bytesSent += bytes.length;
    this.#unflushed.add(connection);
  }

  /** Sends what was gathered in this turn. */
  flush(): void {
    if (this.#unflushed.size === 0) return;
    const nowMs = performance.now();
    for (const connection of this.#unflushed) {
      this.latencies.answered(connection.id, nowMs);
      connection.flush();
    }
    this.#unflushed.clear();
  }

  /** Closes a connection after what was sent to it has left. */
  close(client: ClientId, reason: string): void {
    const connection = this.#connections.get(client);
    if (connection === undefined) return;
    this.#logger.debug('closing a client', { client, address: connection.address, reason });
    connection.close();
    this.#forget(connection);
  }

  /** Stops, or goes on, reading from all clients. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    for (const connection of this.#connections.values()) connection.setPaused(paused);
  }

  /** Stops, or goes on, reading from one that has asked for more than it takes; while it is held, `drained` is told. */
  setHeld(client: ClientId, held: boolean): void {
    this.#connections.get(client)?.setHeld(held);
  }

  /** Stops accepting and closes every connection. */
  async stop(): Promise<void> {
    const stopped = stopListening(this.#server);
    for (const client of this.#connections.keys()) this.close(client, 'the server stops');
    await stopped;
  }

  #createServer(): Server {
    return createServer((socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    const address = remoteAddressOf(socket);
    const fromAddress = this.#perAddress.get(address) ?? 0;
    const { connectionsMax, connectionsPerAddressMax, frameBytesMax, silenceMs } = this.#limits;
    const tooMany =
      (connectionsMax > 0 && this.#connections.size >= connectionsMax) ||
      (connectionsPerAddressMax > 0 && fromAddress >= connectionsPerAddressMax);
    if (tooMany) {
      this.#counts.rejected++;
      this.#logger.debug('too many connections', { address, fromAddress, limit: connectionsPerAddressMax });
      socket.destroy();
      return;
    }
    const connection = new ClientConnection(this.#nextId++, socket, frameBytesMax, this.#paused, {
      received: (bytes) => void (this.#counts.bytesReceived += bytes),
      frame: (from, frame) => this.#frame(from, frame),
      fourLetterWord: (from, word) => this.#fourLetterWord(from, word),
      drained: ({ id }) => this.#events.drained(id),
      closed: (from, reason) => this.#closed(from, reason),
    });
    this.#connections.set(connection.id, connection);
    this.#perAddress.set(address, fromAddress + 1);
    this.#silent.set(connection, performance.now() + silenceMs);
    this.#armSilenceTimer();
  }

  #frame(connection: ClientConnection, frame: Uint8Array): void {
    if (this.#silent.delete(connection)) {
      this.#counts.requested++;
      this.#events.connected(connection.id, connection.address);
    } else {
      this.latencies.asked(connection.id, frame);
    }
    this.#events.frame(connection.id, frame);
  }

  #fourLetterWord(connection: ClientConnection, word: string): void {
    const answer = this.#events.fourLetterWord(word);
    if (answer !== undefined) connection.send(new TextEncoder().encode(answer));
    this.close(connection.id, `it said ${word}`);
  }

  #closed(connection: ClientConnection, reason: string): void {
    const heard = !this.#silent.has(connection);
    this.#counts.dropped++;
    this.#logger.debug('a client is gone', { client: connection.id, address: connection.address, reason });
    this.#forget(connection);
    if (heard) this.#events.closed(connection.id);
  }

  #forget(connection: ClientConnection): void {
    // Closing one sends what is left for it, over which it may be given up: it has then been forgotten before.
    if (!this.#connections.delete(connection.id)) return;
    this.#silent.delete(connection);
    this.latencies.forget(connection.id);
    this.#unflushed.delete(connection);
    const left = (this.#perAddress.get(connection.address) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(connection.address, left);
    else this.#perAddress.delete(connection.address);
  }

  /** One timer for all silent connections: the oldest is the first in the map. */
  #armSilenceTimer(): void {
    if (this.#silenceTimer !== undefined) return;
    const [first] = this.#silent;
    if (first === undefined) return;
    const waitMs = Math.max(first[1] - performance.now(), 0);
    this.#silenceTimer = setTimeout(() => this.#closeSilent(), waitMs).unref();
  }

  #closeSilent(): void {
    this.#silenceTimer = undefined;
    const nowMs = performance.now();
    for (const [connection, deadlineMs] of this.#silent) {
      // A timer may fire a fraction of a millisecond early.
      if (deadlineMs > nowMs + 1) break;
      this.#counts.silent++;
      this.close(connection.id, `it has said nothing for ${this.#limits.silenceMs} ms`);
    }
    this.#armSilenceTimer();
  }
}
