import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import {
  everySlot,
  memberSlots,
  PORTS,
  serverLine,
  type MemberRole,
  type MemberSlot,
  type SetSizes,
} from '../resources/names.ts';
import { sizeOf } from '../resources/stateful-set.ts';
import type { Refusal } from './acceptance.ts';
import { leavingObstacle, mayEnd } from './doomed-volumes.ts';
import { isMissingForLong, whyAbsent } from './health.ts';
import { stalledJoin } from './joining.ts';
import { majorityOf, type EnsembleState, type Member } from './members.ts';
import { belongs } from './membership.ts';
import type { Observed, Reconfiguration } from './model.ts';

/** What is to be done so that those belong to the ensemble whom the manifest asks for. */
export interface Scaling {
  /** How many pods there are to be now. */
  readonly sizes: SetSizes;
  /** One change of the ensemble's configuration, where one is due. */
  readonly steps: readonly Reconfiguration[];
  /** What is under way or waited for; undefined where everybody is in who should be, and nobody else. */
  readonly progress?: string | undefined;
  /** Why it does not go on until somebody puts something right. */
  readonly refusal?: Refusal | undefined;
}

/** What scaling is decided on. */
interface View {
  readonly cluster: CoordinationCluster;
  readonly state: EnsembleState;
  readonly observed: Observed;
  /** How many pods there are to be by what was decided before. */
  readonly present: SetSizes;
  readonly updating: boolean;
}

type Change = Pick<Reconfiguration, 'joining' | 'leaving' | 'announce'>;

/** The next thing to do for one kind of member. */
interface Next {
  readonly size: number;
  readonly change?: Change;
  readonly progress?: string;
  readonly refusal?: Refusal;
}

/**
 * Brings members in and takes them out, one at a time, and only by the ensemble's own agreement: a pod is started and
 * synchronizes without a vote, then the ensemble makes it a member; a member is no longer one before its pod ends. All
 * of it follows from what is observed, so it does not matter where the operator was when it stopped.
 *
 * As long as no leader tells who belongs to the ensemble, nothing is taken away: silence is no reason to shrink.
 */
export function planScaling(
  cluster: CoordinationCluster,
  latch: BootstrapLatch | undefined,
  state: EnsembleState,
  observed: Observed,
): Scaling {
  const target = { participant: cluster.spec.replicas, observer: cluster.spec.observers.replicas };
  if (latch === undefined) return resting({ ...target, observer: 0 });
  if (latch.phase === 'Started') return forming(target, latch);
  const present = presentSizes(latch, observed);
  const needed = neededSizes(cluster, state);
  const kept = eachRole((role) => Math.max(present[role], needed[role]));
  if (cluster.spec.hibernated) return resting(kept);
  const differs = isDifferent(cluster, state, target);
  if (!state.membership.certain) return differs ? blind(state, kept) : resting(kept);

  const view = {
    cluster,
    state,
    observed,
    present,
    updating: state.members.some((one) => one.outdated && mayEnd(one, state)),
  };
  const next = { participant: nextVoter(view, needed.participant), observer: nextObserver(view, needed.observer) };
  const change = next.participant.change ?? next.observer.change;
  return {
    sizes: { participant: next.participant.size, observer: next.observer.size },
    steps: change === undefined ? [] : reconfiguration(state, change),
    progress: next.participant.progress ?? next.observer.progress,
    refusal: next.participant.refusal ?? next.observer.refusal,
  };
}

/** How many pods there are to be by what was decided before: hibernation and silence of the members change nothing of it. */
function presentSizes(latch: BootstrapLatch, observed: Observed): SetSizes {
  const { statefulSet, observerSet } = observed;
  const voters = statefulSet === undefined ? latch.replicas : sizeOf(statefulSet);
  // One that an earlier operator had hibernated.
  const isUnknown = statefulSet !== undefined && voters === 0;
  return {
    participant: isUnknown ? latch.replicas : voters,
    observer: observerSet === undefined ? 0 : sizeOf(observerSet),
  };
}

