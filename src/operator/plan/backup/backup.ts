import { nextConditions, type ConditionValue } from '../../../api/conditions.ts';
import type { BackupPhase, CoordinationBackup, CoordinationBackupStatus } from '../../../api/coordination-backup.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { backupJob, backupStore, removalJob } from '../../resources/backup/jobs.ts';
import { isSameWork, type PodSettings } from '../../resources/backup/snapshot-job.ts';
import type { Job, Pod } from '../../resources/kubernetes.ts';
import { BACKUP_FINALIZER } from '../../resources/names.ts';
import { REQUEUE, type PlannedEvent, type PlanSettings, type Step } from '../model.ts';
import {
  failuresTold,
  hasStarted,
  isOverdue,
  jobState,
  resultOf,
  startObstacle,
  type BackupResult,
} from './attempts.ts';
import { isDeleted, type ObservedBackup, type ResourcePlan } from './model.ts';
import { formedWith, nameOf, NOT_UNDERSTOOD } from './restoring.ts';

/** The reason of a backup whose pod Kubernetes cannot start. */
const CANNOT_START = 'PodCannotStart';

/** The reason of a backup that took too long. */
const OVERDUE = 'DeadlineExceeded';

const LEAVE_IT = 'set deletionPolicy to Retain to leave it there';

type BackupPlan = ResourcePlan<CoordinationBackupStatus>;

/**
 * What to do next for a backup. One Job, named by the backup's UID, takes it, however often this is planned: an operator that
 * dies between any two steps finds the Job, its result, or what it stored.
 */
export function planBackup(backup: CoordinationBackup, observed: ObservedBackup, settings: PlanSettings): BackupPlan {
  if (isDeleted(backup)) return planRemoval(backup, observed, settings);
  const { phase } = backup.status ?? {};
  if (phase === 'Complete' || phase === 'Failed') return { steps: [], events: [], status: backup.status };
  const { job } = observed;
  if (job !== undefined) return followJob(backup, job, observed, settings);
  return beginWith(backup, observed, settings);
}

function beginWith(backup: CoordinationBackup, observed: ObservedBackup, settings: PlanSettings): BackupPlan {
  const { cluster, now } = observed;
  const obstacle = whyNot(backup, observed);
  if (cluster === undefined || obstacle !== undefined) {
    const status = statusOf(backup, now, 'Pending', obstacle ?? waiting('ClusterNotFound', ''));
    return { steps: ensureFinalizer(backup), events: news(backup, status), status, requeueAfterMs: REQUEUE.waitingMs };
  }
  const object = backupJob(backup, cluster, podSettings(cluster, settings));
  const status = statusOf(backup, now, 'Running', waiting('Running', 'a Job takes the snapshot'), {
    startedAt: begunAt(backup, now),
  });
  const steps: Step[] = [...ensureFinalizer(backup), { do: 'create', kind: 'Job', object }];
  const refused = (said: string) =>
    statusOf(backup, now, 'Pending', waiting('StepRefused', `${said}; put that right, and it begins by itself`));
  return { steps, events: news(backup, status), status, refused };
}

/** Why the backup cannot begin; it begins by itself as soon as it can. */
function whyNot(
  { spec }: CoordinationBackup,
  { cluster, clusterNotUnderstood }: ObservedBackup,
): ConditionValue | undefined {
  const { name } = spec.clusterRef;
  if (clusterNotUnderstood !== undefined) {
    return waiting(
      'ClusterNotUnderstood',
      `this version of the operator does not understand ${name} (${clusterNotUnderstood}): install operator and CRDs of the same version`,
    );
  }
  if (cluster === undefined) {
    return waiting(
      'ClusterNotFound',
      `there is no CoordinationCluster ${name} in this namespace: create it, or correct clusterRef in a new backup`,
    );
  }
  if (cluster.spec.hibernated) {
    return waiting(
      'ClusterHibernated',
      `${name} is hibernated, and a snapshot is taken from a running member: set hibernated to false`,
    );
  }
  const available = cluster.status?.conditions?.find(({ type }) => type === 'Available');
  if (available?.status === 'True') return undefined;
  return waiting(
    'ClusterNotAvailable',
    `${name} does not serve: ${available?.message ?? 'it has not been formed yet'}`,
  );
}

