import type { Socket } from 'node:net';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { SNAPSHOT_SIGNATURE } from '../protocol/quorum.ts';
import type { StateSnapshot } from '../pipeline/types.ts';

/** A slice of a snapshot: a millisecond or so of work, between which the event loop serves everybody else. */
const SLICE_BYTES = 256 * 1024;

/** What may wait for a learner that is being sent a snapshot, or that reads slowly, before it is given up. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;

/** What happens to the sending. */
export interface PeerSenderEvents {
  /** A slice of a snapshot has left for the socket. */
  progress(): void;
  /** Too much waits: the connection must be closed. */
  overflow(waitingBytes: number): void;
}

/**
 * Sends packets and snapshots over one connection, in the order given. Packets of one turn leave in one write. A snapshot
 * leaves slice by slice, at the speed at which the other side takes it; what is sent after it waits behind it.
 */
export class PeerSender {
  readonly #socket: Socket;
  readonly #events: PeerSenderEvents;
  /** What must wait for a snapshot, the snapshot at its head. Empty while none is being sent. */
  #queue: (Uint8Array | StateSnapshot)[] = [];
  #queuedBytes = 0;
  #corked = false;
  #stopped = false;

  constructor(socket: Socket, events: PeerSenderEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    if (this.#stopped) return;
    if (this.#queue.length === 0) {
      this.#cork();
      this.#socket.write(bytes);
    } else {
      this.#queue.push(bytes);
      this.#queuedBytes += bytes.length;
    }
    const waiting = this.#queuedBytes + this.#socket.writableLength;
    if (waiting > WAITING_BYTES_MAX) this.#events.overflow(waiting);
  }

  sendSnapshot(source: StateSnapshot): void {
    if (this.#stopped) return;
    this.#queue.push(source);
    if (this.#queue.length === 1) this.#continueSoon();
  }

  /** Lets what was gathered in this turn leave. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  /** Nothing more is sent, and snapshots are let go. */
  stop(): void {
    this.#stopped = true;
    for (const item of this.#queue) if (!(item instanceof Uint8Array)) item.close();
    this.#queue = [];
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
  }

  /** Goes on in another turn of the event loop, once the socket has taken what it was given. */
  #continueSoon(): void {
    this.flush();
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', () => this.#continue());
    else setImmediate(() => this.#continue());
  }

  #continue(): void {
    if (this.#stopped) return;
    const [head] = this.#queue;
    if (head === undefined) return;
    if (head instanceof Uint8Array) {
      this.#queue.shift();
      this.#queuedBytes -= head.length;
      this.#socket.write(head);
    } else {
      const slice = head.next(SLICE_BYTES);
      if (slice === undefined) this.#queue.shift();
      this.#socket.write(slice ?? SIGNATURE);
      this.#events.progress();
    }
    if (this.#queue.length > 0) this.#continueSoon();
  }
}

const SIGNATURE = signature();

function signature(): Uint8Array {
  const writer = new JuteWriter();
  writer.writeString(SNAPSHOT_SIGNATURE);
  return writer.copy();
}
