import type { ErrorCode } from '../../common/errors.ts';
import type { Watches } from '../database/types.ts';
import type { Client } from './client.ts';
import { formatSession, type Step } from './step.ts';

/** Above this much no client gets a further watch, whoever it is: so many times the allowance. */
const RESERVE = 2;

/** A path may be as long as a frame; a log line should not. */
const LOGGED_PATH_LENGTH_MAX = 200;

const ADVICE =
  'a client that watches ever more paths should give them up again (removeWatches), or close its connection; where all of these watches are needed, raise watchMebibytesMax in zoo.cfg, and the memory of the server with it';

/**
 * What the watches of all clients together may take. Anyone may watch any path, whatever ACLs there are and whether there is such a
 * znode, so that one client could fill the memory of the server, for all of them.
 *
 * - A new watch is refused with an error that every client knows, and nothing else happens to the client: what it was told it
 *   watches it does watch. Clients remember only watches that were answered without an error. To close the connection instead
 *   would lose it nothing: it comes back, sets its watches again, and asks for the next one.
 * - Whoever has less than an even share still gets watches when there is no room any more. Those who pay are those who have taken
 *   most, and not those who come late.
 * - A client that connects again has been granted its watches before, by this server or another. Java's and C's clients do not look at
 *   the error of setWatches, and would wait for ever for what nobody tells them. So there is a reserve for them, which also takes the
 *   clients of a member that is lost; when that is used up too, the connection is closed: the client then knows that it is
 *   without watches, and tries the other members.
 */
export class WatchAllowance {
  readonly #watches: Watches;
  readonly #bytesMax: number;
  readonly #step: Step;

  constructor(watches: Watches, bytesMax: number, step: Step) {
    this.#watches = watches;
    this.#bytesMax = bytesMax;
    this.#step = step;
  }

  /** Whether the client may have a watch on this path that it has not had before. */
  grants(client: Client, path: string): boolean {
    const watches = this.#watches;
    const more = watches.bytesToAdd(path, client.id);
    if (more === 0 || watches.bytes + more <= this.#bytesMax) return true;
    const own = watches.bytesOf(client.id);
    const sharers = watches.watcherCount + (own === 0 ? 1 : 0);
    if (own + more <= this.#bytesMax / sharers && this.#isWithinReserve(more)) return true;
    if (!client.watchesRefused) this.#warn('a client gets no more watches', client, path);
    client.watchesRefused = true;
    return false;
  }

  /** Whether the client, which has connected again, may have a watch on this path that it has had. */
  grantsAgain(client: Client, path: string): boolean {
    if (this.#isWithinReserve(this.#watches.bytesToAdd(path, client.id))) return true;
    this.#warn('a client that connected again cannot have its watches again, and is closed', client, path);
    return false;
  }

  #isWithinReserve(more: number): boolean {
    return more === 0 || this.#watches.bytes + more <= this.#bytesMax * RESERVE;
  }

  #warn(message: string, client: Client, path: string): void {
    this.#step.log('warn', `${message}: ${ADVICE}`, {
      code: 'ZK_WATCHES_FULL' satisfies ErrorCode,
      session: formatSession(client.sessionId),
      address: client.address,
      path: path.slice(0, LOGGED_PATH_LENGTH_MAX),
      ownWatchBytes: this.#watches.bytesOf(client.id),
      allWatchBytes: this.#watches.bytes,
      watchBytesMax: this.#bytesMax,
    });
  }
}
