import type { ServerId } from '../../common/types.ts';
import { counterOf, epochOf, type Zxid } from '../../common/zxid.ts';
import type { LearnerConnection, LearnerStatus, Membership } from '../zab/types.ts';
import type { SyncedLearner } from './types.ts';

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

export const byId = (a: SyncedLearner, b: SyncedLearner): number => a.id - b.id;

/** @param committed The last transaction that the leader has committed. */
export function syncedLearner(
  { serverId, heldZxid }: LearnerStatus,
  membership: Membership,
  committed: Zxid,
): SyncedLearner {
  const member = membership.members.find(({ id }) => id === serverId);
  // Of an epoch before the leader's own it has everything: only the leader's own transactions can be missing.
  const isSameEpoch = epochOf(heldZxid) === epochOf(committed);
  const lag = isSameEpoch ? Math.max(0, committed - heldZxid) : counterOf(committed);
  return { id: serverId, role: member === undefined ? 'joining' : ROLES[member.role], lag };
}

const ROLES = { participant: 'follower', observer: 'observer' } as const;
