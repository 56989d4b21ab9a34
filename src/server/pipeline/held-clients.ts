import type { Client } from './client.ts';
import type { Step } from './step.ts';

/**
 * What a client is given in one step before its further requests wait until it has taken it. A packet of 64 KiB can ask for
 * gigabytes, which would be made at once, and kept for as long as the client does not read.
 */
export const ANSWER_BYTES_PER_STEP = 1024 * 1024;

/** So many reads wait behind one write: when it is done they are answered all at once, before the next write. */
export const QUEUED_READS_MAX = 100;

/** Clients that have asked for more than they take: what else they ask for waits, unread where it can. */
export class HeldClients {
  readonly #bytesPerStep: number;
  readonly #step: Step;
  readonly #take: (client: Client, frame: Uint8Array) => void;
  readonly #held = new Set<Client>();

  constructor(bytesPerStep: number, step: Step, take: (client: Client, frame: Uint8Array) => void) {
    this.#bytesPerStep = bytesPerStep;
    this.#step = step;
    this.#take = take;
  }

  /** Takes the frame, now or in its turn. */
  frame(client: Client, frame: Uint8Array): void {
    if (!client.held) {
      if (!this.#isFull(client)) {
        this.#take(client, frame);
        return;
      }
      client.held = true;
      this.#held.add(client);
      this.#step.emit({ type: 'holdClient', client: client.id, held: true });
    }
    client.heldFrames.push(frame);
  }

  /** The client has taken what it was sent. */
  drained(client: Client): void {
    if (!client.held) return;
    while (!this.#isFull(client)) {
      const frame = client.heldFrames.shift();
      if (frame === undefined) {
        client.held = false;
        this.#held.delete(client);
        this.#step.emit({ type: 'holdClient', client: client.id, held: false });
        return;
      }
      this.#take(client, frame);
      // Whoever is closed holds no frames any more, nor is there anything to let go on.
      if (client.phase === 'closed') return;
    }
  }

  /** Those that are held at the moment. */
  get all(): Iterable<Client> {
    return this.#held;
  }

  /** The client is gone. */
  forget(client: Client): void {
    client.heldFrames.clear();
    this.#held.delete(client);
  }

  #isFull({ answerBytes, queuedReads }: Client): boolean {
    return answerBytes >= this.#bytesPerStep || queuedReads >= QUEUED_READS_MAX;
  }
}
