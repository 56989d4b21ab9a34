import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Refusal } from './acceptance.ts';
import { isGone } from './health.ts';
import { majorityOf, type EnsembleState, type Member } from './members.ts';

// A volume that somebody deletes while its member runs stays until the pod ends, and nobody can take that back. So whatever ends
// the pod, be it a restart for another image, ends the volume too.

/** Whether nothing is lost if the member's pod ends: its volume stays, or a quorum of others has what is on it. */
export function mayEnd(member: Member, state: EnsembleState): boolean {
  return member.doomedClaim === undefined || !member.voting || haveAll(state, [member]);
}

/** Why the ensemble must not be put to sleep; undefined where it may. */
export function hibernationObstacle(
  { spec }: CoordinationCluster,
  latch: BootstrapLatch | undefined,
  state: EnsembleState,
): Refusal | undefined {
  // Who is not formed yet has nothing to lose.
  if (!spec.hibernated || latch?.phase !== 'Completed') return undefined;
  const doomed = state.members.filter((one) => one.voting && one.doomedClaim !== undefined && !isGone(one));
  if (doomed.length === 0 || haveAll(state, doomed)) return undefined;
  const message =
    `no member ends: volumes that somebody deleted would go with their pods (${claimsOf(doomed)}), and too few others have the data; ` +
    `set hibernated back to false and ${help(doomed, state)}`;
  return { reason: 'VolumeBeingDeleted', message };
}

/**
 * Why a voter must not leave the ensemble; undefined where a majority of those who stay have what everybody has, on volumes that stay.
 *
 * @param what Its leaving, for people.
 */
export function leavingObstacle(what: string, staying: readonly Member[], state: EnsembleState): Refusal | undefined {
  const safe = staying.filter(({ inSync, doomedClaim }) => inSync && doomedClaim === undefined);
  const doomed = doomedVolumes(state);
  if (doomed === undefined || safe.length >= majorityOf(staying.length)) return undefined;
  return { reason: 'QuorumEndangered', message: `${what} would leave too few with volumes that stay: ${doomed}` };
}

/** What is to be done about volumes that go with their pods; undefined where there are none. */
export function doomedVolumes(state: EnsembleState): string | undefined {
  const doomed = state.members.filter((one) => one.voting && one.doomedClaim !== undefined && !isGone(one));
  if (doomed.length === 0) return undefined;
  return `volumes that somebody deleted go with their pods (${claimsOf(doomed)}): ${help(doomed, state)}`;
}

function help(doomed: readonly Member[], { membership }: EnsembleState): string {
  const names = doomed.map(({ slot }) => slot.podName).join(' ');
  return membership.voters.length < 3
    ? `take a backup, and set replicas to 3, so that others have the data before ${names} ends`
    : `delete the pods one after the other, each once all are ready (kubectl delete pod ${names}), and they are rebuilt from the others`;
}

function claimsOf(members: readonly Member[]): string {
  return members.map(({ slot }) => slot.claimName).join(', ');
}

/** Whether a quorum without these has all that was ever acknowledged. */
function haveAll({ members, membership }: EnsembleState, without: readonly Member[]): boolean {
  const others = members.filter((one) => one.voting && one.inSync && !without.includes(one));
  return membership.certain && others.length >= majorityOf(membership.voters.length);
}
