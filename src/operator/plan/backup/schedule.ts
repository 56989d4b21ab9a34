import { apiVersionOf } from '../../../api/objects.ts';
import { nextConditions, type ConditionValue } from '../../../api/conditions.ts';
import { COORDINATION_BACKUP, type CoordinationBackup } from '../../../api/coordination-backup.ts';
import {
  COORDINATION_BACKUP_SCHEDULE,
  type CoordinationBackupSchedule,
  type CoordinationBackupScheduleStatus,
} from '../../../api/coordination-backup-schedule.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { scheduleLabels } from '../../resources/names.ts';
import type { PlannedEvent, Step } from '../model.ts';
import { isDeleted, type ResourcePlan } from './model.ts';
import { expiry, newestFirst } from './retention.ts';

/** What was observed around one CoordinationBackupSchedule. */
export interface ObservedSchedule {
  /** RFC 3339. */
  readonly now: string;
  /** What the schedule says about times; a sentence where it cannot be read. */
  readonly times: ScheduleTimes | string;
  /** The backups that it made, read from the API server itself: a stale list would delete too much. */
  readonly backups: readonly CoordinationBackup[];
  /** The names of those that this version of the operator does not understand. */
  readonly notUnderstood: readonly string[];
  /** The clusters that begin with a snapshot, of any namespace; undefined where it is not known who does. */
  readonly restoring: readonly CoordinationCluster[] | undefined;
}

/** The times around now, RFC 3339. */
export interface ScheduleTimes {
  /** The last time at or before now. */
  readonly due?: string | undefined;
  readonly next: string;
}

type InForce = NonNullable<CoordinationBackupScheduleStatus['inForce']>;

/** What of the status the next looks need. */
interface Recorded {
  readonly inForce?: InForce | undefined;
  readonly lastScheduleTime?: string | undefined;
  readonly nextScheduleTime?: string | undefined;
}

/** How long a wait in one piece may be, in milliseconds: timers do not reach further than about 24 days. */
const REQUEUE_MAX_MS = 3_600_000;

/**
 * What to do next for a schedule: the one backup that is due, under a name that follows from the time, and no more after any
 * crash or pause; then the retention.
 */
export function planSchedule(
  schedule: CoordinationBackupSchedule,
  observed: ObservedSchedule,
): ResourcePlan<CoordinationBackupScheduleStatus> {
  if (isDeleted(schedule)) return { steps: [], events: [] };
  const { times, backups, notUnderstood, restoring, now } = observed;
  if (typeof times === 'string') {
    const refused: ConditionValue = { status: 'False', reason: 'ScheduleNotUnderstood', message: times };
    const status = statusOf(schedule, observed, { ...schedule.status, nextScheduleTime: undefined }, refused);
    return { steps: [], events: news(schedule, refused), status };
  }
  const inForce = inForceOf(schedule, now);
  const last = lastDecided(schedule, times);
  const due = newlyDue(times, inForce.since, last);
  const decision = due === undefined ? undefined : decide(schedule, due, observed);
  const { expired, kept: needed } = expiry(schedule.spec.retention, backups, restoring, now);
  const kept = [...needed, ...notUnderstood.map(strange)];
  const steps: Step[] = [...(decision?.begin === true ? [create(schedule, due ?? now)] : []), ...expired.map(deletion)];
  const accepted: ConditionValue = schedule.spec.suspend
    ? { status: 'False', reason: 'Suspended', message: told('spec.suspend is set: no backup is begun', kept) }
    : { status: 'True', reason: 'Scheduled', message: told('backups are begun as the schedule says', kept) };
  const nextScheduleTime = schedule.spec.suspend ? undefined : times.next;
  const status = statusOf(schedule, observed, { inForce, lastScheduleTime: due ?? last, nextScheduleTime }, accepted);
  // What was refused is still to be decided about.
  const refused = (said: string): CoordinationBackupScheduleStatus => {
    const message = `${said}; put that right, and it goes on by itself`;
    const value: ConditionValue = { status: 'False', reason: 'StepRefused', message };
    return statusOf(schedule, observed, { inForce, lastScheduleTime: last, nextScheduleTime }, value);
  };
  const wait = Date.parse(times.next) - Date.parse(now);
  return {
    steps,
    refused,
    events: [...(decision?.event === undefined ? [] : [decision.event]), ...news(schedule, accepted)],
    status,
    requeueAfterMs: Math.min(Math.max(wait, 0) + 50, REQUEUE_MAX_MS),
  };
}

/** The name of the backup of one moment: whoever begins it twice begins one. @param time RFC 3339, a whole minute */
export function scheduledName(schedule: CoordinationBackupSchedule, time: string): string {
  return `${schedule.metadata.name}-${time.slice(0, 16).replaceAll(/[-T:]/g, '')}`;
}

/** Since when the schedule is as it is: what it would have said before is nobody's loss. Never a time that is yet to come. */
function inForceOf({ spec, status, metadata }: CoordinationBackupSchedule, now: string): InForce {
  const { schedule, timeZone } = spec;
  const before = status?.inForce;
  const isEdited = before !== undefined && (before.schedule !== schedule || before.timeZone !== timeZone);
  const since = isEdited ? now : (before?.since ?? metadata.creationTimestamp ?? now);
  return { schedule, timeZone, since: Date.parse(since) > Date.parse(now) ? now : since };
}

/**
 * The last time that was decided about. One that is yet to come was recorded by an operator whose clock was wrong: whoever
 * believed it would begin nothing until after it.
 */
