import type { Condition } from '../../api/common-schemas.ts';
import { fitting, nextConditions } from '../../api/conditions.ts';
import type { ClusterPhase, CoordinationClusterStatus, MembershipStatus } from '../../api/coordination-cluster.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import { selectorString } from '../resources/names.ts';
import { isOtherBeginning } from './bootstrap.ts';
import { clusterConditions, clusterPhase, readyVoters, type Situation } from './cluster-conditions.ts';
import { memberStatus } from './members.ts';
import { initialMembership } from './membership.ts';

/** How old the members' zxids in the status may get, in milliseconds: a busy ensemble has a new one every moment. */
const MEMBERS_MAX_AGE_MS = 60_000;

/** The status that says the situation. */
export function clusterStatus(situation: Situation): CoordinationClusterStatus {
  const { cluster, now, latch, nextLatch, state } = situation;
  const previous = cluster.status;
  const generation = cluster.metadata.generation ?? 0;
  const readyReplicas = readyVoters(state);
  const { replicas, observers } = cluster.spec;
  const pods = state.members.filter(({ pod, slot }) => pod !== undefined && slot.role === 'participant').length;
  const readyObservers = state.members.filter((one) => one.slot.role === 'observer' && memberStatus(one).ready).length;
  const membership = recordedMembership(situation);
  const version = state.leader?.report?.version ?? previous?.version;
  // One that is not this resource's own stays until this resource has one: the API server lets none be removed.
  const bootstrap = nextLatch ?? latch ?? previous?.bootstrap;
  const next: CoordinationClusterStatus = {
    observedGeneration: generation,
    phase: clusterPhase(situation),
    replicas: pods,
    readyReplicas,
    updatedReplicas: state.members.filter(({ pod, outdated }) => pod !== undefined && !outdated).length,
    readiness: `${readyReplicas}/${replicas}`,
    ...(readyObservers + observers.replicas === 0
      ? {}
      : { observerReadiness: `${readyObservers}/${observers.replicas}` }),
    selector: selectorString(cluster),
    ...(state.leader === undefined ? {} : { leader: state.leader.slot.podName }),
    ...(version === undefined ? {} : { version }),
    ...(situation.volumeSize === undefined ? {} : { volumeSize: situation.volumeSize }),
    members: state.members.map(memberStatus),
    membersObservedAt: now,
    ...(bootstrap === undefined ? {} : { bootstrap }),
    ...(membership === undefined ? {} : { membership }),
    conditions: nextConditions(previous?.conditions ?? [], clusterConditions(situation), generation, now),
  };
  return previous !== undefined && saysTheSame(previous, next, now) ? previous : next;
}

/**
 * What the leader says of who belongs to the ensemble; the last that one said, while there is none. One that came along with a copied
 * status, or of a beginning that led to nothing, is of another life: it is written over as this one begins, since it cannot be taken
 * out (its fields are another manager's).
 */
function recordedMembership({ cluster, latch, nextLatch, state }: Situation): MembershipStatus | undefined {
  const isBegun = nextLatch !== undefined && (latch === undefined || isOtherBeginning(latch, nextLatch));
  if (isBegun && cluster.status?.membership !== undefined) return initialMembership(cluster, nextLatch);
  if (latch === undefined || !state.membership.certain) return cluster.status?.membership;
  const { version, voters, observers } = state.membership;
  return { version, voters, observers };
}

/** What a cluster is not whose steps are refused. One that lacks members, or a quorum, is that first. */
const UNDER_WAY: ReadonlySet<ClusterPhase | undefined> = new Set(['Ready', 'Bootstrapping', 'Updating', 'Scaling']);

/**
 * The status after a step failed: what was observed holds, but the cluster is not what the manifest says.
 *
 * @param stopped Nothing goes on as long as the step is refused.
 */
export function failedStatus(
  previous: CoordinationClusterStatus | undefined,
  planned: CoordinationClusterStatus,
  { reason, message, stopped }: Pick<Condition, 'reason' | 'message'> & { readonly stopped: boolean },
  now: string,
): CoordinationClusterStatus {
  const untrue = new Set(stopped ? ['Ready', 'Accepted', 'Progressing'] : ['Ready']);
  const conditions = (planned.conditions ?? []).map((condition): Condition => {
    if (!untrue.has(condition.type)) return condition;
    const before = previous?.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime = before?.status === 'False' ? before.lastTransitionTime : now;
    const { type, observedGeneration } = condition;
    return { type, status: 'False', reason, message: fitting(message), lastTransitionTime, observedGeneration };
  });
  const isRefused = stopped ? UNDER_WAY.has(planned.phase) : planned.phase === 'Ready';
  const next = { ...planned, ...(isRefused ? { phase: 'Refused' as const } : {}), conditions };
  return previous !== undefined && saysTheSame(previous, next, now) ? previous : next;
}

/** Whether the status can stay as it is: nothing moved, or only the members' zxids, and those recorded are recent enough. */
function saysTheSame(previous: CoordinationClusterStatus, next: CoordinationClusterStatus, now: string): boolean {
  const { membersObservedAt } = previous;
  if (canonicalJson(previous) === canonicalJson({ ...next, membersObservedAt })) return true;
  const ageMs = Date.parse(now) - Date.parse(previous.membersObservedAt ?? '1970-01-01T00:00:00Z');
  return ageMs < MEMBERS_MAX_AGE_MS && canonicalJson(lasting(previous)) === canonicalJson(lasting(next));
}

function lasting(status: CoordinationClusterStatus): unknown {
  const members = status.members?.map((member) => ({ ...member, zxid: undefined, lag: undefined }));
  return { ...status, members, membersObservedAt: undefined };
}
