import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import { mayBegin } from '../resources/backup/restore.ts';
import { isPodReady, type PersistentVolumeClaim } from '../resources/kubernetes.ts';
import { deletionOf } from './deletions.ts';
import { doomedVolumes } from './doomed-volumes.ts';
import { damagedData, isMissingForLong, whyAbsent } from './health.ts';
import { isTakenUp, majorityOf, observedSet, type EnsembleState, type Member } from './members.ts';
import type { Observed, Step } from './model.ts';

/** What is to be done for a member that has lost its data for good. */
export interface Rebuild {
  readonly steps: readonly Step[];
  /** What the rebuilding of a member waits for; undefined where none is to be rebuilt. */
  readonly waitingFor?: string;
}

const NOTHING: Rebuild = { steps: [] };

/**
 * Gives a member a new volume whose own is lost or damaged; it then fetches everything from the others, and does not vote
 * before it has. Only while a leader serves with a quorum of others in sync: whatever was acknowledged is on their disks.
 * And only one after the other: one that is on its way back is waited for.
 */
export function planRebuild(
  cluster: CoordinationCluster,
  latch: BootstrapLatch,
  state: EnsembleState,
  observed: Observed,
): Rebuild {
  if (cluster.spec.hibernated || latch.phase === 'Started') return NOTHING;
  for (const member of state.members) {
    const claim = observed.claims.find(({ metadata }) => metadata.name === member.slot.claimName);
    const why = lostData(member, claim, observed);
    if (why !== undefined) return rebuild(member, claim, why, state, observed);
  }
  const unreachable = state.members.find(
    ({ slot, report }) => report === undefined && observed.unreachableClaims.has(slot.claimName),
  );
  if (unreachable !== undefined) return waitForNode(unreachable, state);
  const doomed = doomedVolumes(state);
  return doomed === undefined ? NOTHING : waiting(doomed);
}

/** The volume may be whole, and be found again: only who knows that it is not may give it up. */
function waitForNode({ slot: { podName, claimName } }: Member, { membership }: EnsembleState): Rebuild {
  const giveUp =
    membership.voters.length === 1
      ? ''
      : `, or give it up (kubectl delete pvc ${claimName}): the member is then rebuilt from the others`;
  return waiting(`${podName} waits for a node that can use its volume ${claimName}: bring one back${giveUp}`);
}

/** Why the member will not serve again with the volume that it has; undefined where it may. */
export function lostData(
  member: Member,
  claim: PersistentVolumeClaim | undefined,
  { strandedClaims, foreignClaims }: Observed,
): string | undefined {
  // To Kubernetes it answers: whatever keeps the operator from hearing it says nothing about its data.
  if (member.report !== undefined || (member.pod !== undefined && isPodReady(member.pod))) return undefined;
  if (claim?.status?.phase === 'Lost') return `the PersistentVolume behind ${claim.metadata.name} is gone`;
  if (member.doomedClaim !== undefined) return `somebody deleted its volume ${member.doomedClaim.metadata.name}`;
  if (claim !== undefined && strandedClaims.has(claim.metadata.name)) {
    return `its volume ${claim.metadata.name} is on a node that does not exist any more`;
  }
  // Kubernetes makes no other for a pod that it already has.
  const isGone = claim === undefined && foreignClaims?.has(member.slot.claimName) !== true;
  if (isGone && isPending(member)) return `its volume ${member.slot.claimName} is gone`;
  return damagedData(member);
}

function isPending({ pod }: Member): boolean {
  return pod?.status?.phase === 'Pending' && pod.metadata.deletionTimestamp === undefined;
}

function rebuild(
  member: Member,
  claim: PersistentVolumeClaim | undefined,
  why: string,
  { members, membership }: EnsembleState,
  observed: Observed,
): Rebuild {
  const { now } = observed;
  const { podName, claimName } = member.slot;
  if (!membership.certain) {
    const [others, help] =
      membership.voters.length === 1
        ? ['there is no other voter', 'bring the volume back, or make the cluster anew from a backup']
        : ['no leader serves with a quorum', 'bring another member back'];
    return waiting(`${podName} cannot be rebuilt (${why}): ${others} to have its data from; ${help}`);
  }
  const others = members.filter((other) => other !== member && other.voting);
  const absent = others.filter(({ inSync }) => !inSync);
  const isEnough = others.length - absent.length >= majorityOf(membership.voters.length);
  const returning = absent.filter((other) => !isMissingForLong(other, now));
  const awaited = isEnough ? returning : absent;
  if (awaited.length > 0) {
    const names = awaited.map((other) => `${other.slot.podName} (${whyAbsent(other, now)})`).join(', ');
    return waiting(`${podName} is rebuilt from the others (${why}) once ${names} is back`);
  }
  const set = observedSet(observed, member.slot.role);
  // A pod made from the template of the bootstrap would take the empty volume for a beginning, and vote.
  if (set === undefined || mayBegin(set.spec.template) || !isTakenUp(set)) {
    return waiting(`${podName} is rebuilt from the others (${why}) once Kubernetes has the new template of the pods`);
  }
  const message = `Rebuilding ${podName} from the others: ${why}; ${claimName} is made anew`;
  const announce = { type: 'Warning', reason: 'MemberRebuilt', message } as const;
  return {
    // A volume that is used by a pod stays until that one is gone.
    steps: [...deletionOf('PersistentVolumeClaim', claim, announce), ...deletionOf('Pod', member.pod)],
    waitingFor: `${podName} is being rebuilt from the others: ${why}`,
  };
}

function waiting(waitingFor: string): Rebuild {
  return { ...NOTHING, waitingFor };
}
