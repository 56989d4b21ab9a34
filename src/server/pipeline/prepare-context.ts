import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { ownerHigh, ownerKind, ownerLow } from '../database/owner.ts';
import type { Identity } from '../protocol/records.ts';
import type { Txn } from '../protocol/transactions.ts';

/** What one request is prepared with. */
export interface PrepareContext {
  readonly zxid: Zxid;
  readonly sessionId: SessionId;
  readonly identities: readonly Identity[];
  /** Whether the session may do anything: `ok`, or the code to answer with. */
  readonly sessionCode: number;
}

/** A transaction, or the code by which the request fails. */
export type Prepared = Txn | number;

/** What preparing needs to know of the member's configuration. */
export interface PrepareSettings {
  /** TTL znodes may be created (zookeeper.extendedTypesEnabled). */
  readonly extendedTypesEnabled: boolean;
}

/**
 * True if the stored ephemeralOwner is a session's: the znode is ephemeral, and can have no children. Where extended types
 * are not enabled ZooKeeper takes the mark of a TTL znode for a session.
 */
export function isEphemeralOwner(storedOwner: SessionId, settings: PrepareSettings): boolean {
  if (storedOwner === 0n) return false;
  const kind = ownerKind(ownerHigh(storedOwner), ownerLow(storedOwner));
  return kind === 'session' || (kind === 'ttl' && !settings.extendedTypesEnabled);
}
