import type { Job, Pod } from '../../resources/kubernetes.ts';
import { SNAPSHOT_CONTAINER } from '../../resources/backup/snapshot-job.ts';
import { whyNotStarted } from './pod-start.ts';

/** What zabctl said of a backup that it took, verified and stored. */
export interface BackupResult {
  readonly zxid: string;
  readonly znodes: number;
  readonly digest: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Absent where an attempt before took the snapshot. */
  readonly member?: string;
  readonly version?: string;
}

/** How far a Job is. */
export type JobState = 'running' | 'complete' | 'failed';

/** How much of what a pod said last is told, in characters. */
const LAST_WORDS_MAX = 500;

/** The label that Kubernetes gives the pods of a Job. */
const JOB_NAME_LABEL = 'batch.kubernetes.io/job-name';

/** How far a Job is, by its conditions. */
export function jobState({ status }: Job): JobState {
  const has = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  if (has('Complete')) return 'complete';
  return has('Failed') ? 'failed' : 'running';
}

/** Whether a Job has failed because it took longer than it may. */
export function isOverdue({ status }: Job): boolean {
  return status?.conditions?.some(({ type, reason }) => type === 'Failed' && reason === 'DeadlineExceeded') ?? false;
}

/** What the pod that succeeded said; undefined where that pod, or its message, is gone. */
export function resultOf(job: Job, pods: readonly Pod[]): BackupResult | undefined {
  for (const pod of podsOf(job, pods)) {
    const ended = pod.status?.containerStatuses?.find(({ name }) => name === SNAPSHOT_CONTAINER)?.state?.terminated;
    const result = ended?.exitCode === 0 ? parseResult(ended.message) : undefined;
    if (result !== undefined) return result;
  }
  return undefined;
}

/** How many attempts have failed, and what the last of them said, for people; empty where none has. */
export function failuresTold(job: Job, pods: readonly Pod[]): string {
  const failed = job.status?.failed ?? 0;
  if (failed === 0) return '';
  const count = `${failed} attempt${failed === 1 ? '' : 's'} failed`;
  const words = lastFailure(job, pods);
  return words === undefined ? count : `${count}; ${words}`;
}

/** What the last attempt that failed said; undefined where none has failed, or its pod is gone. */
export function lastFailure(job: Job, pods: readonly Pod[]): string | undefined {
  for (const pod of newestFirst(job, pods)) {
    const words = lastWords(pod);
    if (words !== undefined) return words;
  }
  return undefined;
}

/**
 * Why there is no attempt at present, and what would help; undefined where one is under way or about to be.
 *
 * @param refusal Why Kubernetes makes no pod for the Job, where it said so.
 * @param now RFC 3339
 */
export function startObstacle(
  job: Job,
  pods: readonly Pod[],
  refusal: string | undefined,
  now: string,
): string | undefined {
  const [newest] = newestFirst(job, pods);
  if (newest !== undefined) return whyNotStarted(newest, now);
  return refusal === undefined ? undefined : `no pod can be made: ${refusal}`;
}

/** Whether the newest attempt has begun, and nobody has ended it from outside. */
export function hasStarted(job: Job, pods: readonly Pod[]): boolean {
  const [newest] = newestFirst(job, pods);
  if (newest === undefined || newest.metadata.deletionTimestamp !== undefined) return false;
  const state = newest.status?.containerStatuses?.find(({ name }) => name === SNAPSHOT_CONTAINER)?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
}

function newestFirst(job: Job, pods: readonly Pod[]): Pod[] {
  return podsOf(job, pods).toSorted((a, b) => born(b) - born(a));
}

/** What a pod said at its end; undefined where it has not failed. */
function lastWords({ status }: Pod): string | undefined {
  const ended = status?.containerStatuses?.find(({ name }) => name === SNAPSHOT_CONTAINER)?.state?.terminated;
  if (ended === undefined || ended.exitCode === 0) return undefined;
  const words = (ended.message ?? '').trim().split('\n').at(-1)?.slice(0, LAST_WORDS_MAX) ?? '';
  return words === '' ? `${ended.reason ?? 'ended'} with exit code ${ended.exitCode}` : words;
}

/** The pods that were made for a Job. */
export function podsOf(job: Job, pods: readonly Pod[]): Pod[] {
  return pods.filter(({ metadata }) => metadata.labels?.[JOB_NAME_LABEL] === job.metadata.name);
}

function born({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

function parseResult(message: string | undefined): BackupResult | undefined {
  try {
    const { zxid, znodes, digest, bytes, sha256, member, version } = JSON.parse(message ?? '') as Record<
      string,
      unknown
    >;
    if (typeof zxid !== 'string' || typeof digest !== 'string' || typeof sha256 !== 'string') return undefined;
    if (typeof znodes !== 'number' || typeof bytes !== 'number') return undefined;
    return {
      zxid,
      znodes,
      digest,
      bytes,
      sha256,
      ...(typeof member === 'string' ? { member } : {}),
      ...(typeof version === 'string' ? { version } : {}),
    };
  } catch {
    // Cut off, or said by something else.
    return undefined;
  }
}
