import type { BootstrapLatch, MemberStatus } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import { counterOf, epochOf } from '../../common/zxid.ts';
import { isPodReady, type PersistentVolumeClaim, type Pod, type StatefulSet } from '../resources/kubernetes.ts';
import {
  configMapName,
  everySlot,
  KUBECTL_RESTART_ANNOTATION,
  RESTART_ANNOTATION,
  TEMPLATE_ANNOTATION,
  type MemberRole,
  type MemberSlot,
} from '../resources/names.ts';
import { templateFingerprint } from '../resources/pod-template.ts';
import { zooCfg } from '../resources/zoo-cfg.ts';
import { looksForItsSnapshot } from './containers.ts';
import { belongs, knownMembership, type Membership } from './membership.ts';
import type { MemberReport, Observed } from './model.ts';

/** A slot of the ensemble with what is known of its member. */
export interface Member {
  readonly slot: MemberSlot;
  /** It votes, by the configuration in force. */
  readonly voting: boolean;
  /** It is in the configuration in force; where not, it is on its way in or out. */
  readonly belongs: boolean;
  readonly pod?: Pod | undefined;
  readonly report?: MemberReport | undefined;
  /** The claim of its volume, while there is no volume yet. */
  readonly unboundClaim?: PersistentVolumeClaim | undefined;
  /** The claim of its volume, where somebody has asked for its end: both go with the pod. */
  readonly doomedClaim?: PersistentVolumeClaim | undefined;
  /** Why Kubernetes did not make its pod, where it said so. */
  readonly refused?: string | undefined;
  /**
   * Its pod was made from another template than the manifest's present one, or before a restart was asked for; or it cannot start for
   * what only the bootstrap needed.
   */
  readonly outdated: boolean;
  /** It serves under the present leader, or is it. */
  readonly serves: boolean;
  /** It serves, Kubernetes counts it as ready, and it has about all that the leader has. */
  readonly inSync: boolean;
  /** By how many transactions it is behind the leader; undefined where one of the two is not known. */
  readonly lag?: number | undefined;
}

/** What the members together amount to. */
export interface EnsembleState {
  /** Whoever belongs to the ensemble or has a pod; voters before observers. */
  readonly members: readonly Member[];
  readonly membership: Membership;
  readonly leader?: Member | undefined;
  /** How many voters serve under the leader's epoch. */
  readonly serving: number;
  /** A majority of the voters serves under one leader. */
  readonly quorumServes: boolean;
  /** Everybody who belongs to the ensemble serves under one leader, and Kubernetes counts every pod as ready. */
  readonly complete: boolean;
}

/**
 * How many transactions behind its leader a member in sync may seem. Reports are not of one moment: on a busy ensemble
 * thousands of writes lie between two of them.
 */
const LAG_MAX = 10_000;

/** How many of the voters make a quorum. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The annotations that every pod must have by now. A restart that a person asked for with `kubectl rollout restart`
 * stands in the StatefulSet only: it is not the operator's field, so applying the set leaves it there.
 */
export function wantedAnnotations(
  ensemble: Ensemble,
  role: MemberRole,
  set: StatefulSet | undefined,
): Record<string, string> {
  const restarts = {
    [RESTART_ANNOTATION]: ensemble.cluster.metadata.annotations?.[RESTART_ANNOTATION],
    [KUBECTL_RESTART_ANNOTATION]: set?.spec.template.metadata.annotations?.[KUBECTL_RESTART_ANNOTATION],
  };
  const wanted: Record<string, string> = { [TEMPLATE_ANNOTATION]: templateFingerprint(ensemble, role) };
  for (const [key, value] of Object.entries(restarts)) if (value !== undefined) wanted[key] = value;
  return wanted;
}

/** The StatefulSet that makes pods of this role, as observed. */
export function observedSet(observed: Observed, role: MemberRole): StatefulSet | undefined {
  return role === 'participant' ? observed.statefulSet : observed.observerSet;
}

