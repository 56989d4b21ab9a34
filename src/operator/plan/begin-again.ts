import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { counterOf, epochOf } from '../../common/zxid.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import { isPodReady, type PersistentVolumeClaim, type StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, everySlot, PORTS } from '../resources/names.ts';
import { deletionOf, deletionOfVery, type Deletion } from './deletions.ts';
import { isGone, podsLeft, trouble } from './health.ts';
import type { EnsembleState, Member } from './members.ts';
import { versionNumber } from './membership.ts';
import type { MemberReport, Observed } from './model.ts';
import { isMore } from './quantity.ts';
import { lostData } from './rebuild.ts';
import { decideRestore } from './restore.ts';
import { isMadeBy } from './volumes.ts';

/** An ensemble that is about to be formed once more. */
export interface BeginsAgain {
  /** None while what was taken back is still there. */
  readonly steps: readonly Deletion[];
  /** Why, and what is waited for. */
  readonly progress: string;
}

/** One that cannot be formed, and is not taken back either. */
export interface LeftToPerson {
  /** Why, and what a person can do. */
  readonly help: string;
}

/**
 * While the ensemble is being formed: takes everything back, the members and their volumes, where it cannot be formed with what there is:
 * a volume is lost or its data are damaged, or the manifest asks by now for other volumes or another number of members than those that
 * got stuck. All of it is made anew once all of it is gone. Undefined where there is nothing to take back.
 *
 * Nobody loses anything by it, as no client has been let in; where somebody found a way in all the same, a person must decide. And all
 * of it goes: of members that began at different times, one could take what another has of the same epoch for its own.
 *
 * The set goes first, so that no member gets a new volume beside others with old ones; some that lack theirs then tell of a crash in
 * the middle.
 */
export function beginAgain(
  cluster: CoordinationCluster,
  latch: BootstrapLatch,
  state: EnsembleState,
  observed: Observed,
): BeginsAgain | LeftToPerson | undefined {
  if (latch.phase !== 'Started') return undefined;
  const { statefulSet: set, pods, now } = observed;
  const volumes = membersClaims(cluster, observed);
  const isUnderWay = isTakenBack(latch, volumes, observed);
  // What is left of the first attempt would be beside new volumes as soon as the ensemble is woken up.
  if (cluster.spec.hibernated && !isUnderWay) return undefined;
  const why = isUnderWay ? 'what was begun is taken back' : whyAgain(cluster, latch, state, observed);
  if (why === undefined) return undefined;
  const silent = state.members.find(mayServeUnheard);
  const progress = `the ensemble is formed once more: ${why}`;
  // To make the set anew would bring in new volumes beside old ones.
  if (silent !== undefined && isUnderWay && set === undefined) {
    return { steps: [], progress: `${progress}; waiting for ${silent.slot.podName} to answer, or to end` };
  }
  const obstacle = unknownData(cluster, latch, state, volumes);
  if (obstacle !== undefined) {
    return { help: `it is not formed once more by itself (${why}), as ${obstacle}` };
  }
  const steps = [
    // Its pods go with it; those that it has left behind do not.
    ...deletionOf('StatefulSet', set),
    ...volumes.flatMap((claim) => deletionOf('PersistentVolumeClaim', claim)),
    ...(set === undefined ? pods.flatMap((pod) => deletionOfVery('Pod', pod)) : []),
  ];
  return {
    steps: isUnderWay ? steps : announced(steps, why),
    progress: `${progress}; ${leftovers(volumes, state, now)}`,
  };
}

/**
 * Whether nothing is left of the beginning that the latch tells of, or nothing has come to be of it yet, and the manifest asks for
 * another one: it may be decided anew.
 */
export function mayDecideAnew(cluster: CoordinationCluster, latch: BootstrapLatch, observed: Observed): boolean {
  const { statefulSet, pods } = observed;
  if (latch.phase !== 'Started' || statefulSet !== undefined || pods.length > 0) return false;
  return membersClaims(cluster, observed).length === 0 && otherBeginning(cluster, latch, observed) !== undefined;
}

/** Part of it is gone already, or on its way. */
function isTakenBack(
  latch: BootstrapLatch,
  volumes: readonly PersistentVolumeClaim[],
  { statefulSet: set, pods }: Observed,
): boolean {
  if (volumes.some(isLeaving) || (set !== undefined && isLeaving(set))) return true;
  if (set !== undefined) return false;
  return volumes.length === 0 ? pods.length > 0 : volumes.length < latch.replicas;
}

function announced([first, ...others]: readonly Deletion[], why: string): Deletion[] {
  if (first === undefined) return [];
  const message = `The ensemble could not be formed with what there was: ${why}; its volumes, on which nobody has written anything yet, are made anew`;
  return [{ ...first, announce: { type: 'Warning', reason: 'BootstrapBegunAgain', message } }, ...others];
}