function lastDecided({ status }: CoordinationBackupSchedule, { due, next }: ScheduleTimes): string | undefined {
  const last = status?.lastScheduleTime;
  return last !== undefined && Date.parse(last) >= Date.parse(next) ? due : last;
}

/** The time that a backup is due for and that nothing has been decided about yet. Earlier ones are not made up for. */
function newlyDue({ due }: ScheduleTimes, since: string, last: string | undefined): string | undefined {
  if (due === undefined) return undefined;
  return Date.parse(due) > Math.max(Date.parse(since), Date.parse(last ?? since)) ? due : undefined;
}

interface Decision {
  readonly begin: boolean;
  readonly event?: PlannedEvent;
}

function decide(
  schedule: CoordinationBackupSchedule,
  due: string,
  { backups, notUnderstood, now }: ObservedSchedule,
): Decision {
  const { spec, metadata } = schedule;
  const message = `Begun the backup of ${due} of ${metadata.name}`;
  const begun: PlannedEvent = { type: 'Normal', reason: 'BackupBegun', message };
  const name = scheduledName(schedule, due);
  // Whoever made it died before it was recorded: it is neither made again nor in its own way.
  if ([...backups.map(({ metadata: made }) => made.name), ...notUnderstood].includes(name))
    return { begin: false, event: begun };
  if (spec.suspend) return { begin: false };
  const lateS = Math.round((Date.parse(now) - Date.parse(due)) / 1000);
  if (lateS > spec.startingDeadlineSeconds) {
    // Not by how much: told again after a crash, it is to be the same Event.
    return leftOut(
      `The backup of ${due} was missed by more than startingDeadlineSeconds (${spec.startingDeadlineSeconds} s)`,
    );
  }
  // One of a cluster that the schedule was for before may wait for ever, and is in nobody's way.
  const { name: clusterName } = spec.backupTemplate.clusterRef;
  const running = backups.find(
    (backup) => !isDeleted(backup) && !hasEnded(backup) && backup.spec.clusterRef.name === clusterName,
  );
  if (spec.concurrencyPolicy === 'Forbid' && running !== undefined) {
    return leftOut(`The backup of ${due} is left out: ${running.metadata.name} is still under way`);
  }
  return { begin: true, event: begun };
}

function leftOut(message: string): Decision {
  return { begin: false, event: { type: 'Warning', reason: 'BackupLeftOut', message } };
}

function create(schedule: CoordinationBackupSchedule, due: string): Step {
  const { name, namespace = 'default', uid = '' } = schedule.metadata;
  const object: CoordinationBackup = {
    apiVersion: apiVersionOf(COORDINATION_BACKUP),
    kind: COORDINATION_BACKUP.kind,
    metadata: {
      name: scheduledName(schedule, due),
      namespace,
      labels: scheduleLabels(schedule),
      // Who deletes the schedule keeps the backups, unless he asks for more: no controller, so that none of them goes with it.
      annotations: {
        'zabkeeper.dev/scheduled-at': due,
        'zabkeeper.dev/scheduled-by': `${COORDINATION_BACKUP_SCHEDULE.kind}/${name}/${uid}`,
      },
    },
    spec: schedule.spec.backupTemplate,
  };
  return { do: 'create', kind: 'CoordinationBackup', object };
}

function deletion({ metadata: { name, uid = '', resourceVersion } }: CoordinationBackup): Step {
  const announce: PlannedEvent = {
    type: 'Normal',
    reason: 'BackupExpired',
    message: `Deleting ${name}, as spec.retention says`,
  };
  return { do: 'delete', kind: 'CoordinationBackup', name, uid, resourceVersion, announce };
}

function statusOf(
  schedule: CoordinationBackupSchedule,
  { backups, notUnderstood, now }: ObservedSchedule,
  { inForce, lastScheduleTime, nextScheduleTime }: Recorded,
  active: ConditionValue,
): CoordinationBackupScheduleStatus {
  const previous = schedule.status;
  const generation = schedule.metadata.generation ?? 0;
  const newest = newestFirst(backups).find(({ status }) => status?.phase === 'Complete');
  return {
    observedGeneration: generation,
    ...(inForce === undefined ? {} : { inForce }),
    ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
    ...(nextScheduleTime === undefined ? {} : { nextScheduleTime }),
    ...(newest === undefined
      ? {}
      : { lastBackup: newest.metadata.name, lastSuccessfulTime: newest.status?.startedAt ?? now }),
    backups: backups.length + notUnderstood.length,
    conditions: nextConditions(previous?.conditions ?? [], { Active: active }, generation, now),
  };
}

function told(message: string, kept: readonly string[]): string {
  return [message, ...kept].join('; ');
}

/** Nobody works on it or can tell how it is: it is in no other's way, neither counted nor deleted. */
function strange(name: string): string {
  return `${name} is left as it is: this version of the operator does not understand it, install operator and CRDs of the same version`;
}

function news({ status }: CoordinationBackupSchedule, { reason, message }: ConditionValue): PlannedEvent[] {
  const before = status?.conditions?.find(({ type }) => type === 'Active')?.reason;
  if (before === reason || (before === undefined && reason === 'Scheduled')) return [];
  return [{ type: reason === 'ScheduleNotUnderstood' ? 'Warning' : 'Normal', reason, message }];
}

function hasEnded({ status }: CoordinationBackup): boolean {
  return status?.phase === 'Complete' || status?.phase === 'Failed';
}
