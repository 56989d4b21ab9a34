import type { Condition } from '../../api/common-schemas.ts';
import type {
  BootstrapLatch,
  ClusterPhase,
  CoordinationCluster,
  CoordinationClusterStatus,
} from '../../api/coordination-cluster.ts';
import type { ClusterConditionType, ConditionValue } from '../../api/conditions.ts';
import { diskSpaceLow } from './disk-space.ts';
import type { Refusal } from './acceptance.ts';
import type { EnsembleState, Member } from './members.ts';
import { podsLeft, trouble, whyAbsent } from './health.ts';
import { memberStatus } from './members.ts';

/** All that the conditions are derived from. */
export interface Situation {
  readonly cluster: CoordinationCluster;
  /** RFC 3339. */
  readonly now: string;
  /** The latch that the steps were planned under. */
  readonly latch?: BootstrapLatch | undefined;
  /** The latch to be recorded; what it permits is still to be done. The one in effect where it is not set. */
  readonly nextLatch?: BootstrapLatch | undefined;
  readonly state: EnsembleState;
  readonly volumeSize?: string | undefined;
  /** Which volumes are yet to grow. */
  readonly growing?: string | undefined;
  readonly refusal?: Refusal | undefined;
  /** What looks at the snapshot that the cluster is to begin with. */
  readonly restoreCheck?: string | undefined;
  /** Which member is on its way in or out. */
  readonly scaling?: string | undefined;
  /** What the next restart of an outdated member waits for. */
  readonly updateWaitsFor?: string | undefined;
  /** What the rebuilding of a member waits for. */
  readonly rebuildWaitsFor?: string | undefined;
  /** Why everything is taken back while the ensemble is being formed, and what that waits for. */
  readonly beginsAgain?: string | undefined;
  /** What a person can do about an ensemble that cannot be formed, and is not taken back. */
  readonly leftToPerson?: string | undefined;
  /** What the deletion waits for. */
  readonly deletion?: string | undefined;
}

/** The reason of an update that waits for somebody to put something right. */
const UPDATE_STOPPED = 'UpdateStopped';

/** Refusals that are about who belongs to the ensemble. */
const SCALING_REFUSALS: ReadonlySet<Refusal['reason']> = new Set([
  'FormingEnsemble',
  'ServerTooOld',
  'QuorumEndangered',
  'JoinStalled',
]);

/** The reason of a bootstrap that waits for somebody to put something right. */
export const BOOTSTRAP_STOPPED = 'BootstrapStopped';

/** The reason while the snapshot that the cluster is to begin with is looked at. */
const CHECKING_RESTORE = 'CheckingRestore';

/** The reason while what was begun is taken back, to be begun anew. */
const BEGINNING_AGAIN = 'BeginningAgain';

/** Nothing at all is done as long as they last. */
function isStopped({ refusal }: Situation): boolean {
  return refusal !== undefined && !SCALING_REFUSALS.has(refusal.reason);
}

/** The members end, or have ended: not where the manifest asks for it and something keeps the operator from it. */
function isAsleep(situation: Situation): boolean {
  const { cluster, state } = situation;
  return cluster.spec.hibernated && (allEnded(state) || !(cluster.spec.paused || isStopped(situation)));
}

const HIBERNATED = 'spec.hibernated is set: no member runs, and all volumes are kept';

type Conditions = Record<ClusterConditionType, ConditionValue>;

/** Says the situation in the standard conditions. Nothing here changes from second to second, or status never rests. */
export function clusterConditions(situation: Situation): Conditions {
  return {
    Available: available(situation),
    Ready: ready(situation),
    Progressing: progressing(situation),
    Scaling: scaling(situation),
    Degraded: degraded(situation),
    DiskSpaceLow: diskSpaceLow(situation.state, previousOf(situation.cluster, 'DiskSpaceLow')),
    Bootstrapped: bootstrapped(situation),
    Accepted: accepted(situation),
    Hibernated: hibernated(situation),
    Paused: paused(situation),
  };
}

