import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { ownerHigh, ownerKind, ownerLow } from '../database/owner.ts';
import type { Identity } from '../protocol/records.ts';
import type { ReconfigRequest } from '../protocol/requests.ts';
import type { Membership } from '../zab/types.ts';
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

/** What preparing a reconfiguration needs to know of the ensemble. */
export interface Reconfiguring {
  /** The text of the configuration in force, and its version. */
  readonly current: { readonly text: string; readonly version: Zxid };
  /** Whether another reconfiguration is under way. */
  readonly isUnderWay: boolean;
  /** Whether a quorum of the new configuration is synchronized with this leader. */
  isQuorumSynced(membership: Membership): boolean;
  readonly change: ChangeMembership;
}

/**
 * The configuration that a request leads to, with the given version.
 * @throws CodedError ZK_CONFIG_INVALID where the request makes no sense.
 */
export type ChangeMembership = (current: string, request: ReconfigRequest, version: Zxid) => Membership;

/** What preparing needs to know of the member's configuration. */
export interface PrepareSettings {
  /** TTL znodes may be created (zookeeper.extendedTypesEnabled). */
  readonly extendedTypesEnabled: boolean;
  /** Undefined where the configuration is fixed (reconfigEnabled=false). */
  readonly reconfiguring?: Reconfiguring | undefined;
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
