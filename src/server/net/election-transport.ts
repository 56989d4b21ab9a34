import type { Server, Socket } from 'node:net';
import type { Logger, ServerId } from '../../common/types.ts';
import { formatHostPort, SERVER_ID_MAX } from '../config/servers.ts';
import type { HostPort } from '../config/servers.ts';
import { ElectionStream, encodeElectionHandshake, encodeNotification } from '../protocol/election-codec.ts';
import type { ElectionHandshake } from '../protocol/election-codec.ts';
import { PeerState, type Notification } from '../protocol/quorum.ts';
import { dial } from './dial.ts';
import type { Dial } from './dial.ts';
import { PeerPorts } from './peer-ports.ts';
import { onBytes, remoteAddressOf } from './sockets.ts';

export interface ElectionOptions {
  readonly serverId: ServerId;
  /** Where the peers reach this server: what the handshake says. */
  ownAddresses(): readonly HostPort[];
  /** Where a server of the configuration listens for election messages; undefined for a stranger. */
  addressesOf(server: ServerId): readonly HostPort[] | undefined;
  /** How long a peer may take to accept a connection, to say who it is, or to say anything to somebody who looks for a leader. */
  readonly connectTimeoutMs: number;
  vote(from: ServerId, notification: Notification): void;
}

/** The pauses between attempts to reach a server: doubled each time, up to the largest. */
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5000;

/** Connections that have not said who they are: more than this many is somebody else. */
const UNKNOWN_CONNECTIONS_MAX = 64;

/** What is known of one other server. */
interface Peer {
  socket: Socket | undefined;
  dial: Dial | undefined;
  retry: NodeJS.Timeout | undefined;
  retryMs: number;
  /** The newest message for it, which every new connection sends first. */
  latest: Uint8Array | undefined;
  /** Whether `latest` has not been written to any connection. */
  waiting: boolean;
  /** Whether it has been told that it cannot be reached; once is enough, until it can be. */
  isToldOf: boolean;
  /**
   * Since when nothing has come back over this connection for what was said in search of a leader, as performance.now() has it. After a
   * partition, TCP tries again only after about as long as that lasted, while a new connection gets through at once.
   */
  unansweredSinceMs: number | undefined;
  /** Where its handshake said it listens. */
  announced: readonly HostPort[];
}

/**
 * Carries election messages by the rules of ZooKeeper's QuorumCnxManager, so that it speaks with one: between two servers
 * there is one connection, opened by the one with the larger id. The other may dial, but only to say who it is; the
 * connection is closed and the larger one dials back. For each peer only the newest message counts.
 */
export class ElectionTransport {
  readonly #options: ElectionOptions;
  readonly #logger: Logger;
  readonly #ports: PeerPorts;
  readonly #peers = new Map<ServerId, Peer>();
  readonly #unknown = new Set<Socket>();
  #stopped = false;

  constructor(options: ElectionOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#ports = new PeerPorts('elections', (socket) => this.#accept(socket), logger);
  }

  get servers(): readonly Server[] {
    return this.#ports.servers;
  }

  /**
   * Listens on these addresses, and on others no longer; connections that are open stay.
   * @throws CodedError ZK_LISTEN_FAILED
   */
  async listen(addresses: readonly HostPort[]): Promise<void> {
    await this.#ports.listen(addresses);
  }

  /** Sends the message now, or as soon as there is a connection; it replaces one that waits. */
  send(to: ServerId, notification: Notification): void {
    if (to === this.#options.serverId) {
      this.#options.vote(to, notification);
      return;
    }
    const peer = this.#peer(to);
    peer.latest = encodeNotification(notification);
    peer.waiting = true;
    if (notification.state === PeerState.looking) this.#expectAnswer(to, peer);
    if (peer.socket === undefined) this.#dial(to, peer);
    else this.#sendLatest(peer, peer.socket);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const stopped = this.#ports.stop();
    for (const peer of this.#peers.values()) {
      clearTimeout(peer.retry);
      peer.dial?.cancel();
      peer.socket?.destroy();
    }
    for (const socket of this.#unknown) socket.destroy();
    await stopped;
  }

  /** Everybody answers who looks for a leader, or looks for one too and says so again and again. */
  #expectAnswer(id: ServerId, peer: Peer): void {
    if (peer.socket === undefined) return;
    const nowMs = performance.now();
    peer.unansweredSinceMs ??= nowMs;
    const silentMs = nowMs - peer.unansweredSinceMs;
    if (silentMs < this.#options.connectTimeoutMs) return;
    this.#logger.debug('an election connection is silent: opening another', { server: id, silentMs });
    peer.socket.destroy();
    peer.socket = undefined;
  }

  #peer(id: ServerId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = {
        socket: undefined,
        dial: undefined,
        retry: undefined,
        retryMs: RETRY_FIRST_MS,
        latest: undefined,
        waiting: false,
        isToldOf: false,
        unansweredSinceMs: undefined,
        announced: [],
      };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #dial(id: ServerId, peer: Peer): void {
    if (peer.dial !== undefined || this.#stopped) return;
    clearTimeout(peer.retry);
    peer.dial = dial(
      this.#addressesOf(id, peer),
      this.#options.connectTimeoutMs,
      (socket) => {
        peer.dial = undefined;
        this.#dialled(id, peer, socket);
      },
      (reason) => {
        peer.dial = undefined;
        this.#tellUnreached(id, peer, reason);
        this.#retryLater(id, peer);
      },
    );
  }