function followJob(backup: CoordinationBackup, job: Job, observed: ObservedBackup, settings: PlanSettings): BackupPlan {
  const { pods, now } = observed;
  const startedAt = begunAt(backup, now, job);
  const steps = ensureFinalizer(backup);
  switch (jobState(job)) {
    case 'complete': {
      const result = resultOf(job, pods);
      // What it stored is there; another Job verifies that, and says again what it is.
      if (result === undefined) {
        return again(
          backup,
          job,
          now,
          'ResultLost',
          'the result of the Job is lost; another one looks at what it stored',
        );
      }
      const status = {
        ...statusOf(backup, now, 'Complete', complete(result), { startedAt }),
        ...fields(backup, result, now),
      };
      return { steps, events: news(backup, status), status };
    }
    case 'failed': {
      const status = statusOf(backup, now, 'Failed', failed(backup, job, pods), { startedAt });
      return { steps, events: news(backup, status), status };
    }
    case 'running': {
      const obstacle = startObstacle(job, pods, observed.refusal, now);
      if (obstacle !== undefined) return waitForStart(backup, job, observed, settings, obstacle);
      // Between two pods, and while Kubernetes ends one at the deadline, what was told holds.
      if (conditionOf(backup.status)?.reason === CANNOT_START && !hasStarted(job, pods)) {
        return { steps, events: [], status: backup.status, requeueAfterMs: REQUEUE.waitingMs };
      }
      const told = failuresTold(job, pods);
      const message = told === '' ? 'a Job takes the snapshot' : `${told}; it is tried again`;
      const status = statusOf(backup, now, 'Running', waiting('Running', message), { startedAt });
      return { steps, events: news(backup, status), status, requeueAfterMs: REQUEUE.steadyMs };
    }
  }
}

function failed(backup: CoordinationBackup, job: Job, pods: readonly Pod[]): ConditionValue {
  const advice = 'put right what is wrong and make another CoordinationBackup';
  const told = failuresTold(job, pods);
  if (!isOverdue(job)) {
    return {
      status: 'False',
      reason: 'AttemptsFailed',
      message: `${told}; what was stored, if anything, is no backup; ${advice}`,
    };
  }
  // Kubernetes has removed the pod that could not start; what it waited for was told before.
  const before = conditionOf(backup.status);
  const waitedFor = before?.reason === CANNOT_START ? before.message : told;
  const parts = [
    `not complete within activeDeadlineSeconds (${backup.spec.activeDeadlineSeconds} s)`,
    waitedFor,
    advice,
  ];
  const message = parts.filter((part) => part !== '').join('; ');
  return { status: 'False', reason: OVERDUE, message };
}

/** When its first Job was made: what that one stored is of then, whichever Job looks at it afterwards. */
function begunAt({ status }: CoordinationBackup, now: string, job?: Job): string {
  return status?.startedAt ?? job?.metadata.creationTimestamp ?? now;
}

/** Kubernetes goes on trying until the deadline; what the Job cannot be told any more, the next one is. */
function waitForStart(
  backup: CoordinationBackup,
  job: Job,
  { cluster, pods, now }: ObservedBackup,
  settings: PlanSettings,
  obstacle: string,
): BackupPlan {
  if (cluster !== undefined && !isSameWork(job, backupJob(backup, cluster, podSettings(cluster, settings)))) {
    const message = `${obstacle}; another Job is made as the cluster's manifest says now`;
    return again(backup, job, now, CANNOT_START, message);
  }
  const message = [failuresTold(job, pods), obstacle].filter((part) => part !== '').join('; ');
  const status = statusOf(backup, now, 'Running', waiting(CANNOT_START, message), {
    startedAt: begunAt(backup, now, job),
  });
  const steps = ensureFinalizer(backup);
  return { steps, events: news(backup, status), status, requeueAfterMs: REQUEUE.waitingMs };
}

function again(backup: CoordinationBackup, job: Job, now: string, reason: string, message: string): BackupPlan {
  const { name, uid = '' } = job.metadata;
  const startedAt = begunAt(backup, now, job);
  const status = statusOf(backup, now, 'Running', waiting(reason, message), { startedAt });
  const steps: Step[] = [{ do: 'delete', kind: 'Job', name, uid }];
  return { steps, events: beginning(backup, status), status, requeueAfterMs: REQUEUE.waitingMs };
}

