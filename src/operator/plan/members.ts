import type { MemberStatus } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import { isPodReady, type Pod } from '../resources/kubernetes.ts';
import { memberSlots, TEMPLATE_ANNOTATION, type MemberSlot } from '../resources/names.ts';
import { templateFingerprint } from '../resources/pod-template.ts';
import type { MemberReport, Observed } from './model.ts';

/** A slot of the ensemble with what is known of its member. */
export interface Member {
  readonly slot: MemberSlot;
  readonly pod?: Pod | undefined;
  readonly report?: MemberReport | undefined;
  /** Its pod was made from another template than the manifest's present one. */
  readonly outdated: boolean;
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

/** Reads the state of the ensemble out of its pods and its members' answers. */
export function ensembleState(ensemble: Ensemble, observed: Observed): EnsembleState {
  const currentTemplate = templateFingerprint(ensemble);
  const members = memberSlots(ensemble.cluster, ensemble.voters).map((slot) => member(slot, observed, currentTemplate));
  const leader = currentLeader(members);
  const following = members.filter((candidate) => servesUnder(candidate, leader));
  const majority = Math.floor(ensemble.voters / 2) + 1;
  return {
    members,
    leader,
    serving: following.length,
    quorumServes: following.length >= majority,
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

function member(slot: MemberSlot, observed: Observed, currentTemplate: string): Member {
  const pod = observed.pods.find(({ metadata }) => metadata.name === slot.podName);
  const answer = observed.reports.get(slot.podName);
  return {
    slot,
    pod,
    // Addresses of pods are used again: an answer under another id is somebody else's.
    report: answer?.serverId === slot.serverId ? answer : undefined,
    outdated: pod !== undefined && pod.metadata.annotations?.[TEMPLATE_ANNOTATION] !== currentTemplate,
  };
}

/** A deposed leader may not know it yet: the highest epoch counts. */
function currentLeader(members: readonly Member[]): Member | undefined {
  return members
    .filter(({ report }) => report !== undefined && report.serving && isLeading(report))
    .sort((a, b) => (b.report?.epoch ?? 0) - (a.report?.epoch ?? 0))[0];
}

function isLeading(report: MemberReport): boolean {
  return report.state === 'leader' || report.state === 'standalone';
}

function servesUnder({ slot, report }: Member, leader: Member | undefined): boolean {
  if (report === undefined || leader?.report === undefined || !report.serving) return false;
  const follows = slot.serverId === leader.slot.serverId || report.leaderId === leader.slot.serverId;
  return follows && report.epoch === leader.report.epoch;
}