function whyAgain(
  cluster: CoordinationCluster,
  latch: BootstrapLatch,
  state: EnsembleState,
  observed: Observed,
): string | undefined {
  const otherVolumes = otherVolumesAskedFor(cluster, observed);
  if (otherVolumes !== undefined) return otherVolumes;
  for (const member of state.members) {
    const claim = observed.claims.find(({ metadata }) => metadata.name === member.slot.claimName);
    const lost = lostData(member, claim, observed);
    if (lost !== undefined) return `${member.slot.podName} cannot begin (${lost})`;
  }
  // Whatever is well under way is formed first, and changed afterwards.
  const isStuck = state.members.some((member) => trouble(member, observed.now) !== undefined);
  return isStuck ? otherBeginning(cluster, latch, observed) : undefined;
}

/** The volumes that were asked for have not come to be, and the manifest asks for others by now (another class, another size). */
function otherVolumesAskedFor(
  cluster: CoordinationCluster,
  { statefulSet: set, claims }: Observed,
): string | undefined {
  if (set === undefined || asksForTheSame(set, cluster)) return undefined;
  const unbound = claims.filter(({ status }) => status?.capacity === undefined);
  return unbound.length === 0
    ? undefined
    : `the manifest asks for other volumes by now than ${namesOf(unbound)}, which did not come to be`;
}

function asksForTheSame({ spec }: StatefulSet, { spec: { storage } }: CoordinationCluster): boolean {
  const template = spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM)?.spec;
  if (template === undefined) return true;
  const size = template.resources.requests.storage;
  const isSame = !isMore(size, storage.size) && !isMore(storage.size, size);
  return template.storageClassName === storage.storageClassName && isSame;
}

/** What the manifest says by now of how the ensemble begins, where that is something else than what was begun. */
function otherBeginning(cluster: CoordinationCluster, latch: BootstrapLatch, observed: Observed): string | undefined {
  const { replicas } = cluster.spec;
  if (replicas !== latch.replicas) return `the manifest asks for ${replicas} members by now, and not ${latch.replicas}`;
  const restore = decideRestore(cluster, observed);
  // What a beginning was decided on may be gone since: that asks for nothing else.
  if (restore !== undefined && 'refused' in restore) return undefined;
  const { restoreFrom } = latch;
  const wanted = restore && { ...restore.from, sha256: restore.from.sha256 ?? restoreFrom?.sha256 };
  return canonicalJson(wanted) === canonicalJson(restoreFrom)
    ? undefined
    : 'the manifest says by now that it begins with something else';
}

/** What may be on the volumes that somebody needs, and what to do where nobody does. */
function unknownData(
  cluster: CoordinationCluster,
  latch: BootstrapLatch,
  { members }: EnsembleState,
  volumes: readonly PersistentVolumeClaim[],
): string | undefined {
  const staying = volumes.filter((claim) => !isLeaving(claim));
  const foreign = staying.filter((claim) => !isMadeBy(cluster, claim));
  if (foreign.length > 0) {
    return `nobody knows what is on volumes that somebody else has made (${namesOf(foreign)}): delete those that nobody needs`;
  }
  const silent = members.find(mayServeUnheard);
  if (silent !== undefined) {
    return `${silent.slot.podName} serves, and does not tell the operator what it has: let the operator reach its port ${PORTS.admin}`;
  }
  const written = members.find(({ report }) => report !== undefined && isWrittenTo(latch, report));
  if (staying.length === 0 || written === undefined) return undefined;
  return (
    `somebody has connected to it all the same (${written.slot.podName} has transaction ${written.report?.lastZxid ?? ''}): where nobody ` +
    'needs what was written, delete this cluster, and its volumes with it, and make it anew'
  );
}

/** Kubernetes gets an answer from it, and the operator does not: somebody may well have written to it. */
function mayServeUnheard(member: Member): boolean {
  const { pod, report } = member;
  return report === undefined && pod !== undefined && !isGone(member) && isPodReady(pod);
}

/** Whether a client has written something, as far as a member tells: to a pod, as there is no Service for clients yet. */
function isWrittenTo({ origin }: BootstrapLatch, report: MemberReport): boolean {
  const zxid = Number(report.lastZxid);
  return counterOf(zxid) > 0 && (origin === 'Fresh' || isOfThisLife(zxid, report));
}

/**
 * Whether a transaction did not come with the snapshot, which is of an epoch before the first one here. The configuration bears the zxid
 * with which that one began, whoever has led since, or that of its last change.
 */
function isOfThisLife(zxid: number, { configuration, serving, epoch }: MemberReport): boolean {
  const version = configuration === undefined ? 0 : versionNumber(configuration);
  return version > 0 ? zxid >= version : serving && epochOf(zxid) === epoch;
}

/** Volumes of voters, whoever made them: an ensemble that is being formed has no others. */
function membersClaims(cluster: CoordinationCluster, { claims }: Observed): PersistentVolumeClaim[] {
  const names = new Set(everySlot(cluster).map(({ claimName }) => claimName));
  return claims.filter(({ metadata }) => names.has(metadata.name));
}

function isLeaving({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function leftovers(claims: readonly PersistentVolumeClaim[], { members }: EnsembleState, now: string): string {
  return `waiting until all of the first attempt is gone: ${[...podsLeft(members, now), ...claims.map(nameOf)].join(', ')}`;
}

function namesOf(objects: readonly KubeObject[]): string {
  return objects.map(nameOf).join(', ');
}

function nameOf({ metadata }: KubeObject): string {
  return metadata.name;
}
