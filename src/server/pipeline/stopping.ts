import type { Clients } from './clients.ts';
import type { Leading } from './leading.ts';

/** What is under way when the member is told to stop has this many ticks to finish. */
const STOP_TICKS_MAX = 2;

/**
 * How a member stops that is told to: it answers what it has; a leader then lets another server lead, and stays until that one
 * does, so that its vote and its acknowledgements help.
 */
export class Stopping {
  readonly #tickTimeMs: number;
  #deadlineMs = Infinity;
  #handsOver = false;

  constructor(tickTimeMs: number) {
    this.#tickTimeMs = tickTimeMs;
  }

  begin(nowMs: number): void {
    this.#deadlineMs = nowMs + STOP_TICKS_MAX * this.#tickTimeMs;
  }

  /** When the member stops whatever is under way; Infinity before it is told to. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** @param handOver Begins to let another server lead; false where there is none. */
  isDone(nowMs: number, clients: Clients, leading: Leading | undefined, handOver: () => boolean): boolean {
    if (this.#deadlineMs === Infinity) return false;
    if (nowMs >= this.#deadlineMs) return true;
    if (clients.outstanding > 0) return false;
    if (leading === undefined) return clients.serving || !this.#handsOver;
    this.#handsOver = leading.handsOver || handOver();
    return !this.#handsOver;
  }
}
