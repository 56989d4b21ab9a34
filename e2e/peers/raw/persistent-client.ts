import { waitFor } from '../../support/wait-for.ts';
import { ConnectionClosed, RawConnection, type Reply, type Session } from './connection.ts';
import type { Operation } from './operations.ts';

/** A request whose connection broke: it may have been carried out or not, or be carried out yet. */
export const unknownOutcome = Symbol('unknown outcome');

/**
 * A client that stays with its session over broken connections, trying one member after the other, and never repeats a
 * request by itself.
 */
export class PersistentClient {
  readonly #ports: readonly number[];
  #connection: RawConnection | undefined;
  #session: Session | undefined;
  #next: number;

  /** @param first Index of the port to try first. */
  constructor(ports: readonly number[], first: number) {
    this.#ports = ports;
    this.#next = first;
  }

  /** Sends the operations at once and returns the replies, or that it is unknown what became of them. */
  async requests(operations: readonly Operation[]): Promise<Reply[] | typeof unknownOutcome> {
    const connection = await this.#connected();
    try {
      return await Promise.all(operations.map((operation) => connection.request(operation)));
    } catch (error) {
      if (error instanceof ConnectionClosed) return unknownOutcome;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#connection?.isClosed === false) await this.#connection.close();
  }

  async #connected(): Promise<RawConnection> {
    if (this.#connection?.isClosed === false) return this.#connection;
    this.#connection = await waitFor('a member takes the session', () => this.#connect(), { timeoutMs: 30_000 });
    return this.#connection;
  }

  async #connect(): Promise<RawConnection | undefined> {
    const port = this.#ports[this.#next++ % this.#ports.length] ?? 0;
    const session = this.#session;
    const connection = await RawConnection.open({ port, ...(session === undefined ? {} : { session }) });
    if (connection.session.timeoutMs === 0) {
      this.#session = undefined; // expired; the next try asks for a new one
      return undefined;
    }
    this.#session = connection.session;
    return connection;
  }
}
