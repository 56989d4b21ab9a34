import type { Socket } from 'node:net';
import type { HostPort } from '../config/servers.ts';
import type { QuorumPacket } from '../protocol/quorum.ts';
import { encodeQuorumPacket } from '../protocol/quorum-codec.ts';
import { QuorumPacketStream } from '../protocol/quorum-stream.ts';
import { dial } from './dial.ts';
import { endSoon, onBytes } from './sockets.ts';

/** What happens on the connection to the leader. */
export interface LeaderEvents {
  connected(): void;
  packet(packet: QuorumPacket): void;
  /** A piece of the snapshot that follows a SNAP packet; `end` (with no bytes) behind its last one. */
  snapshot(bytes: Uint8Array, end: boolean): void;
  /** The dial failed or the connection ended, other than by {@link LeaderLink.disconnect}. */
  closed(reason: string): void;
}

/** The learner's side of the connection between a leader and a learner: one at a time. */
export class LeaderLink {
  readonly #events: LeaderEvents;
  readonly #timeoutMs: number;
  /** Ends the connection, or the attempt, that is the current one. */
  #end: (() => void) | undefined;
  #socket: Socket | undefined;
  #corked = false;

  /** @param timeoutMs How long the leader may take to accept the connection. */
  constructor(events: LeaderEvents, timeoutMs: number) {
    this.#events = events;
    this.#timeoutMs = timeoutMs;
  }

  /** Dials; the end of a connection before is not reported any more. */
  connect(addresses: readonly HostPort[]): void {
    this.disconnect();
    const attempt = dial(
      addresses,
      this.#timeoutMs,
      (socket) => this.#open(socket),
      (reason) => {
        this.#end = undefined;
        this.#events.closed(`cannot connect: ${reason}`);
      },
    );
    this.#end = () => attempt.cancel();
  }

  /** Ends the connection or the attempt; nothing is reported any more. */
  disconnect(): void {
    const end = this.#end;
    this.#end = undefined;
    this.#socket = undefined;
    this.#corked = false;
    end?.();
  }

  send(packet: QuorumPacket): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
    }
    socket.write(encodeQuorumPacket(packet));
  }

  /** Sends what was gathered in this turn. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket?.uncork();
  }

  #open(socket: Socket): void {
    const isCurrent = (): boolean => this.#socket === socket;
    const lost = (reason: string): void => {
      if (!isCurrent()) return;
      this.disconnect();
      this.#events.closed(reason);
    };
    const stream = new QuorumPacketStream(
      {
        packet: (packet) => isCurrent() && this.#events.packet(packet),
        snapshotBytes: (bytes) => isCurrent() && this.#events.snapshot(bytes, false),
        snapshotEnd: () => isCurrent() && this.#events.snapshot(NO_BYTES, true),
      },
      true,
    );
    this.#socket = socket;
    this.#end = () => endSoon(socket);
    onBytes(socket, (chunk) => {
      try {
        if (isCurrent()) stream.push(chunk);
      } catch (error) {
        lost(String(error));
      }
    });
    socket.on('error', (error) => lost(error.message));
    socket.on('close', () => lost('the leader closed the connection'));
    this.#events.connected();
  }
}

const NO_BYTES = new Uint8Array(0);
