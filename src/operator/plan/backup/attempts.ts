import type { Job, Pod } from '../../resources/kubernetes.ts';
import { BACKUP_CONTAINER } from '../../resources/backup/jobs.ts';

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

/** What the pod that succeeded said; undefined where that pod, or its message, is gone. */
export function resultOf(job: Job, pods: readonly Pod[]): BackupResult | undefined {
  for (const pod of podsOf(job, pods)) {
    const ended = pod.status?.containerStatuses?.find(({ name }) => name === BACKUP_CONTAINER)?.state?.terminated;
    const result = ended?.exitCode === 0 ? parseResult(ended.message) : undefined;
    if (result !== undefined) return result;
  }
  return undefined;
}

/** Why there is no result yet, or none at all, for people: what the newest pod waits for or said last. */
export function attemptsTold(job: Job, pods: readonly Pod[]): string {
  const [newest] = podsOf(job, pods).toSorted((a, b) => born(b) - born(a));
  const trouble = newest === undefined ? undefined : podTrouble(newest);
  const failed = job.status?.failed ?? 0;
  const count = failed === 0 ? '' : `${failed} attempt${failed === 1 ? '' : 's'} failed`;
  const lastWords = failed > 0 && trouble === undefined ? lastFailure(job, pods) : trouble;
  return [count, lastWords].filter((part) => part !== undefined && part !== '').join('; ');
}

function lastFailure(job: Job, pods: readonly Pod[]): string | undefined {
  const ended = podsOf(job, pods).toSorted((a, b) => born(b) - born(a));
  for (const pod of ended) {
    const trouble = podTrouble(pod);
    if (trouble !== undefined) return trouble;
  }
  return undefined;
}

function podTrouble({ status }: Pod): string | undefined {
  const container = status?.containerStatuses?.find(({ name }) => name === BACKUP_CONTAINER)?.state;
  const { terminated, waiting } = container ?? {};
  if (terminated !== undefined && terminated.exitCode !== 0) {
    const words = (terminated.message ?? '').trim().split('\n').at(-1)?.slice(0, LAST_WORDS_MAX) ?? '';
    return words === '' ? `${terminated.reason ?? 'ended'} with exit code ${terminated.exitCode}` : words;
  }
  if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating') {
    return `waiting: ${waiting.reason}${waiting.message === undefined ? '' : ` (${waiting.message})`}`;
  }
  const unscheduled = status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
  return unscheduled?.message === undefined ? undefined : `not scheduled: ${unscheduled.message}`;
}

function podsOf(job: Job, pods: readonly Pod[]): Pod[] {
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
