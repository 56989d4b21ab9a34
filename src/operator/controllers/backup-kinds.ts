import { Cron } from 'croner';
import { z } from 'zod';
import {
  COORDINATION_BACKUP,
  parseCoordinationBackup,
  type CoordinationBackup,
} from '../../api/coordination-backup.ts';
import {
  COORDINATION_BACKUP_SCHEDULE,
  parseCoordinationBackupSchedule,
  type CoordinationBackupSchedule,
  type CoordinationBackupScheduleStatus,
} from '../../api/coordination-backup-schedule.ts';
import type { CoordinationBackupStatus } from '../../api/coordination-backup.ts';
import {
  COORDINATION_CLUSTER,
  parseCoordinationCluster,
  type CoordinationCluster,
} from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { planBackup } from '../plan/backup/backup.ts';
import { jobState, podsOf } from '../plan/backup/attempts.ts';
import { isDeleted, type ObservedBackup } from '../plan/backup/model.ts';
import { superfluous } from '../plan/backup/retention.ts';
import { planSchedule, type ObservedSchedule, type ScheduleTimes } from '../plan/backup/schedule.ts';
import type { PlanSettings } from '../plan/model.ts';
import { backupJobName, backupLabels, removalJobName } from '../resources/backup/jobs.ts';
import { KINDS, type Job, type Pod } from '../resources/kubernetes.ts';
import { BACKUP_FINALIZER, labelSelector, scheduleLabels } from '../resources/names.ts';
import { jobRefusal } from './pod-refusals.ts';
import type { ControlledKind } from './resource-controller.ts';
import { parsed } from './understood.ts';

/** What the two kinds read with. The time is the API server's: by a clock that is ahead retention would let go of what is to be kept. */
type Reader = Pick<KubeClient, 'get' | 'list' | 'now'>;

/** Where clusters may be that begin with a backup: the only namespace that the operator looks at, or undefined for all. */
type Everywhere = string | undefined;

/** CoordinationBackup. All of what its decisions rest on is read from the API server: there are few of them at a time. */
export function backupKind(
  client: Reader,
  settings: PlanSettings,
  everywhere: Everywhere,
): ControlledKind<CoordinationBackup, ObservedBackup, CoordinationBackupStatus> {
  return {
    type: COORDINATION_BACKUP,
    finalizer: BACKUP_FINALIZER,
    parse: parseCoordinationBackup,
    observe: async (backup) => await observeBackup(backup, client, everywhere),
    plan: (backup, observed) => planBackup(backup, observed, settings),
  };
}

/** CoordinationBackupSchedule. */
export function scheduleKind(
  client: Reader,
  everywhere: Everywhere,
): ControlledKind<CoordinationBackupSchedule, ObservedSchedule, CoordinationBackupScheduleStatus> {
  return {
    type: COORDINATION_BACKUP_SCHEDULE,
    parse: parseCoordinationBackupSchedule,
    observe: async (schedule) => await observeSchedule(schedule, client, everywhere),
    plan: planSchedule,
  };
}

async function observeBackup(
  backup: CoordinationBackup,
  client: Reader,
  everywhere: Everywhere,
): Promise<ObservedBackup> {
  const { namespace = 'default' } = backup.metadata;
  const [cluster, job, removal, pods] = await Promise.all([
    client.get<KubeObject>(COORDINATION_CLUSTER, namespace, backup.spec.clusterRef.name),
    client.get<Job>(KINDS.Job, namespace, backupJobName(backup)),
    client.get<Job>(KINDS.Job, namespace, removalJobName(backup)),
    client.list<Pod>(KINDS.Pod, { namespace, labelSelector: labelSelector(backupLabels(backup)) }),
  ]);
  const underWay = removal ?? job;
  const mayBeRefused =
    underWay !== undefined && jobState(underWay) === 'running' && podsOf(underWay, pods.items).length === 0;
  // To list all clusters costs the API server much: only where what is stored goes next, for which they are asked.
  const isToBeRemoved =
    isDeleted(backup) && backup.spec.deletionPolicy === 'Delete' && job === undefined && removal === undefined;
  return {
    now: wholeSeconds(client.now()),
    restoring: isToBeRemoved ? await observeRestoring(client, everywhere) : [],
    refusal: mayBeRefused ? await jobRefusal(underWay, client) : undefined,
    ...observedCluster(cluster),
    job,
    removal,
    pods: pods.items,
  };
}

