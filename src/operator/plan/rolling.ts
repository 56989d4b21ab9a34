import { SERVER_ID_MAX, type BootstrapLatch } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import { mayBegin } from '../resources/backup/restore.ts';
import { configMap } from '../resources/config-map.ts';
import type { MemberRole } from '../resources/names.ts';
import { saysUpdating } from './cluster-conditions.ts';
import { doomedVolumes, mayEnd } from './doomed-volumes.ts';
import { isGone, isMissingForLong, isUseless, startFailure, whyAbsent } from './health.ts';
import {
  isTakenUp,
  majorityOf,
  mounts,
  observedSet,
  wantedAnnotations,
  type EnsembleState,
  type Member,
} from './members.ts';
import type { Observed, PlannedEvent, Step } from './model.ts';

/** What is to be done so that every member becomes as the manifest says. */
export interface Rolling {
  readonly steps: readonly Step[];
  /** A member is restarted now or in a moment: whatever is waited for comes by itself. */
  readonly goesOn: boolean;
  /** What the next restart waits for; undefined where nothing waits. */
  readonly waitingFor?: string;
}

/** Nobody is restarted. */
export const NO_RESTART: Rolling = { steps: [], goesOn: false };

/**
 * Restarts outdated members: at once those that are of no use to anybody, which is how a corrected manifest reaches what
 * an earlier one broke; then one at a time, the leader last, each only while every other member is back, ready and in
 * sync. There is no deadline: what is stopped goes on by itself as soon as what stopped it is over.
 */
export function restartOutdated(
  ensemble: Ensemble,
  latch: BootstrapLatch,
  state: EnsembleState,
  observed: Observed,
): Rolling {
  const outdated = state.members.filter((member) => member.outdated);
  if (ensemble.cluster.spec.hibernated || outdated.length === 0) return NO_RESTART;
  // A pod deleted before that would only come back as it was.
  const roles = new Set(outdated.map(({ slot }) => slot.role));
  if (![...roles].every((role) => templateIsTakenUp(ensemble, role, latch, observed)))
    return soon('waiting until Kubernetes has the new template of the pods');
  const updateFails = state.members.some((member) => !member.outdated && startFailure(member) !== undefined);
  const useless = outdated.filter((member) => isUseless(member, latch, updateFails, observed.now));
  const replaceable = useless.filter((member) => latch.phase === 'Started' || mayEnd(member, state));
  if (replaceable.length > 0) return replaceUseless(replaceable, observed);
  return latch.phase === 'Completed' ? restartNext(ensemble, state, outdated, observed) : NO_RESTART;
}

function replaceUseless(useless: readonly Member[], { now }: Observed): Rolling {
  const replacing = (member: Member): PlannedEvent => ({
    type: 'Normal',
    reason: 'MemberReplaced',
    message: `Replacing ${member.slot.podName}, which does not serve (${whyAbsent(member, now)}), as the manifest now says`,
  });
  return { steps: useless.flatMap((member) => deletePod(member, replacing(member))), goesOn: true };
}

/** Takes down one member that may be serving, where the others are enough. */
function restartNext(
  { cluster }: Ensemble,
  state: EnsembleState,
  outdated: readonly Member[],
  { now }: Observed,
): Rolling {
  const { leader, members } = state;
  const [next] = outdated.toSorted((a, b) => turn(a, leader) - turn(b, leader));
  if (next === undefined) return NO_RESTART;
  // Nobody waits for one that is only on its way in or out.
  const missing = members.filter(
    (member) => (member.belongs || member === next) && (isGone(member) || (member !== next && !member.inSync)),
  );
  if (missing.length > 0) {
    const names = missing.map((member) => `${member.slot.podName} (${whyAbsent(member, now)})`).join(', ');
    const comeBack = missing.every((member) => member.pod !== undefined && !isMissingForLong(member, now));
    return { ...waiting(`waiting for ${names}`), goesOn: comeBack };
  }
  if (!mayEnd(next, state)) return waiting(doomedVolumes(state) ?? '');
  if (leader === undefined) return waiting('waiting until it is known which member leads');
  // An operator that dies right after the restart leaves a status by which the next one knows what it finds.
  if (!saysUpdating(cluster.status)) return soon(`about to restart ${next.slot.podName}`);
  return { steps: deletePod(next, restarting(state, next)), goesOn: true };
}

/**
 * Who is restarted first has the lowest: members that do not serve, then those without a vote, then from the last to the
 * first, then the leader.
 */
function turn(member: Member, leader: Member | undefined): number {
  if (member === leader) return 1;
  const ahead = (member.serves ? 0 : 2) + (member.voting ? 0 : 1);
  return -member.slot.ordinal - ahead * (SERVER_ID_MAX + 1);
}

function restarting({ members, membership }: EnsembleState, next: Member): PlannedEvent {
  const updated = members.filter(({ outdated }) => !outdated).length;
  const role = next.report?.state ?? 'not answering';
  const what = `Restarting ${next.slot.podName} (${role}); ${updated} of ${members.length} members are updated`;
  const voters = membership.voters.length;
  if (!next.voting || voters - 1 >= majorityOf(voters))
    return { type: 'Normal', reason: 'MemberRestarting', message: what };
  return {
    type: 'Warning',
    reason: 'MemberRestarting',
    message: `${what}; without it there is no quorum: clients wait until it is back`,
  };
}

/** On a stale read nothing is deleted: the pod must be the very one, and still as it was observed. */
function deletePod({ pod }: Member, announce: PlannedEvent): Step[] {
  const { name, uid, resourceVersion } = pod?.metadata ?? {};
  if (name === undefined || uid === undefined) return [];
  return [{ do: 'delete', kind: 'Pod', name, uid, resourceVersion, announce }];
}

/** Whether pods that Kubernetes makes from now on are what the manifest says. */
function templateIsTakenUp(ensemble: Ensemble, role: MemberRole, latch: BootstrapLatch, observed: Observed): boolean {
  const set = observedSet(observed, role);
  if (set === undefined) return false;
  const { spec } = set;
  const annotations = spec.template.metadata.annotations ?? {};
  const wanted = Object.entries(wantedAnnotations(ensemble, role, set));
  return (
    wanted.every(([key, value]) => annotations[key] === value) &&
    mayBegin(spec.template) === (role === 'participant' && latch.phase === 'Started') &&
    mounts(spec.template.spec, configMap(ensemble).metadata.name) &&
    isTakenUp(set)
  );
}

function waiting(waitingFor: string): Rolling {
  return { ...NO_RESTART, waitingFor };
}

function soon(waitingFor: string): Rolling {
  return { steps: [], goesOn: true, waitingFor };
}
