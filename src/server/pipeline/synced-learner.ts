import type { Zxid } from '../../common/zxid.ts';
import { counterOf, epochOf } from '../../common/zxid.ts';
import type { LearnerStatus, Membership } from '../zab/types.ts';
import type { SyncedLearner } from './types.ts';

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
