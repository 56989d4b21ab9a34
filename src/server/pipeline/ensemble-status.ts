import type { Zxid } from '../../common/zxid.ts';
import { counterOf, epochOf } from '../../common/zxid.ts';
import type { LearnerStatus, Membership, ZabPeer, ZabRole } from '../zab/types.ts';
import type { EnsembleStatus, SyncedLearner } from './types.ts';

const ROLES = { participant: 'follower', observer: 'observer' } as const;

/**
 * What a member knows of its ensemble.
 * @param zab Undefined before the start.
 * @param committed The last transaction that this member has applied: as a leader, that it has committed.
 */
export function ensembleStatus(
  zab: ZabPeer | undefined,
  role: ZabRole,
  membership: Membership,
  committed: Zxid,
): EnsembleStatus {
  const leads = role.state === 'leading' && role.serving;
  const learners = zab?.learners().filter(({ serving }) => serving) ?? [];
  return {
    voting: zab?.isVoting() ?? false,
    learners: leads ? learners.map((each) => syncedLearner(each, membership, committed)).toSorted(byId) : undefined,
  };
}

function syncedLearner({ serverId, heldZxid }: LearnerStatus, membership: Membership, committed: Zxid): SyncedLearner {
  const member = membership.members.find(({ id }) => id === serverId);
  // Of an epoch before the leader's own it has everything: only the leader's own transactions can be missing.
  const isSameEpoch = epochOf(heldZxid) === epochOf(committed);
  const lag = isSameEpoch ? Math.max(0, committed - heldZxid) : counterOf(committed);
  return { id: serverId, role: member === undefined ? 'joining' : ROLES[member.role], lag };
}

function byId(a: SyncedLearner, b: SyncedLearner): number {
  return a.id - b.id;
}