/** Removes what is stored where the manifest says so, then lets go of the resource. */
function planRemoval(backup: CoordinationBackup, observed: ObservedBackup, settings: PlanSettings): BackupPlan {
  const finalizers = backup.metadata.finalizers ?? [];
  if (!finalizers.includes(BACKUP_FINALIZER)) return { steps: [], events: [] };
  const others = finalizers.filter((name) => name !== BACKUP_FINALIZER);
  const release = (announce?: PlannedEvent): BackupPlan => ({
    steps: [{ do: 'setFinalizers', finalizers: others, ...(announce === undefined ? {} : { announce }) }],
    events: [],
  });
  const { job, removal, pods, cluster, now } = observed;
  const nothingBegun = job === undefined && removal === undefined && backup.status?.startedAt === undefined;
  if (backup.spec.deletionPolicy === 'Retain' || nothingBegun) return release(kept(backup));
  if (job !== undefined) return endingJob(backup, job, now);
  if (removal === undefined) {
    if (pods.length > 0) return removing(backup, now, [], 'waiting until the Job that takes it has ended');
    const need = whyNeeded(backup, observed.restoring);
    if (need !== undefined) return removing(backup, now, [], `what is stored stays for now: ${need}`, 'StillNeeded');
    const object = removalJob(backup, podSettings(cluster, settings));
    const steps: Step[] = [{ do: 'create', kind: 'Job', object }];
    const refused = (said: string) =>
      statusOf(backup, now, 'Deleting', waiting('StepRefused', `${said}; put that right, or ${LEAVE_IT}`));
    return { ...removing(backup, now, steps, 'a Job removes the stored snapshot'), refused };
  }
  switch (jobState(removal)) {
    case 'complete':
      return release({
        type: 'Normal',
        reason: 'SnapshotRemoved',
        message: `Removed ${backupStore(backup).shown}`,
      });
    case 'failed': {
      const wayOut = `put that right and delete the Job ${removal.metadata.name} to try again, or ${LEAVE_IT}`;
      const message = `the stored snapshot could not be removed: ${failuresTold(removal, pods)}: ${wayOut}`;
      return removing(backup, now, [], message, 'RemovalFailed');
    }
    case 'running': {
      const obstacle = startObstacle(removal, pods, observed.refusal, now);
      if (obstacle !== undefined) {
        const message = `the stored snapshot cannot be removed yet: ${obstacle}; or ${LEAVE_IT}`;
        return removing(backup, now, [], message, CANNOT_START);
      }
      const parts = ['a Job removes the stored snapshot', failuresTold(removal, pods)];
      return removing(backup, now, [], parts.filter((part) => part !== '').join(': '));
    }
  }
}

/** A pod that still stores would do so after the removal. */
function endingJob(backup: CoordinationBackup, job: Job, now: string): BackupPlan {
  const { name, uid = '' } = job.metadata;
  const startedAt = begunAt(backup, now, job);
  // That there was a Job is recorded before it goes: otherwise nobody would know any more that something may be stored.
  const isToEnd = !isDeleted(job) && backup.status?.startedAt !== undefined;
  const end: Step[] = isToEnd ? [{ do: 'delete', kind: 'Job', name, uid }] : [];
  const plan = removing(backup, now, end, 'waiting until the Job that takes it has ended');
  return { ...plan, status: { ...plan.status, startedAt } };
}

/** Who deletes a backup by hand may not know who begins with it. */
function whyNeeded(backup: CoordinationBackup, restoring: ObservedBackup['restoring']): string | undefined {
  if (restoring === undefined) return NOT_UNDERSTOOD;
  const cluster = formedWith(backup, restoring);
  if (cluster === undefined) return undefined;
  return `${nameOf(cluster)} begins with it: wait until that is formed, delete it, or ${LEAVE_IT}`;
}

function removing(
  backup: CoordinationBackup,
  now: string,
  steps: readonly Step[],
  message: string,
  reason = 'Removing',
): BackupPlan {
  const status = statusOf(backup, now, 'Deleting', waiting(reason, message));
  const events: PlannedEvent[] =
    reason === 'Removing' || conditionOf(backup.status)?.reason === reason
      ? []
      : [{ type: 'Warning', reason, message }];
  return { steps, events, status, requeueAfterMs: REQUEUE.waitingMs };
}

