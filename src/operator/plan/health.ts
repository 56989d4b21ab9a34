import type { BootstrapLatch } from '../../api/coordination-cluster.ts';
import { isPodReady, type ContainerStatus, type Pod } from '../resources/kubernetes.ts';
import { PORTS } from '../resources/names.ts';
import { failedInitContainer, waitsInVain } from './containers.ts';
import type { Member } from './members.ts';

/** A member whose process runs is given this long to serve again by itself, in milliseconds: elections pass. */
const PATIENCE_MS = 10_000;

/** A member that is not ready for longer than this, in milliseconds, is in trouble even if nothing says why. */
export const SLOW_MS = 60_000;

/** How much of a member's last words is told, in characters. */
const LAST_WORDS_MAX = 300;

/** What a member ends with that cannot use what is on its disk, and will not be able to by itself. */
const DAMAGED_EXIT_CODE = 3;

/** The server's codes of damaged data. Not `ZK_STORAGE_FAILED`, which a full disk is too: what is on it is whole. */
const DAMAGED = /\bZK_(?:LOG_CORRUPT|SNAPSHOT_CORRUPT|EPOCH_CORRUPT|STORAGE_MISSING)\b/;

/** There is no pod, or its end was asked for: Kubernetes is to make another. */
export function isGone({ pod }: Member): boolean {
  return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
}

/**
 * Whether nobody loses anything if the member's pod goes: it serves nobody, and either it cannot start, or it has not
 * become ready for a while.
 *
 * @param updateFails What is to come after it has been tried and does not start: it may well be worse than what there is.
 * @param now RFC 3339
 */
export function isUseless(member: Member, latch: BootstrapLatch, updateFails: boolean, now: string): boolean {
  const { pod } = member;
  if (pod === undefined || isGone(member) || isPodReady(pod)) return false;
  // Before the ensemble is formed no member has anything to lose.
  if (latch.phase === 'Started') return true;
  if (member.report?.serving === true) return false;
  if (pod.status?.phase === 'Pending') return true;
  if (updateFails) return unchangedForMs(pod, now) >= SLOW_MS;
  return waitsInVain(serverStatus(pod)) || unchangedForMs(pod, now) >= PATIENCE_MS;
}

/**
 * Why a member will hardly become ready by itself, for people; undefined where it may just take its time.
 *
 * @param now RFC 3339
 */
export function trouble(member: Member, now: string): string | undefined {
  const { pod, refused } = member;
  if (refused !== undefined) return withWords('no pod', refused);
  if (pod !== undefined && endsInVain(pod, now)) {
    const { nodeName } = pod.spec ?? {};
    const node = nodeName === undefined ? '' : ` ${nodeName}`;
    return `does not end, as on a node that is lost: bring the node${node} back, or kubectl delete node${node}`;
  }
  if (pod === undefined || isGone(member) || isPodReady(pod)) return undefined;
  const failure = startFailure(member);
  if (failure !== undefined) return failure;
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled !== undefined)
    return (
      withWords(unscheduled.reason ?? 'Unschedulable', unscheduled.message) + volumeWords(member, unscheduled.message)
    );
  return unchangedForMs(pod, now) >= SLOW_MS ? 'not ready for over a minute' : undefined;
}

/** The pods that members have, each with what would help it where it will hardly end, or start, by itself. */
export function podsLeft(members: readonly Member[], now: string): string[] {
  return members.flatMap((member) => {
    if (member.pod === undefined) return [];
    const why = trouble(member, now);
    return why === undefined ? member.slot.podName : `${member.slot.podName} (${why})`;
  });
}

/** Its time to end, which is in its deletion timestamp, has been over for long: nobody is there to end it. */
function endsInVain({ metadata: { deletionTimestamp } }: Pod, now: string): boolean {
  return deletionTimestamp !== undefined && Date.parse(now) - Date.parse(deletionTimestamp) >= SLOW_MS;
}