/** How large the sets must be for everybody who belongs to the ensemble to have a pod. */
function neededSizes(cluster: CoordinationCluster, { membership: { voters, observers } }: EnsembleState): SetSizes {
  const ids = new Set([...voters, ...observers]);
  const slots = everySlot(cluster).filter(({ serverId }) => ids.has(serverId));
  return eachRole((role) => Math.max(0, ...slots.filter((slot) => slot.role === role).map(({ index }) => index + 1)));
}

function eachRole(value: (role: MemberRole) => number): SetSizes {
  return { participant: value('participant'), observer: value('observer') };
}

function isDifferent(cluster: CoordinationCluster, state: EnsembleState, target: SetSizes): boolean {
  const { voters, observers } = state.membership;
  return (
    somebodyIsToJoin(cluster, state, target) ||
    voters.length + observers.length !== target.participant + target.observer
  );
}

function somebodyIsToJoin(cluster: CoordinationCluster, { membership }: EnsembleState, target: SetSizes): boolean {
  return memberSlots(cluster, target).some((slot) => !belongs(membership, slot));
}

function resting(sizes: SetSizes): Scaling {
  return { sizes, steps: [] };
}

/** Before it is formed, an ensemble has nobody who could agree to another number of voters. */
function forming(target: SetSizes, latch: BootstrapLatch): Scaling {
  const sizes = { participant: latch.replicas, observer: 0 };
  if (target.participant === latch.replicas) return resting(sizes);
  const message =
    `the ensemble is being formed with ${latch.replicas} voters, and gets or loses members once that is done; if that does not go on, ` +
    `it is begun once more, with ${target.participant}`;
  return { ...resting(sizes), refusal: { reason: 'FormingEnsemble', message } };
}

/** Nobody can be asked who belongs to the ensemble. */
function blind({ leader, quorumServes, membership }: EnsembleState, sizes: SetSizes): Scaling {
  if (quorumServes && leader?.report !== undefined && leader.report.configuration === undefined) {
    const message =
      `${leader.slot.podName} runs version ${leader.report.version}, which cannot change who belongs to the ensemble: ` +
      'take spec.image away or name a newer one, and the members are updated first';
    return { ...resting(sizes), refusal: { reason: 'ServerTooOld', message } };
  }
  const told = leader?.report?.configuration?.version;
  const progress =
    quorumServes && told !== undefined && told !== membership.version
      ? `waiting for a leader that knows the ensemble's configuration ${membership.version}; ${leader?.slot.podName} leads by ${told}`
      : 'waiting for a leader with a quorum: only it can bring members in or take them out';
  return { ...resting(sizes), progress };
}

/** Brings the next voter in, or takes the next one out. */
function nextVoter(view: View, needed: number): Next {
  const { cluster, state, observed } = view;
  const { replicas } = cluster.spec;
  const { voters } = state.membership;
  const joiner = memberSlots(cluster, { participant: replicas, observer: 0 }).find(
    ({ serverId }) => !voters.includes(serverId),
  );
  if (joiner !== undefined) return bringIn(view, joiner, needed);
  const leaving = state.members.filter(({ voting, slot }) => voting && slot.index >= replicas);
  if (leaving.length > 0) return { size: needed, ...takeOut(view, leaving) };
  return { size: needed, ...ending(state.members, 'participant', observed) };
}

/** One member more: its pod is started and synchronizes; only then does it get a vote. */
function bringIn(view: View, joiner: MemberSlot, needed: number): Next {
  const { present, state, cluster, observed } = view;
  const hasPod = joiner.index < present.participant;
  const grown = Math.max(needed, joiner.index + 1);
  const what = `adding ${joiner.podName}`;
  // One that is under way goes on synchronizing, whatever the others do meanwhile.
  const obstacle = obstacleFor(view, what) ?? (hasPod ? undefined : leftoverVolume(view, joiner));
  if (obstacle !== undefined) return { size: hasPod ? grown : needed, ...obstacle };
  const member = state.members.find(({ slot }) => slot.podName === joiner.podName);
  const refusal = hasPod ? stalledJoin(joiner, state, cluster, observed) : undefined;
  if (refusal !== undefined) return { size: grown, refusal };
  if (!hasPod || member === undefined) {
    return { size: grown, progress: `${what}: its pod is started, and synchronizes without a vote first` };
  }
  if (!member.inSync) {
    return { size: grown, progress: `${what}: waiting until it has synchronized (${whyAbsent(member, observed.now)})` };
  }
  const message = `${joiner.podName} has synchronized and gets a vote: ${state.membership.voters.length + 1} voters`;
  return {
    size: grown,
    change: { joining: serverLine(joiner), announce: { type: 'Normal', reason: 'MemberJoining', message } },
    progress: `${what}: it gets a vote`,
  };
}