function kept(backup: CoordinationBackup): PlannedEvent | undefined {
  if (backup.status?.phase !== 'Complete') return undefined;
  return { type: 'Normal', reason: 'SnapshotKept', message: `Kept ${backupStore(backup).shown}` };
}

function podSettings(cluster: CoordinationCluster | undefined, settings: PlanSettings): PodSettings {
  return {
    cluster,
    image: cluster?.spec.image ?? settings.defaultImage,
    imagePullPolicy: cluster?.spec.imagePullPolicy ?? 'IfNotPresent',
  };
}

function fields(backup: CoordinationBackup, result: BackupResult, now: string): Partial<CoordinationBackupStatus> {
  const { zxid, znodes, digest, bytes, sha256, member, version } = result;
  return {
    completedAt: now,
    location: backupStore(backup).shown,
    zxid,
    znodes,
    digest,
    sizeBytes: bytes,
    sha256,
    ...(member === undefined ? {} : { member: member.split('.')[0] ?? member }),
    ...(version === undefined ? {} : { serverVersion: version }),
  };
}

function complete({ zxid, znodes, bytes }: BackupResult): ConditionValue {
  const message = `${znodes} znodes at ${zxid}, stored in ${bytes} bytes, read back and found sound`;
  return { status: 'True', reason: 'Verified', message };
}

function waiting(reason: string, message: string): ConditionValue {
  return { status: 'False', reason, message };
}

function statusOf(
  backup: CoordinationBackup,
  now: string,
  phase: BackupPhase,
  value: ConditionValue,
  more: Partial<CoordinationBackupStatus> = {},
): CoordinationBackupStatus {
  const generation = backup.metadata.generation ?? 0;
  const failed: ConditionValue =
    phase === 'Failed'
      ? { ...value, status: 'True' }
      : { status: 'False', reason: value.reason, message: 'no attempt has been given up' };
  return {
    ...backup.status,
    observedGeneration: generation,
    phase,
    ...more,
    conditions: nextConditions(backup.status?.conditions ?? [], { Complete: value, Failed: failed }, generation, now),
  };
}

/** The Events that tell how the status differs from the one before: each beginning, end and obstacle once. */
function news(backup: CoordinationBackup, status: CoordinationBackupStatus): PlannedEvent[] {
  const begun = beginning(backup, status);
  const [before, next] = [conditionOf(backup.status), conditionOf(status)];
  if (next === undefined || (before?.reason === next.reason && backup.status?.phase === status.phase)) return begun;
  const message = next.message.charAt(0).toUpperCase() + next.message.slice(1);
  if (next.reason === 'Running')
    return begun.length > 0 ? begun : [{ type: 'Normal', reason: 'BackupGoesOn', message }];
  const isTrouble = status.phase === 'Failed' || status.phase === 'Pending' || next.reason === CANNOT_START;
  const reason = EVENT_REASONS[next.reason] ?? next.reason;
  return [...begun, { type: isTrouble ? 'Warning' : 'Normal', reason, message }];
}

/** Told too where nobody looked between it and what came of it: an operator that ended meanwhile may find a Job that is through. */
function beginning(backup: CoordinationBackup, status: CoordinationBackupStatus): PlannedEvent[] {
  return status.startedAt !== undefined && backup.status?.startedAt === undefined ? [STARTED] : [];
}

/** Always in these words: said again of the same version of the resource, it is the same Event. */
const STARTED: PlannedEvent = { type: 'Normal', reason: 'BackupStarted', message: 'A Job takes the snapshot' };

const EVENT_REASONS: Readonly<Record<string, string>> = {
  Verified: 'BackupCompleted',
  AttemptsFailed: 'BackupFailed',
  [OVERDUE]: 'BackupFailed',
};

function conditionOf(status: CoordinationBackupStatus | undefined) {
  return status?.conditions?.find(({ type }) => type === 'Complete');
}

function ensureFinalizer({ metadata: { finalizers = [] } }: CoordinationBackup): Step[] {
  if (finalizers.includes(BACKUP_FINALIZER)) return [];
  return [{ do: 'setFinalizers', finalizers: [...finalizers, BACKUP_FINALIZER] }];
}