/** Whether Kubernetes goes by the set as it is now, and not by an earlier one. */
export function isTakenUp({ metadata, status }: StatefulSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** Reads the state of the ensemble out of its pods and its members' answers. Of `ensemble`, the sizes do not matter. */
export function ensembleState(
  ensemble: Ensemble,
  latch: BootstrapLatch | undefined,
  observed: Observed,
): EnsembleState {
  const wanted = {
    participant: wantedAnnotations(ensemble, 'participant', observed.statefulSet),
    observer: wantedAnnotations(ensemble, 'observer', observed.observerSet),
  };
  const beginning = beginningOf(ensemble, latch);
  const every = everySlot(ensemble.cluster).map((slot) => seenMember(slot, observed, wanted[slot.role], beginning));
  const reports = every.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const leading = currentLeader(every);
  const membership = knownMembership(ensemble.cluster, latch, reports, leading?.report);
  const members = every
    .filter(({ slot, pod }) => pod !== undefined || belongs(membership, slot))
    .map((seen) => judged(seen, membership, leading));
  const serving = members.filter(({ voting, serves }) => voting && serves).length;
  const quorumServes = serving >= majorityOf(membership.voters.length);
  const leader = members.find(({ slot }) => slot === leading?.slot);
  return {
    members,
    // A leader that has just been taken out of the ensemble still has to hand over.
    membership: { ...membership, certain: membership.certain && quorumServes && leader?.voting === true },
    leader,
    serving,
    quorumServes,
    complete: members.every((member) => !member.belongs || (member.serves && isReady(member))),
  };
}

/** The member as the status lists it. */
export function memberStatus(member: Member): MemberStatus {
  const { slot, report, lag, voting } = member;
  return {
    name: slot.podName,
    id: slot.serverId,
    role: report?.state ?? 'unknown',
    ready: isReady(member) && (report === undefined || report.serving),
    voting,
    ...(lag === undefined ? {} : { lag }),
    ...(report === undefined ? {} : { zxid: report.lastZxid, version: report.version }),
  };
}

/** How far the bootstrap is. */
interface Beginning {
  readonly isFormed: boolean;
  /** The zoo.cfg of those who form the ensemble, while they do: nobody keeps the addresses in it anywhere else yet. */
  readonly configMap?: string;
}

function beginningOf(ensemble: Ensemble, latch: BootstrapLatch | undefined): Beginning {
  if (latch?.phase !== 'Started') return { isFormed: latch !== undefined };
  const forming = { ...ensemble, sizes: { participant: latch.replicas, observer: 0 } };
  return { isFormed: false, configMap: configMapName(ensemble.cluster, zooCfg(forming)) };
}

/** A member by itself, before it is known who leads. */
type SeenMember = Pick<Member, 'slot' | 'pod' | 'report' | 'unboundClaim' | 'doomedClaim' | 'refused' | 'outdated'>;

function seenMember(
  slot: MemberSlot,
  observed: Observed,
  wanted: Readonly<Record<string, string>>,
  { isFormed, configMap }: Beginning,
): SeenMember {
  const pod = observed.pods.find(({ metadata }) => metadata.name === slot.podName);
  const report = observed.reports.get(slot.podName);
  const claim = observed.claims.find(({ metadata }) => metadata.name === slot.claimName);
  return {
    slot,
    pod,
    unboundClaim: claim?.status?.capacity === undefined ? claim : undefined,
    doomedClaim: holds(pod, claim) ? claim : undefined,
    refused: pod === undefined ? observed.refusals?.get(slot.podName) : undefined,
    report: report !== undefined && isItsOwn(report, slot, pod) ? report : undefined,
    outdated:
      pod !== undefined &&
      (differs(pod, wanted) || !mounts(pod.spec, configMap) || (isFormed && looksForItsSnapshot(pod))),
  };
}

function differs({ metadata }: Pod, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).some(([key, value]) => metadata.annotations?.[key] !== value);
}

/** Whether a pod has this zoo.cfg, or any where none is given. */
export function mounts(spec: Pod['spec'], configMap: string | undefined): boolean {
  return configMap === undefined || (spec?.volumes?.some((volume) => volume.configMap?.name === configMap) ?? false);
}

/** The pod is older than the wish to delete the claim; a later one only waits until the claim is made anew. */
function holds(pod: Pod | undefined, claim: PersistentVolumeClaim | undefined): boolean {
  const { creationTimestamp } = pod?.metadata ?? {};
  const { deletionTimestamp } = claim?.metadata ?? {};
  if (creationTimestamp === undefined || deletionTimestamp === undefined) return false;
  // There is nothing left to hold.
  if (claim?.status?.phase === 'Lost') return false;
  return Date.parse(creationTimestamp) <= Date.parse(deletionTimestamp);
}

/** Addresses of pods are used again: an answer under another id, or from another pod, is somebody else's. */
function isItsOwn({ serverId, podUid }: MemberReport, slot: MemberSlot, pod: Pod | undefined): boolean {
  return serverId === slot.serverId && (podUid === undefined || podUid === pod?.metadata.uid);
}

function judged(seen: SeenMember, membership: Membership, leading: SeenMember | undefined): Member {
  const { slot, report } = seen;
  const serves = servesUnder(seen, leading);
  const lag = lagBehind(leading?.report, report);
  return {
    ...seen,
    voting: membership.voters.includes(slot.serverId),
    belongs: belongs(membership, slot),
    serves,
    inSync: serves && isReady(seen) && lag !== undefined && lag <= LAG_MAX,
    lag,
  };
}

function isReady({ pod }: Pick<Member, 'pod'>): boolean {
  return pod !== undefined && isPodReady(pod);
}

/** A deposed leader may not know it yet: the highest epoch counts. */
function currentLeader(members: readonly SeenMember[]): SeenMember | undefined {
  return members
    .filter(({ report }) => report !== undefined && report.serving && isLeading(report))
    .sort((a, b) => (b.report?.epoch ?? 0) - (a.report?.epoch ?? 0))[0];
}

function isLeading(report: MemberReport): boolean {
  return report.state === 'leader' || report.state === 'standalone';
}

function servesUnder({ slot, report }: SeenMember, leader: SeenMember | undefined): boolean {
  if (report === undefined || leader?.report === undefined || !report.serving) return false;
  const follows = slot.serverId === leader.slot.serverId || report.leaderId === leader.slot.serverId;
  return follows && report.epoch === leader.report.epoch;
}

/**
 * How many of the leader's transactions a member does not have yet: as the leader counts them, or by the two reports.
 * One that is still at an earlier epoch had all of that one before it began to serve.
 */
function lagBehind(leader: MemberReport | undefined, member: MemberReport | undefined): number | undefined {
  if (leader === undefined || member === undefined) return undefined;
  const counted = leader.learners?.find(({ id }) => id === member.serverId);
  if (counted !== undefined) return counted.lag;
  const [newest, own] = [Number(leader.lastZxid), Number(member.lastZxid)];
  return Math.max(0, epochOf(own) === epochOf(newest) ? newest - own : counterOf(newest));
}