/**
 * One voter less: first whoever is missing anyway, then from the last to the first. Those who are to stay must all be
 * there: whatever only they and the leaving one have must be on enough disks afterwards.
 */
function takeOut(view: View, leaving: readonly Member[]): Omit<Next, 'size'> {
  const { state, updating, cluster, observed } = view;
  const byTurn = leaving.toSorted((a, b) => Number(a.inSync) - Number(b.inSync) || b.slot.index - a.slot.index);
  const [next] = byTurn;
  if (next === undefined) return {};
  const what = `taking ${next.slot.podName} out of the ensemble`;
  const staying = state.members.filter(({ voting, slot }) => voting && slot.index < cluster.spec.replicas);
  const absent = staying.filter(({ inSync }) => !inSync);
  if (absent.length > 0) return missing(view, what, absent);
  const rest = state.members.filter((member) => member.voting && member !== next);
  const present = rest.filter(({ inSync }) => inSync);
  if (present.length < majorityOf(rest.length)) {
    return missing(
      view,
      what,
      rest.filter(({ inSync }) => !inSync),
    );
  }
  const refusal = leavingObstacle(what, rest, state);
  if (refusal !== undefined) return { refusal };
  const late = present.filter((member) => !knowsMembership(member, state));
  if (late.length > 0) return { progress: `${what}: ${late.map(nameOf).join(', ')} is yet to hear of the last change` };
  if (updating && next.inSync) return { progress: `${what}: the update of the members goes first` };
  const why = next.inSync ? '' : `, which is missing (${whyAbsent(next, observed.now)})`;
  const message = `Taking ${next.slot.podName} out of the ensemble${why}: ${rest.length} voters remain`;
  return {
    change: { leaving: next.slot.serverId, announce: { type: 'Normal', reason: 'MemberLeaving', message } },
    progress: what,
  };
}

/** Observers count in no quorum: as many as are asked for start together, and any of them may leave. */
function nextObserver(view: View, needed: number): Next {
  const { cluster, state, observed, present, updating } = view;
  const wanted = memberSlots(cluster, { participant: 0, observer: cluster.spec.observers.replicas });
  const { observers } = state.membership;
  const leaver = state.members
    .filter(({ slot }) => observers.includes(slot.serverId) && slot.index >= wanted.length)
    .toSorted((a, b) => b.slot.index - a.slot.index)[0];
  if (leaver !== undefined) {
    const message = `Taking ${leaver.slot.podName} out of the ensemble; it has observed only`;
    return {
      size: Math.max(needed, Math.min(present.observer, wanted.length)),
      change: { leaving: leaver.slot.serverId, announce: { type: 'Normal', reason: 'MemberLeaving', message } },
      progress: `taking ${leaver.slot.podName} out of the ensemble`,
    };
  }
  const joiners = wanted.filter(({ serverId }) => !observers.includes(serverId));
  if (joiners.length === 0) return { size: needed, ...ending(state.members, 'observer', observed) };
  const size = Math.max(needed, Math.min(present.observer, wanted.length));
  const names = joiners.map(({ podName }) => podName).join(', ');
  if (updating) return { size, progress: `adding ${names}: the update of the members goes first` };
  const leftover = joiners.filter(({ index }) => index >= present.observer).map((slot) => leftoverVolume(view, slot));
  const obstacle = leftover.find((one) => one !== undefined);
  if (obstacle !== undefined) return { size, ...obstacle };
  const ready = state.members.find(
    ({ slot, inSync }) => inSync && joiners.some(({ podName }) => podName === slot.podName),
  );
  if (ready === undefined) {
    const stalled = joiners.map((slot) => stalledJoin(slot, state, cluster, observed));
    const refusal = stalled.find((one) => one !== undefined);
    if (refusal !== undefined) return { size: wanted.length, refusal };
    return { size: wanted.length, progress: `adding ${names}: waiting until they have synchronized` };
  }
  const message = `${ready.slot.podName} has synchronized and observes`;
  return {
    size: wanted.length,
    change: { joining: serverLine(ready.slot), announce: { type: 'Normal', reason: 'MemberJoining', message } },
    progress: `adding ${names}`,
  };
}