/** A backup that is over, or is to be removed, needs nothing of its cluster: it is looked at whatever that says. */
function observedCluster(object: KubeObject | undefined): Pick<ObservedBackup, 'cluster' | 'clusterNotUnderstood'> {
  if (object === undefined) return {};
  const read = parsed(object, parseCoordinationCluster);
  return 'notUnderstood' in read ? { clusterNotUnderstood: read.notUnderstood } : { cluster: read.resource };
}

async function observeSchedule(
  schedule: CoordinationBackupSchedule,
  client: Reader,
  everywhere: Everywhere,
): Promise<ObservedSchedule> {
  const { namespace = 'default' } = schedule.metadata;
  const scope = { namespace, labelSelector: labelSelector(scheduleLabels(schedule)) };
  const { items } = await client.list<KubeObject>(COORDINATION_BACKUP, scope);
  const now = client.now();
  const read = items.map((object) => ({ object, as: parsed(object, parseCoordinationBackup) }));
  const backups = read.flatMap(({ as }) => ('resource' in as ? [as.resource] : []));
  // Each step of each backup is a look at its schedule: to list all clusters at each would cost the API server much, where there are many.
  const isSomethingToGo = superfluous(schedule.spec.retention, backups, wholeSeconds(now)).length > 0;
  const restoring = isSomethingToGo ? await observeRestoring(client, everywhere) : [];
  return {
    now: wholeSeconds(now),
    times: scheduleTimes(schedule, now),
    backups,
    notUnderstood: read.flatMap(({ as, object }) => ('notUnderstood' in as ? [object.metadata.name] : [])),
    restoring,
  };
}

/** As much of a cluster as tells whether it may begin with a snapshot, where nothing else of it is understood. */
interface MayBegin extends KubeObject {
  readonly spec?: { readonly bootstrap?: unknown };
  readonly status?: { readonly bootstrap?: { readonly phase?: unknown; readonly restoreFrom?: unknown } };
}

/** The clusters that begin with a snapshot, whatever their manifest says by now. Undefined where one of them is not understood: nobody can tell what it needs. */
async function observeRestoring(
  client: Reader,
  everywhere: Everywhere,
): Promise<readonly CoordinationCluster[] | undefined> {
  const { items } = await client.list<MayBegin>(COORDINATION_CLUSTER, { namespace: everywhere });
  const beginning = items.filter(({ spec, status }) => {
    const { phase, restoreFrom } = status?.bootstrap ?? {};
    return spec?.bootstrap !== undefined || (restoreFrom !== undefined && phase !== 'Completed');
  });
  try {
    return beginning.map(parseCoordinationCluster);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return undefined;
  }
}

/** The times around now, in the time zone of the schedule, summer time and all. */
export function scheduleTimes({ spec }: CoordinationBackupSchedule, now: Date): ScheduleTimes | string {
  try {
    const cron = new Cron(spec.schedule, { timezone: spec.timeZone, paused: true, mode: '5-part' });
    // What is due at this very second counts as past.
    const second = Math.floor(now.getTime() / 1000) * 1000;
    const next = cron.nextRun(new Date(second));
    const [due] = cron.previousRuns(1, new Date(second + 1000));
    if (next === null) return `schedule '${spec.schedule}' names no day that ever comes: look at its days and months`;
    return { due: due === undefined ? undefined : wholeSeconds(due), next: wholeSeconds(next) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `schedule '${spec.schedule}' in time zone ${spec.timeZone} cannot be understood (${why}): write five fields of cron such as 30 2 * * *, and a zone such as Europe/Berlin`;
  }
}

function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
