import type { IncomingMessage } from 'node:http';
import { ACCESS_REFUSALS, type Refusal } from './admin-refusal.ts';
import type { ServerView } from './server-view.ts';

/** After so many failed logins in this time an address has to wait until it is over. */
const FAILURES_MAX = 10;
const WINDOW_MS = 60_000;

/** So many addresses are kept in mind; more at once are somebody who has many. */
const ADDRESSES_MAX = 1000;

interface Failures {
  readonly sinceMs: number;
  count: number;
}

/** Who may do what only administrators may. Whoever guesses at that is told of in the log, and has to wait. */
export class AdminLogins {
  readonly #view: ServerView;
  readonly #nowMs: () => number;
  /** By address, the oldest first. */
  readonly #failures = new Map<string, Failures>();

  /** @param nowMs A clock that only moves forward. */
  constructor(view: ServerView, nowMs: () => number = () => performance.now()) {
    this.#view = view;
    this.#nowMs = nowMs;
  }

  /** Why a request is refused; undefined for an administrator's. */
  refusalOf({ headers, socket }: IncomingMessage): Refusal | undefined {
    const address = socket.remoteAddress ?? '';
    const known = this.#failuresOf(address);
    if (known !== undefined && known.count >= FAILURES_MAX) return this.#tooMany(known);
    const access = this.#view.adminAccess(headers.authorization, address);
    if (access === 'allowed') return undefined;
    // Who brings nothing guesses nothing.
    if (access !== 'missing') this.#failed(address, known ?? { sinceMs: this.#nowMs(), count: 0 }, access);
    return ACCESS_REFUSALS[access];
  }

  #failuresOf(address: string): Failures | undefined {
    const failures = this.#failures.get(address);
    if (failures === undefined || this.#nowMs() - failures.sinceMs < WINDOW_MS) return failures;
    this.#failures.delete(address);
    return undefined;
  }

  #failed(address: string, failures: Failures, access: string): void {
    failures.count++;
    this.#failures.set(address, failures);
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined && this.#failures.size > ADDRESSES_MAX) this.#failures.delete(oldest);
    const { count } = failures;
    // The first one, and the one from which on it has to wait: not as many lines as it tries.
    if (count !== 1 && count !== FAILURES_MAX) return;
    this.#view.logger.warn('refused a login at the admin port', { address, access, failures: count });
  }

  #tooMany({ sinceMs }: Failures): Refusal {
    const waitMs = sinceMs + WINDOW_MS - this.#nowMs();
    return {
      status: 429,
      error: 'too many failed logins from this address: correct the credentials, and ask later',
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
    };
  }
}
