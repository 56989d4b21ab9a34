import type { Server, Socket } from 'node:net';
import type { Logger } from '../../common/types.ts';
import type { HostPort } from '../config/servers.ts';
import type { StateSnapshot } from '../pipeline/types.ts';
import type { QuorumPacket } from '../protocol/quorum.ts';
import { encodeQuorumPacket } from '../protocol/quorum-codec.ts';
import { QuorumPacketStream } from '../protocol/quorum-stream.ts';
import type { LearnerConnection } from '../zab/types.ts';
import { PeerPorts } from './peer-ports.ts';
import { PeerSender } from './peer-sender.ts';
import { endSoon, onBytes, remoteAddressOf } from './sockets.ts';

/** What happens on learners' connections. */
export interface LearnerEvents {
  connected(connection: LearnerConnection): void;
  packet(connection: LearnerConnection, packet: QuorumPacket): void;
  /** A slice of the snapshot for this learner has left for its socket. */
  progress(connection: LearnerConnection): void;
  /** The connection ended, other than by {@link LearnerListener.close}. */
  closed(connection: LearnerConnection): void;
}

/** More connections than any ensemble has servers: beyond it, somebody else is knocking. */
const CONNECTIONS_MAX = 512;

interface Learner {
  readonly socket: Socket;
  readonly sender: PeerSender;
  /** Kept here: a socket that is closed has forgotten it. */
  readonly address: string;
}

/** The leader's side of the quorum port. */
export class LearnerListener {
  readonly #events: LearnerEvents;
  readonly #logger: Logger;
  readonly #ports: PeerPorts;
  readonly #learners = new Map<LearnerConnection, Learner>();
  readonly #unflushed = new Set<PeerSender>();
  #nextConnection = 1;

  constructor(events: LearnerEvents, logger: Logger) {
    this.#events = events;
    this.#logger = logger;
    this.#ports = new PeerPorts('learners', (socket) => this.#accept(socket), logger);
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

  /** Sends a packet, encoded once, to each of the learners. */
  send(connections: readonly LearnerConnection[], packet: QuorumPacket): void {
    const bytes = encodeQuorumPacket(packet);
    for (const connection of connections) {
      const learner = this.#learners.get(connection);
      if (learner === undefined) continue;
      learner.sender.send(bytes);
      this.#unflushed.add(learner.sender);
    }
  }

  /** Streams a snapshot; later packets for this learner wait behind it. */
  sendSnapshot(connection: LearnerConnection, source: StateSnapshot): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) source.close();
    else learner.sender.sendSnapshot(source);
  }

  /** Sends what was gathered in this turn. */
  flush(): void {
    for (const sender of this.#unflushed) sender.flush();
    this.#unflushed.clear();
  }

  close(connection: LearnerConnection, reason: string): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    this.#logger.info('closing a learner', { connection, address: learner.address, reason });
    this.#forget(connection);
    learner.sender.flush();
    endSoon(learner.socket);
  }

  async stop(): Promise<void> {
    const stopped = this.#ports.stop();
    for (const connection of this.#learners.keys()) this.close(connection, 'the server stops');
    await stopped;
  }

  #accept(socket: Socket): void {
    if (this.#learners.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const connection = this.#nextConnection++;
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    const sender = new PeerSender(socket, {
      progress: () => this.#events.progress(connection),
      overflow: (waiting) => this.#lost(connection, `it leaves ${waiting} bytes unread`),
    });
    const stream = new QuorumPacketStream(
      {
        packet: (packet) => this.#learners.has(connection) && this.#events.packet(connection, packet),
        snapshotBytes: ignore,
        snapshotEnd: ignore,
      },
      false,
    );
    this.#learners.set(connection, { socket, sender, address: remoteAddressOf(socket) });
    onBytes(socket, (chunk) => {
      try {
        stream.push(chunk);
      } catch (error) {
        this.#lost(connection, String(error));
      }
    });
    socket.on('error', (error) => this.#lost(connection, error.message));
    socket.on('close', () => this.#lost(connection, 'the learner closed the connection'));
    this.#events.connected(connection);
  }

  #lost(connection: LearnerConnection, reason: string): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    this.#logger.info('a learner is gone', { connection, address: learner.address, reason });
    this.#forget(connection);
    learner.socket.destroy();
    this.#events.closed(connection);
  }

  #forget(connection: LearnerConnection): void {
    const learner = this.#learners.get(connection);
    this.#learners.delete(connection);
    learner?.sender.stop();
  }
}

function ignore(): void {
  // A stream without snapshots never calls this.
}
