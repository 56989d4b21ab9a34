import type { ServerId } from '../../../common/types.ts';
import { majorityMembership } from '../membership.ts';
import type { Membership, PeerMember } from '../types.ts';

export const voters = (...ids: readonly ServerId[]): PeerMember[] => ids.map((id) => ({ id, role: 'participant' }));

/** A configuration that nothing changes: without a version or a text. */
export const membershipOf = (...members: readonly PeerMember[]): Membership =>
  majorityMembership({ members, version: 0, text: '' });

export const threeVoters = membershipOf(...voters(1, 2, 3));
/** Server 4 observes. */
export const threeVotersAndAnObserver = membershipOf(...voters(1, 2, 3), { id: 4, role: 'observer' });
export const fiveVoters = membershipOf(...voters(1, 2, 3, 4, 5));