/** Whether a member has been missing for longer than it takes to find a leader, or to be started again. */
export function isMissingForLong(member: Member, now: string): boolean {
  const { pod } = member;
  // Kubernetes makes another one at once.
  if (pod === undefined || member.inSync) return false;
  const { deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return Date.parse(now) - Date.parse(deletionTimestamp) >= PATIENCE_MS;
  return !isPodReady(pod) && unchangedForMs(pod, now) >= PATIENCE_MS;
}

/**
 * Whether one that is to become a member will hardly do so by itself: it fails to start, or has not got in for as long as is given it.
 *
 * @param now RFC 3339
 */
export function isStalled(member: Member, patienceMs: number, now: string): boolean {
  const { pod } = member;
  if (pod === undefined || isGone(member) || member.inSync) return false;
  return unchangedForMs(pod, now) >= (startFailure(member) === undefined ? patienceMs : PATIENCE_MS);
}

/** What a member said that ended because its data are damaged; undefined where it did not. */
export function damagedData({ pod, report }: Member): string | undefined {
  if (pod === undefined || report !== undefined || isPodReady(pod)) return undefined;
  const container = serverStatus(pod);
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  if (container?.state?.running !== undefined || ended?.exitCode !== DAMAGED_EXIT_CODE) return undefined;
  return DAMAGED.test(ended.message ?? '') ? endedWith(ended) : undefined;
}

/** The scheduler says that there is no volume, and not of which class. */
function volumeWords({ unboundClaim }: Member, message = ''): string {
  if (unboundClaim === undefined || !message.includes('PersistentVolumeClaim')) return '';
  const { storageClassName } = unboundClaim.spec;
  const wanted = storageClassName === undefined ? 'without a StorageClass' : `of StorageClass ${storageClassName}`;
  return `; kubectl describe pvc ${unboundClaim.metadata.name} says why there is no volume ${wanted}`;
}

/** Why the process of a member that is not ready cannot start, or ends again; undefined where it does neither. */
export function startFailure({ pod }: Member): string | undefined {
  if (pod === undefined || isPodReady(pod)) return undefined;
  const container = serverStatus(pod);
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  const end = ended === undefined || ended.exitCode === 0 ? undefined : endedWith(ended);
  if (!waitsInVain(container)) return end;
  const { reason = 'Waiting', message } = container?.state?.waiting ?? {};
  if (reason === 'CreateContainerConfigError') return withWords(reason, message);
  if (end !== undefined) return `${reason}, ${end}`;
  return container?.image === undefined || container.image === '' ? reason : `${reason} of ${container.image}`;
}

/** Why a member does not serve, or what keeps it from counting as back, in a few words. */
export function whyAbsent(member: Member, now: string): string {
  const { pod, report } = member;
  const troubled = trouble(member, now);
  if (troubled !== undefined) return troubled;
  if (pod === undefined) return 'no pod';
  if (isGone(member)) return 'ending';
  if (report !== undefined) {
    if (!report.serving) return report.state;
    return isPodReady(pod) ? 'serving, behind the leader' : 'serving, not yet ready';
  }
  // Kubernetes gets an answer from it: something is in the operator's way.
  if (isPodReady(pod)) return `ready, but does not answer the operator at port ${PORTS.admin}`;
  return pod.status?.phase === 'Running' ? 'does not answer' : (pod.status?.phase ?? 'Pending').toLowerCase();
}

/** For how long the pod has been ready, or not ready, in milliseconds; for ever, where Kubernetes does not say. */
function unchangedForMs({ status, metadata }: Pod, now: string): number {
  const since =
    status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? metadata.creationTimestamp;
  return since === undefined ? Infinity : Date.parse(now) - Date.parse(since);
}

/** Its server's, or that of the container before it that does not end well: it says best why the server does not start. */
function serverStatus(pod: Pod): ContainerStatus | undefined {
  return failedInitContainer(pod) ?? pod.status?.containerStatuses?.find(({ name }) => name === 'server');
}

function endedWith({ exitCode, message }: { readonly exitCode: number; readonly message?: string }): string {
  return withWords(`exit code ${exitCode}`, message);
}

function withWords(what: string, message: string | undefined): string {
  const words = message?.trim().split('\n').at(-1)?.slice(0, LAST_WORDS_MAX) ?? '';
  return words === '' ? what : `${what}: ${words}`;
}