/** Pods of members that are none any more. */
function ending(members: readonly Member[], role: MemberRole, { now }: Observed): Pick<Next, 'progress'> {
  const names = members.filter(({ slot, belongs }) => slot.role === role && !belongs);
  if (names.length === 0) return {};
  return {
    progress: `waiting until ${names.map((one) => `${nameOf(one)} (${whyAbsent(one, now)})`).join(', ')} has ended`,
  };
}

/** Why no member may be added or agreed on now. */
function obstacleFor(view: View, what: string): Omit<Next, 'size'> | undefined {
  const { state, updating } = view;
  if (updating) return { progress: `${what}: the update of the members goes first` };
  const voters = state.members.filter(({ voting }) => voting);
  const absent = voters.filter(({ inSync }) => !inSync);
  if (absent.length > 0) return missing(view, what, absent);
  const late = voters.filter((member) => !knowsMembership(member, state));
  if (late.length === 0) return undefined;
  return { progress: `${what}: ${late.map(nameOf).join(', ')} is yet to hear of the last change` };
}

/** A member that was away for a moment is waited for; for one that stays away somebody must do something. */
function missing({ state, observed, cluster }: View, what: string, absent: readonly Member[]): Omit<Next, 'size'> {
  const { now } = observed;
  const names = absent.map((member) => `${nameOf(member)} (${whyAbsent(member, now)})`).join(', ');
  if (!absent.some((member) => isMissingForLong(member, now))) return { progress: `${what}: waiting for ${names}` };
  const { length } = state.membership.voters;
  const wayBack = length % 2 === 1 && length !== cluster.spec.replicas ? `, or set replicas back to ${length}` : '';
  const message =
    `${what} would endanger the quorum while ${names} is missing: nothing was changed; bring what is missing ` +
    `back${wayBack}`;
  return { refusal: { reason: 'QuorumEndangered', message } };
}

/** A volume that must be gone before a member of its name may come. */
function leftoverVolume(
  { cluster, observed }: View,
  { claimName, podName }: MemberSlot,
): Omit<Next, 'size'> | undefined {
  const claim = observed.claims.find(({ metadata }) => metadata.name === claimName);
  const isToGo = claim?.metadata.deletionTimestamp !== undefined || cluster.spec.storage.whenScaled === 'Delete';
  if (claim === undefined || !isToGo) return undefined;
  const help = `kubectl describe pvc ${claimName} says what still uses it`;
  return {
    progress: `adding ${podName}: waiting until the volume ${claimName} of the member before it is gone; ${help}`,
  };
}

/** It has put the configuration in force on its own disk: started again, alone or with others, it goes by that one. */
function knowsMembership({ report }: Member, { membership }: EnsembleState): boolean {
  return report?.configuration?.version === membership.version;
}

function reconfiguration({ leader, membership }: EnsembleState, change: Change): Reconfiguration[] {
  const podIP = leader?.pod?.status?.podIP;
  if (leader === undefined || podIP === undefined) return [];
  const host = podIP.includes(':') ? `[${podIP}]` : podIP;
  const through = { podName: leader.slot.podName, address: `${host}:${PORTS.client}` };
  return [{ do: 'reconfigure', through, ...change, version: membership.version }];
}

function nameOf({ slot }: Member): string {
  return slot.podName;
}
