import type { ServerId } from '../../common/types.ts';
import type { LearnerConnection, Membership } from '../zab/types.ts';

/** Counts the learners that are connected to this server, for people who ask. */
export class LearnerCensus {
  /** The configuration in force. */
  membership: Membership;
  readonly #connected = new Set<LearnerConnection>();
  readonly #synced = new Set<LearnerConnection>();

  constructor(membership: Membership) {
    this.membership = membership;
  }

  get connected(): number {
    return this.#connected.size;
  }

  /** Voters that are synchronized. */
  get synced(): number {
    return this.#synced.size;
  }

  add(connection: LearnerConnection): void {
    this.#connected.add(connection);
  }

  remove(connection: LearnerConnection): void {
    this.#connected.delete(connection);
    this.#synced.delete(connection);
  }

  /** A packet came that only a synchronized learner sends. */
  heard(connection: LearnerConnection, server: ServerId): void {
    if (this.#connected.has(connection) && this.membership.weightOf(server) > 0) this.#synced.add(connection);
  }
}