function previousOf({ status }: CoordinationCluster, type: ClusterConditionType): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The one word of `kubectl get`: what a person should know first. */
export function clusterPhase(situation: Situation): ClusterPhase {
  const { cluster, latch, state, refusal, now } = situation;
  if (cluster.metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (cluster.spec.paused) return 'Paused';
  if (latch === undefined) return refusal === undefined ? 'Pending' : 'Refused';
  const serves = latch.phase === 'Started' || state.quorumServes || isAsleep(situation);
  if (isStopped(situation)) return serves ? 'Refused' : 'Unavailable';
  if (cluster.spec.hibernated) return 'Hibernated';
  if (latch.phase === 'Started') return 'Bootstrapping';
  if (isWakingUp(situation)) return 'WakingUp';
  if (!state.quorumServes && !pausesForUpdate(situation)) return 'Unavailable';
  const goesOn = troubled(state, now) === undefined;
  if (isUpdating(situation) && goesOn) return 'Updating';
  // One that does not get in is no loss to those who are.
  if (isScaling(situation) && (goesOn || state.complete)) return 'Scaling';
  if (!state.complete || situation.rebuildWaitsFor !== undefined) return 'Degraded';
  if (refusal === undefined) return 'Ready';
  return refusal.reason === 'JoinStalled' ? 'Scaling' : 'Refused';
}

/** The members are being made as the manifest says, or the last of them is on its way back. */
export function isUpdating(situation: Situation): boolean {
  const { cluster, state } = situation;
  if (cluster.spec.hibernated || isStopped(situation)) return false;
  return outdatedMembers(state).length > 0 || (!state.complete && saysUpdating(cluster.status));
}

/** Whether the status says that members are being made as the manifest says. */
export function saysUpdating(status: CoordinationClusterStatus | undefined): boolean {
  const reason = status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
  return reason === 'Updating' || reason === UPDATE_STOPPED;
}

/** The only voter is being restarted: clients wait, as they were told that they would, and nothing is wrong. */
function pausesForUpdate(situation: Situation): boolean {
  const { state, now } = situation;
  return state.membership.voters.length === 1 && isUpdating(situation) && troubled(state, now) === undefined;
}

/** Members are on their way in or out, or have to wait for something that comes by itself. */
export function isScaling({ cluster, scaling: under, refusal }: Situation): boolean {
  return under !== undefined && refusal === undefined && !cluster.spec.hibernated;
}

/** No pod of a member is left. */
export function allEnded(state: EnsembleState): boolean {
  return state.members.every(({ pod }) => pod === undefined);
}

/** The members of a hibernated ensemble are on their way back, and nothing keeps them from it. */
function isWakingUp(situation: Situation): boolean {
  const { cluster, state, now } = situation;
  const before = cluster.status?.phase;
  return (
    !cluster.spec.hibernated &&
    !isStopped(situation) &&
    (before === 'Hibernated' || before === 'WakingUp') &&
    !state.complete &&
    troubled(state, now) === undefined
  );
}

/** How many voters are ready, as the status counts them. */
export function readyVoters(state: EnsembleState): number {
  return state.members.filter((member) => member.voting && memberStatus(member).ready).length;
}

function available(situation: Situation): ConditionValue {
  const { state, latch, now } = situation;
  if (latch?.phase !== 'Completed') {
    return isFalse('NotBootstrapped', 'clients are let in once the ensemble has been formed');
  }
  if (isAsleep(situation)) return isFalse('Hibernated', HIBERNATED);
  const voters = state.membership.voters.length;
  const count = `${state.serving} of ${voters} voters serve under one leader`;
  if (!state.quorumServes) {
    const reason = isWakingUp(situation) ? 'WakingUp' : pausesForUpdate(situation) ? 'Updating' : 'NoQuorum';
    return isFalse(reason, `${count}; ${absent(state, now)}`);
  }
  return isTrue('QuorumServes', `a majority of ${voters} voters serves, led by ${state.leader?.slot.podName}`);
}

function ready(situation: Situation): ConditionValue {
  const { cluster, state, refusal, restoreCheck, beginsAgain, latch, deletion, now } = situation;
  if (deletion !== undefined) return isFalse('Deleting', deletion);
  if (cluster.spec.paused) return isFalse('Paused', 'spec.paused is set: the operator changes nothing');
  if (refusal !== undefined) return isFalse(refusal.reason, refusal.message);
  if (restoreCheck !== undefined) return isFalse(CHECKING_RESTORE, restoreCheck);
  if (beginsAgain !== undefined) return isFalse(BEGINNING_AGAIN, beginsAgain);
  if (cluster.spec.hibernated) return isFalse('Hibernated', HIBERNATED);
  if (latch?.phase !== 'Completed') return isFalse('Bootstrapping', absent(state, now));
  if (isUpdating(situation)) return isFalse(...updateProgress(situation));
  if (!state.complete) return isFalse(isWakingUp(situation) ? 'WakingUp' : 'MembersNotReady', absence(situation));
  if (situation.rebuildWaitsFor !== undefined) return isFalse('RebuildingMember', situation.rebuildWaitsFor);
  if (isScaling(situation)) return isFalse('Scaling', situation.scaling ?? '');
  return isTrue('AllMembersServe', `all ${membersOf(situation)} members serve as the manifest says`);
}

function progressing(situation: Situation): ConditionValue {
  const { cluster, state, latch, refusal, restoreCheck, beginsAgain, deletion, now } = situation;
  if (deletion !== undefined) return isTrue('Deleting', deletion);
  if (cluster.spec.paused) return isFalse('Paused', 'spec.paused is set: the operator changes nothing');
  if (refusal !== undefined && isStopped(situation)) return isFalse(refusal.reason, refusal.message);
  if (restoreCheck !== undefined) return isTrue(CHECKING_RESTORE, restoreCheck);
  if (beginsAgain !== undefined) return isTrue(BEGINNING_AGAIN, beginsAgain);
  if (cluster.spec.hibernated) {
    return allEnded(state) ? isFalse('Hibernated', HIBERNATED) : isTrue('Hibernating', stillThere(situation));
  }
  if (latch?.phase !== 'Completed') {
    const message = absent(state, now);
    const { leftToPerson } = situation;
    if (leftToPerson !== undefined) return isFalse(BOOTSTRAP_STOPPED, `${message}: ${leftToPerson}`);
    if (latch === undefined || troubled(state, now) === undefined) return isTrue('Bootstrapping', message);
    return isFalse(BOOTSTRAP_STOPPED, `${message}: correct the manifest or what it needs`);
  }
  if (isWakingUp(situation)) return isTrue('WakingUp', absent(state, now));
  if (isUpdating(situation)) {
    const [reason, message] = updateProgress(situation);
    return reason === UPDATE_STOPPED ? isFalse(reason, message) : isTrue(reason, message);
  }
  if (isScaling(situation)) return isTrue('Scaling', situation.scaling ?? '');
  if (situation.growing !== undefined) return isTrue('VolumesGrow', situation.growing);
  return isFalse('Idle', 'there is nothing to do');
}

function scaling(situation: Situation): ConditionValue {
  const { refusal, scaling: under } = situation;
  if (isAsleep(situation)) return isFalse('Hibernated', HIBERNATED);
  if (refusal !== undefined && SCALING_REFUSALS.has(refusal.reason)) return isFalse(refusal.reason, refusal.message);
  if (under !== undefined) return isTrue('MembersChange', under);
  return isFalse('AsDeclared', 'the ensemble has the members that the manifest asks for');
}

function degraded(situation: Situation): ConditionValue {
  const { state, latch, now } = situation;
  if (latch?.phase !== 'Completed') return isFalse('NotBootstrapped', 'the ensemble has not been formed yet');
  if (isAsleep(situation)) return isFalse('Hibernated', HIBERNATED);
  if (situation.rebuildWaitsFor !== undefined) return isTrue('RebuildingMember', situation.rebuildWaitsFor);
  if (isUpdating(situation)) {
    const [reason, message] = updateProgress(situation);
    // A member that the operator itself has taken down for a moment is nothing to be alarmed about.
    return reason === UPDATE_STOPPED ? isTrue(reason, message) : isFalse(reason, message);
  }
  if (isWakingUp(situation)) return isFalse('WakingUp', absent(state, now));
  if (!state.complete) return isTrue('MembersNotReady', absent(state, now));
  return isFalse('AllMembersServe', 'every member serves');
}

function bootstrapped({ latch: current, nextLatch, state, now }: Situation): ConditionValue {
  const latch = nextLatch ?? current;
  if (latch === undefined) return isFalse('NotStarted', 'nothing has been started yet');
  if (latch.phase === 'Started') return isFalse('WaitingForMembers', absent(state, now));
  if (latch.origin === 'Restored') {
    return isTrue('Restored', `formed with ${latch.replicas} members from a snapshot; no member begins with it again`);
  }
  return latch.origin === 'Fresh'
    ? isTrue('FreshEnsemble', `formed with ${latch.replicas} members; no member may begin with an empty disk again`)
    : isTrue('ExistingVolumes', `goes on with the volumes of an earlier cluster of ${latch.replicas} members`);
}

function accepted({ refusal }: Situation): ConditionValue {
  if (refusal === undefined) return isTrue('CanBeCarriedOut', 'the operator can carry out the manifest');
  return isFalse(refusal.reason, refusal.message);
}

function hibernated(situation: Situation): ConditionValue {
  const { cluster, state, refusal } = situation;
  if (!cluster.spec.hibernated) return isFalse('NotSet', 'spec.hibernated is not set');
  if (allEnded(state)) return isTrue('AllMembersEnded', HIBERNATED);
  // Whoever sets both sees why nothing happens.
  if (cluster.spec.paused) {
    return isFalse('Paused', 'spec.paused is set too: the members go on running until it is taken back');
  }
  if (refusal !== undefined && isStopped(situation)) return isFalse(refusal.reason, refusal.message);
  return isFalse('MembersEnding', stillThere(situation));
}

function paused({ cluster }: Situation): ConditionValue {
  return cluster.spec.paused
    ? isTrue('SetInManifest', 'spec.paused is set: the operator observes and changes nothing')
    : isFalse('NotSet', 'the operator is at work');
}

function outdatedMembers(state: EnsembleState): Member[] {
  return state.members.filter(({ outdated }) => outdated);
}

/** How far the update is: reason and message. */
function updateProgress({ state, now, updateWaitsFor }: Situation): [reason: string, message: string] {
  const outdated = outdatedMembers(state);
  const count = `${state.members.filter(({ pod }) => pod !== undefined).length - outdated.length} of ${state.members.length} members are updated`;
  const stopped = troubled(state, now);
  if (stopped !== undefined) {
    const { podName } = stopped.member.slot;
    return [
      UPDATE_STOPPED,
      `${count}; stopped until ${podName} is back (${stopped.why}): correct the manifest or what it needs`,
    ];
  }
  if (updateWaitsFor !== undefined) return ['Updating', `${count}; ${updateWaitsFor}`];
  return [
    'Updating',
    outdated.length === 0 ? `${count}; ${absent(state, now)}` : `${count}; the next one is restarted`,
  ];
}

/** The first member that will hardly come back by itself. */
function troubled(state: EnsembleState, now: string): { member: Member; why: string } | undefined {
  for (const member of state.members) {
    const why = trouble(member, now);
    if (why !== undefined) return { member, why };
  }
  return undefined;
}

/** Somebody has to put something right. */
export function isStuck({ state, now }: Situation): boolean {
  return troubled(state, now) !== undefined;
}

/** Whose pods are left, and what would help one that does not end. */
function stillThere({ state, now }: Situation): string {
  const left = podsLeft(state.members, now);
  return `waiting until ${left.join(', ')} ${left.length === 1 ? 'has' : 'have'} ended`;
}

/** Who is missing, and what would bring it back where that is not only time. */
function absence({ state, now, rebuildWaitsFor }: Situation): string {
  return rebuildWaitsFor ?? absent(state, now);
}

function membersOf({ state }: Situation): number {
  return state.members.filter(({ belongs }) => belongs).length;
}

function absent(state: EnsembleState, now: string): string {
  const missing = state.members
    .filter((member) => member.belongs)
    .filter((member) => !memberStatus(member).ready || member.report?.serving !== true)
    .map((member) => `${member.slot.podName} (${whyAbsent(member, now)})`);
  if (missing.length > 0) return `waiting for ${missing.join(', ')}`;
  return state.complete ? 'all members serve; about to let clients in' : 'waiting for one leader of all members';
}

function isTrue(reason: string, message: string): ConditionValue {
  return { status: 'True', reason, message };
}

function isFalse(reason: string, message: string): ConditionValue {
  return { status: 'False', reason, message };
}