  /**
   * Where the configuration says; then where the server itself has said. A reconfiguration may have moved it that this server has yet
   * to hear of, which it does from there. Strangers are in no configuration at all.
   */
  #addressesOf(id: ServerId, { announced }: Peer): readonly HostPort[] {
    const configured = this.#options.addressesOf(id) ?? [];
    const names = new Set(configured.map(formatHostPort));
    return [...configured, ...announced.filter((address) => !names.has(formatHostPort(address)))];
  }

  /** A member that restarts is away for a moment; one that cannot be reached for longer is something to look into. */
  #tellUnreached(id: ServerId, peer: Peer, reason: string): void {
    const isNews = peer.retryMs === RETRY_MAX_MS && !peer.isToldOf;
    this.#logger[isNews ? 'warn' : 'debug']('cannot reach a server for the election', { server: id, reason });
    peer.isToldOf ||= isNews;
  }

  /** As long as a message waits, or until the peer has dialled us. */
  #retryLater(id: ServerId, peer: Peer): void {
    if (!peer.waiting || this.#stopped) return;
    clearTimeout(peer.retry);
    peer.retry = setTimeout(() => {
      if (peer.waiting && peer.socket === undefined) this.#dial(id, peer);
    }, peer.retryMs);
    peer.retryMs = Math.min(peer.retryMs * 2, RETRY_MAX_MS);
  }

  #dialled(id: ServerId, peer: Peer, socket: Socket): void {
    const { serverId } = this.#options;
    socket.write(encodeElectionHandshake({ serverId, addresses: this.#options.ownAddresses() }));
    if (id > serverId) {
      // It has the larger id: it now knows of us, and dials back.
      socket.on('error', () => undefined);
      socket.end();
      socket.resume();
      this.#retryLater(id, peer);
      return;
    }
    const stream = this.#stream(id, socket);
    onBytes(socket, (chunk) => this.#push(stream, socket, chunk));
    this.#keep(id, peer, socket);
  }

  #accept(socket: Socket): void {
    if (this.#unknown.size >= UNKNOWN_CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    this.#unknown.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#options.connectTimeoutMs);
    let from: ServerId | undefined;
    const stream = new ElectionStream(
      {
        handshake: (handshake) => {
          clearTimeout(timer);
          this.#unknown.delete(socket);
          if (this.#greeted(handshake, socket)) from = handshake.serverId;
        },
        notification: (notification) => {
          if (from !== undefined) this.#hear(from, socket, notification);
        },
      },
      true,
    );
    onBytes(socket, (chunk) => this.#push(stream, socket, chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      this.#unknown.delete(socket);
    });
  }

  /** Decides what becomes of a connection whose other end has said who it is. Returns whether it is kept. */
  #greeted({ serverId: id, addresses }: ElectionHandshake, socket: Socket): boolean {
    const own = this.#options.serverId;
    // Each id has a connection of its own: without a limit, whoever makes them up could have any number.
    if (this.#stopped || id === own || id < 0 || id > SERVER_ID_MAX) {
      this.#logger.warn('refusing an election connection', { server: id, address: remoteAddressOf(socket) });
      socket.destroy();
      return false;
    }
    const peer = this.#peer(id);
    peer.announced = addresses;
    if (id > own) {
      this.#keep(id, peer, socket);
      return true;
    }
    // It may have restarted, and the connection that we still have may be to a server that is no more.
    socket.destroy();
    peer.socket?.destroy();
    peer.socket = undefined;
    peer.retryMs = RETRY_FIRST_MS;
    this.#dial(id, peer);
    return false;
  }

  #keep(id: ServerId, peer: Peer, socket: Socket): void {
    peer.socket?.destroy();
    peer.socket = socket;
    peer.unansweredSinceMs = undefined;
    peer.retryMs = RETRY_FIRST_MS;
    peer.isToldOf = false;
    clearTimeout(peer.retry);
    socket.on('error', (error) =>
      this.#logger.debug('an election connection failed', { server: id, reason: error.message }),
    );
    socket.on('close', () => {
      if (peer.socket === socket) peer.socket = undefined;
    });
    // The last one may have been lost with the connection before; twice does no harm.
    this.#sendLatest(peer, socket);
  }

  #sendLatest(peer: Peer, socket: Socket): void {
    if (peer.latest === undefined) return;
    peer.waiting = false;
    socket.write(peer.latest);
  }

  #stream(id: ServerId, socket: Socket): ElectionStream {
    return new ElectionStream(
      {
        handshake: () => undefined,
        notification: (notification) => this.#hear(id, socket, notification),
      },
      false,
    );
  }

  /** What comes over a connection that has been replaced is old. */
  #hear(id: ServerId, socket: Socket, notification: Notification): void {
    const peer = this.#peers.get(id);
    if (peer?.socket !== socket) return;
    peer.unansweredSinceMs = undefined;
    this.#options.vote(id, notification);
  }

  #push(stream: ElectionStream, socket: Socket, chunk: Uint8Array): void {
    try {
      if (!socket.destroyed) stream.push(chunk);
    } catch (error) {
      this.#logger.warn('closing an election connection', { address: remoteAddressOf(socket), reason: String(error) });
      socket.destroy();
    }
  }
}
