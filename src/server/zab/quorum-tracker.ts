import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Membership } from './types.ts';

/**
 * Collects servers until they are a quorum. It takes several memberships, of which each must have its quorum: that is
 * what a change of the configuration needs between its proposal and its end.
 */
export class QuorumSet {
  readonly #memberships: readonly Membership[];
  readonly #ids = new Set<ServerId>();

  constructor(memberships: readonly Membership[]) {
    this.#memberships = memberships;
  }

  add(id: ServerId): void {
    this.#ids.add(id);
  }

  /** Whether what was added so far is a quorum. */
  isQuorum(): boolean {
    return this.#memberships.every((membership) => membership.isQuorum(this.#ids));
  }

  /** For the log. */
  ids(): ServerId[] {
    return [...this.#ids].sort((a, b) => a - b);
  }
}

/**
 * Up to where each server's log is durable, and from that up to where a quorum's is. Acknowledgements are cumulative: a
 * log is written in order, so a server that has one entry has all before it.
 */
export class AckTracker {
  readonly #membershipsOf: (zxid: Zxid) => readonly Membership[];
  readonly #acked = new Map<ServerId, Zxid>();
  readonly #scratch = new Set<ServerId>();

  /** @param membershipsOf Those of which each must have a quorum for the entry of a zxid. */
  constructor(membershipsOf: (zxid: Zxid) => readonly Membership[]) {
    this.#membershipsOf = membershipsOf;
  }

  acknowledge(id: ServerId, zxid: Zxid): void {
    this.#acked.set(id, zxid);
  }

  /** The server's connection ended: what it has counts again when it has synchronized again. */
  forget(id: ServerId): void {
    this.#acked.delete(id);
  }

  /**
   * The newest zxid that a quorum has acknowledged, if that is beyond `committed`; `committed` otherwise.
   * @param through What was just acknowledged: nothing beyond it has more acknowledgements than before.
   */
  quorumZxid(committed: Zxid, through: Zxid): Zxid {
    let best = committed;
    for (const candidate of this.#acked.values()) {
      if (candidate > best && candidate <= through && this.#hasQuorum(candidate)) best = candidate;
    }
    return best;
  }

  #hasQuorum(zxid: Zxid): boolean {
    const ids = this.#scratch;
    ids.clear();
    for (const [id, acked] of this.#acked) if (acked >= zxid) ids.add(id);
    return this.#membershipsOf(zxid).every((membership) => membership.isQuorum(ids));
  }
}
