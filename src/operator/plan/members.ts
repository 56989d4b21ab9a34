import type { MemberStatus } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import { counterOf, epochOf } from '../../common/zxid.ts';
import { isPodReady, type PersistentVolumeClaim, type Pod, type StatefulSet } from '../resources/kubernetes.ts';
import {
  KUBECTL_RESTART_ANNOTATION,
  memberSlots,
  RESTART_ANNOTATION,
  TEMPLATE_ANNOTATION,
  type MemberSlot,
} from '../resources/names.ts';
import { templateFingerprint } from '../resources/pod-template.ts';
import type { MemberReport, Observed } from './model.ts';

/** A slot of the ensemble with what is known of its member. */
export interface Member {
  readonly slot: MemberSlot;
  readonly pod?: Pod | undefined;
  readonly report?: MemberReport | undefined;
  /** The claim of its volume, while there is no volume yet. */
  readonly unboundClaim?: PersistentVolumeClaim | undefined;
  /** Why Kubernetes did not make its pod, where it said so. */
  readonly refused?: string | undefined;
  /** Its pod was made from another template than the manifest's present one, or before a restart was asked for. */
  readonly outdated: boolean;
  /** It serves under the present leader, or is it. */
  readonly serves: boolean;
  /** It serves, Kubernetes counts it as ready, and it has about all that the leader has. */
  readonly inSync: boolean;
}

/** What the members together amount to. */
export interface EnsembleState {
  readonly members: readonly Member[];
  readonly leader?: Member | undefined;
  /** How many members serve under the leader's epoch. */
  readonly serving: number;
  /** A majority of the voters serves under one leader. */
  readonly quorumServes: boolean;
  /** Every member serves under one leader, and Kubernetes counts every pod as ready. */
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
export function wantedAnnotations(ensemble: Ensemble, set: StatefulSet | undefined): Record<string, string> {
  const restarts = {
    [RESTART_ANNOTATION]: ensemble.cluster.metadata.annotations?.[RESTART_ANNOTATION],
    [KUBECTL_RESTART_ANNOTATION]: set?.spec.template.metadata.annotations?.[KUBECTL_RESTART_ANNOTATION],
  };
  const wanted: Record<string, string> = { [TEMPLATE_ANNOTATION]: templateFingerprint(ensemble) };
  for (const [key, value] of Object.entries(restarts)) if (value !== undefined) wanted[key] = value;
  return wanted;
}

/** Reads the state of the ensemble out of its pods and its members' answers. */
export function ensembleState(ensemble: Ensemble, observed: Observed): EnsembleState {
  const wanted = wantedAnnotations(ensemble, observed.statefulSet);
  const seen = memberSlots(ensemble.cluster, ensemble.voters).map((slot) => seenMember(slot, observed, wanted));
  const leading = currentLeader(seen);
  const members = seen.map((one) => judged(one, leading));
  const following = members.filter(({ serves }) => serves);
  return {
    members,
    leader: members.find(({ slot }) => slot === leading?.slot),
    serving: following.length,
    quorumServes: following.length >= majorityOf(ensemble.voters),
    complete:
      following.length === ensemble.voters && following.every(({ pod }) => pod !== undefined && isPodReady(pod)),
  };
}

/** The member as the status lists it. */
export function memberStatus({ slot, pod, report }: Member): MemberStatus {
  const podReady = pod !== undefined && isPodReady(pod);
  return {
    name: slot.podName,
    id: slot.serverId,
    role: report?.state ?? 'unknown',
    ready: podReady && (report === undefined || report.serving),
    ...(report === undefined ? {} : { zxid: report.lastZxid, version: report.version }),
  };
}

/** A member by itself, before it is known who leads. */
type SeenMember = Omit<Member, 'serves' | 'inSync'>;

function seenMember(slot: MemberSlot, observed: Observed, wanted: Readonly<Record<string, string>>): SeenMember {
  const pod = observed.pods.find(({ metadata }) => metadata.name === slot.podName);
  const answer = observed.reports.get(slot.podName);
  return {
    slot,
    pod,
    unboundClaim: observed.claims.find(
      ({ metadata, status }) => metadata.name === slot.claimName && status?.capacity === undefined,
    ),
    refused: pod === undefined ? observed.refusals?.get(slot.podName) : undefined,
    // Addresses of pods are used again: an answer under another id is somebody else's.
    report: answer?.serverId === slot.serverId ? answer : undefined,
    outdated:
      pod !== undefined && Object.entries(wanted).some(([key, value]) => pod.metadata.annotations?.[key] !== value),
  };
}

function judged(seen: SeenMember, leading: SeenMember | undefined): Member {
  const { pod, report } = seen;
  const serves = servesUnder(seen, leading);
  const ready = pod !== undefined && isPodReady(pod);
  const inSync = serves && ready && lagBehind(leading?.report, report) <= LAG_MAX;
  return { ...seen, serves, inSync };
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
 * How many of the leader's transactions a member that serves does not have yet. One that is still at an earlier epoch
 * had all of that one before it began to serve.
 */
function lagBehind(leader: MemberReport | undefined, member: MemberReport | undefined): number {
  if (leader === undefined || member === undefined) return Infinity;
  const [newest, own] = [Number(leader.lastZxid), Number(member.lastZxid)];
  return epochOf(own) === epochOf(newest) ? newest - own : counterOf(newest);
}
