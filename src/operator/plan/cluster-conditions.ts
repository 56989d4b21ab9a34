import type { BootstrapLatch, ClusterPhase, CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { ClusterConditionType, ConditionValue } from '../../api/conditions.ts';
import type { Refusal } from './acceptance.ts';
import type { EnsembleState, Member } from './members.ts';
import { memberStatus } from './members.ts';

/** All that the conditions are derived from. */
export interface Situation {
  readonly cluster: CoordinationCluster;
  readonly voters: number;
  /** The latch that the steps were planned under. */
  readonly latch?: BootstrapLatch | undefined;
  /** The latch to be recorded; what it permits is still to be done. The one in effect where it is not set. */
  readonly nextLatch?: BootstrapLatch | undefined;
  readonly state: EnsembleState;
  readonly volumeSize?: string | undefined;
  readonly refusal?: Refusal | undefined;
  /** What the deletion waits for. */
  readonly deletion?: string | undefined;
}

type Conditions = Record<ClusterConditionType, ConditionValue>;

/** Says the situation in the standard conditions. Nothing here changes from second to second, or status never rests. */
export function clusterConditions(situation: Situation): Conditions {
  return {
    Available: available(situation),
    Ready: ready(situation),
    Progressing: progressing(situation),
    Degraded: degraded(situation),
    Bootstrapped: bootstrapped(situation),
    Accepted: accepted(situation),
    Paused: paused(situation),
  };
}

/** The one word of `kubectl get`: what a person should know first. */
export function clusterPhase(situation: Situation): ClusterPhase {
  const { cluster, latch, state, refusal } = situation;
  if (cluster.metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (cluster.spec.paused) return 'Paused';
  if (latch === undefined) return refusal === undefined ? 'Pending' : 'Refused';
  if (latch.phase === 'Started') return 'Bootstrapping';
  if (!state.quorumServes) return 'Unavailable';
  if (!state.complete) return 'Degraded';
  if (refusal !== undefined) return 'Refused';
  return outdatedMembers(state).length > 0 ? 'Updating' : 'Ready';
}

/** How many members are ready, as the status counts them. */
export function readyCount(state: EnsembleState): number {
  return state.members.filter((member) => memberStatus(member).ready).length;
}

function available({ voters, state, latch }: Situation): ConditionValue {
  if (latch?.phase !== 'Completed') {
    return isFalse('NotBootstrapped', 'clients are let in once the ensemble has been formed');
  }
  const count = `${state.serving} of ${voters} members serve under one leader`;
  if (!state.quorumServes) return isFalse('NoQuorum', `${count}; ${absent(state)}`);
  return isTrue('QuorumServes', `a majority of ${voters} members serves, led by ${state.leader?.slot.podName}`);
}

function ready(situation: Situation): ConditionValue {
  const { cluster, voters, state, refusal, latch, deletion } = situation;
  if (deletion !== undefined) return isFalse('Deleting', deletion);
  if (cluster.spec.paused) return isFalse('Paused', 'spec.paused is set: the operator changes nothing');
  if (refusal !== undefined) return isFalse(refusal.reason, refusal.message);
  if (latch?.phase !== 'Completed') return isFalse('Bootstrapping', absent(state));
  if (!state.complete) return isFalse('MembersNotReady', absent(state));
  const outdated = outdatedMembers(state);
  if (outdated.length > 0) return isFalse('UpdatePending', updatePending(outdated));
  return isTrue('AllMembersServe', `all ${voters} members serve as the manifest says`);
}

function progressing({ cluster, state, latch, refusal, deletion }: Situation): ConditionValue {
  if (deletion !== undefined) return isTrue('Deleting', deletion);
  if (cluster.spec.paused) return isFalse('Paused', 'spec.paused is set: the operator changes nothing');
  if (latch === undefined && refusal !== undefined) return isFalse(refusal.reason, refusal.message);
  if (latch?.phase !== 'Completed') return isTrue('Bootstrapping', absent(state));
  const outdated = outdatedMembers(state);
  if (outdated.length > 0) return isTrue('UpdatePending', updatePending(outdated));
  return isFalse('Idle', 'there is nothing to do');
}

function degraded({ state, latch }: Situation): ConditionValue {
  if (latch?.phase !== 'Completed') return isFalse('NotBootstrapped', 'the ensemble has not been formed yet');
  if (!state.complete) return isTrue('MembersNotReady', absent(state));
  return isFalse('AllMembersServe', 'every member serves');
}

function bootstrapped({ latch: current, nextLatch, state }: Situation): ConditionValue {
  const latch = nextLatch ?? current;
  if (latch === undefined) return isFalse('NotStarted', 'nothing has been started yet');
  if (latch.phase === 'Started') return isFalse('WaitingForMembers', absent(state));
  return latch.origin === 'Fresh'
    ? isTrue('FreshEnsemble', `formed with ${latch.replicas} members; no member may begin with an empty disk again`)
    : isTrue('ExistingVolumes', `goes on with the volumes of an earlier cluster of ${latch.replicas} members`);
}

function accepted({ refusal }: Situation): ConditionValue {
  if (refusal === undefined) return isTrue('CanBeCarriedOut', 'the operator can carry out the manifest');
  return isFalse(refusal.reason, refusal.message);
}

function paused({ cluster }: Situation): ConditionValue {
  return cluster.spec.paused
    ? isTrue('SetInManifest', 'spec.paused is set: the operator observes and changes nothing')
    : isFalse('NotSet', 'the operator is at work');
}

function outdatedMembers(state: EnsembleState): Member[] {
  return state.members.filter(({ outdated }) => outdated);
}

function updatePending(outdated: readonly Member[]): string {
  const names = outdated.map(({ slot }) => slot.podName).join(', ');
  return (
    `${names} still run what an earlier manifest said: this version of the operator does not restart members by itself; ` +
    'delete these pods one at a time, each when the one before it is ready again, the leader last'
  );
}

function absent(state: EnsembleState): string {
  const missing = state.members
    .filter((member) => !memberStatus(member).ready || member.report?.serving !== true)
    .map((member) => `${member.slot.podName} (${whyAbsent(member)})`);
  if (missing.length > 0) return `waiting for ${missing.join(', ')}`;
  return state.complete ? 'all members serve; about to let clients in' : 'waiting for one leader of all members';
}

function whyAbsent({ pod, report }: Member): string {
  if (pod === undefined) return 'no pod';
  if (pod.metadata.deletionTimestamp !== undefined) return 'ending';
  if (report !== undefined) return report.serving ? 'serving, not yet ready' : report.state;
  return pod.status?.phase === 'Running' ? 'does not answer' : (pod.status?.phase ?? 'Pending').toLowerCase();
}

function isTrue(reason: string, message: string): ConditionValue {
  return { status: 'True', reason, message };
}

function isFalse(reason: string, message: string): ConditionValue {
  return { status: 'False', reason, message };
}
