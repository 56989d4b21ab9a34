import type { Socket } from 'node:net';
import { FrameSplitter } from '../protocol/framing.ts';
import { onBytes, remoteAddressOf } from './sockets.ts';

/** What a {@link ClientConnection} tells its listener. */
export interface ConnectionEvents {
  received(bytes: number): void;
  /** A frame arrived; its memory is never used again. */
  frame(connection: ClientConnection, frame: Uint8Array): void;
  fourLetterWord(connection: ClientConnection, word: string): void;
  /** A client that is held has taken what was sent to it. */
  drained(connection: ClientConnection): void;
  /** The connection ended, other than by {@link ClientConnection.close}. */
  closed(connection: ClientConnection, reason: string): void;
}

/** A client that reads this little of what it asked for is not read from either, until it has caught up. */
const PAUSE_READING_AT_BYTES = 1024 * 1024;

/** A client for which so much waits is given up: it would fill the server's memory. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/** How long a connection that we close may take to accept the last bytes. */
const LINGER_MS = 5000;

/** After so much silence the kernel asks whether the client's machine is still there. */
const KEEP_ALIVE_AFTER_MS = 60_000;

/** One client's socket: bytes to frames, and frames to few writes. */
export class ClientConnection {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  #unsent: Uint8Array[] = [];
  #pausedByServer: boolean;
  #pausedBySlowness = false;
  #held = false;
  #closed = false;

  constructor(id: number, socket: Socket, frameBytesMax: number, paused: boolean, events: ConnectionEvents) {
    this.id = id;
    this.address = remoteAddressOf(socket);
    this.port = socket.remotePort ?? 0;
    this.#socket = socket;
    this.#events = events;
    this.#pausedByServer = paused;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    const splitter = new FrameSplitter(
      {
        frame: (frame) => this.#closed || events.frame(this, frame),
        fourLetterWord: (word) => events.fourLetterWord(this, word),
      },
      frameBytesMax,
      true,
    );
    onBytes(socket, (chunk) => {
      events.received(chunk.length);
      this.#receive(splitter, chunk);
    });
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('the client closed the connection'));
    socket.on('drain', () => this.#drained());
    if (paused) socket.pause();
  }

  /** Adds to what {@link flush} will send. */
  send(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
  }

  /** Sends everything gathered, in one write. */
  flush(): void {
    const socket = this.#socket;
    const unsent = this.#unsent;
    if (unsent.length === 0 || this.#closed) return;
    this.#unsent = [];
    socket.cork();
    for (const bytes of unsent) socket.write(bytes);
    socket.uncork();
    const waiting = socket.writableLength;
    if (waiting > UNREAD_BYTES_MAX) this.destroy(`it leaves ${waiting} bytes of answers unread`);
    else if (waiting > PAUSE_READING_AT_BYTES) this.#setPausedBySlowness(true);
    if (this.#held && !this.#closed && !socket.writableNeedDrain) this.#events.drained(this);
  }

  /** Stops, or goes on, reading from a client that has asked for more than it takes. */
  setHeld(held: boolean): void {
    this.#held = held;
    this.#applyPause();
  }

  setPaused(paused: boolean): void {
    this.#pausedByServer = paused;
    this.#applyPause();
  }

  /** Closes after what was sent has left; no `closed` event follows. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    const socket = this.#socket;
    socket.end();
    // The peer's own end must still be seen, and what it says in between is of no interest.
    socket.removeAllListeners('data').resume();
    const linger = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(linger));
  }

  /** Closes at once. */
  destroy(reason: string): void {
    this.#socket.destroy();
    this.#end(reason);
  }

  #receive(splitter: FrameSplitter, chunk: Uint8Array): void {
    try {
      splitter.push(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error.message : String(error));
    }
  }

  #drained(): void {
    this.#setPausedBySlowness(false);
    if (this.#held && !this.#closed) this.#events.drained(this);
  }

  #setPausedBySlowness(paused: boolean): void {
    if (this.#pausedBySlowness === paused) return;
    this.#pausedBySlowness = paused;
    this.#applyPause();
  }

  #applyPause(): void {
    if (this.#closed) return;
    if (this.#pausedByServer || this.#pausedBySlowness || this.#held) this.#socket.pause();
    else this.#socket.resume();
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent = [];
    this.#events.closed(this, reason);
  }
}
