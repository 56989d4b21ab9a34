import type { CoordinationBackupSchedule } from '../../api/coordination-backup-schedule.ts';
import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Metrics } from '../kube/metrics.ts';

/** What the gauges look at when somebody asks for them. */
export interface GaugeSources {
  readonly leads: () => boolean;
  /** How many resources of each kind wait to be looked at. */
  readonly queueDepths: () => Readonly<Record<string, number>>;
  /** As the API server last said it. */
  readonly clusters: () => Iterable<CoordinationCluster>;
  readonly schedules: () => Iterable<CoordinationBackupSchedule>;
}

/** Adds the operator's gauges. Every replica shows those of the clusters, whether it leads or not. */
export function addGauges(metrics: Metrics, { leads, queueDepths, clusters, schedules }: GaugeSources): void {
  metrics.addGauge({
    name: 'leading',
    help: 'Whether this replica leads (1) or waits (0).',
    labelNames: [],
    observe: () => [{ labels: {}, value: Number(leads()) }],
  });
  metrics.addGauge({
    name: 'queue_depth',
    help: 'Resources that wait to be looked at.',
    labelNames: ['kind'],
    observe: () => Object.entries(queueDepths()).map(([kind, value]) => ({ labels: { kind }, value })),
  });
  metrics.addGauge({
    name: 'cluster_members',
    help: 'Members of each CoordinationCluster, by state (desired, ready).',
    labelNames: ['namespace', 'name', 'state'],
    observe: () => [...clusters()].flatMap(memberCounts),
  });
  metrics.addGauge({
    name: 'cluster_phase',
    help: "The phase of each CoordinationCluster, as kubectl get shows it: 1 for the label 'phase' that holds.",
    labelNames: ['namespace', 'name', 'phase'],
    observe: () =>
      [...clusters()].map((cluster) => ({
        labels: { ...labelsOf(cluster), phase: cluster.status?.phase ?? 'Pending' },
        value: 1,
      })),
  });
  metrics.addGauge({
    name: 'cluster_condition',
    help: 'The conditions of each CoordinationCluster: 1 where it is True, 0 where it is False, -1 where it is Unknown.',
    labelNames: ['namespace', 'name', 'type'],
    observe: () =>
      [...clusters()].flatMap((cluster) =>
        (cluster.status?.conditions ?? []).map(({ type, status }) => ({
          labels: { ...labelsOf(cluster), type },
          value: CONDITION_VALUES[status],
        })),
      ),
  });
  addScheduleGauges(metrics, schedules);
}

/** Points in time of a schedule's status, each a gauge in seconds since 1970; none where it is not known. */
const SCHEDULE_TIMES = {
  backup_schedule_last_success_timestamp_seconds: [
    'lastSuccessfulTime',
    'When the newest complete backup of each CoordinationBackupSchedule was begun.',
  ],
  backup_schedule_last_timestamp_seconds: ['lastScheduleTime', 'The last time for which each schedule made a backup.'],
  backup_schedule_next_timestamp_seconds: [
    'nextScheduleTime',
    'The time for which each schedule is to make its next backup.',
  ],
} as const;

function addScheduleGauges(metrics: Metrics, schedules: GaugeSources['schedules']): void {
  for (const [name, [field, help]] of Object.entries(SCHEDULE_TIMES)) {
    metrics.addGauge({
      name,
      help,
      labelNames: ['namespace', 'name'],
      observe: () =>
        [...schedules()].flatMap((schedule) => {
          const time = schedule.status?.[field];
          return time === undefined ? [] : [{ labels: labelsOf(schedule), value: Date.parse(time) / 1000 }];
        }),
    });
  }
  metrics.addGauge({
    name: 'backup_schedule_suspended',
    help: 'Whether spec.suspend is set (1) or not (0).',
    labelNames: ['namespace', 'name'],
    observe: () =>
      [...schedules()].map((schedule) => ({
        labels: labelsOf(schedule),
        value: Number(schedule.spec.suspend ?? false),
      })),
  });
}

const CONDITION_VALUES = { True: 1, False: 0, Unknown: -1 } as const;

function labelsOf({ metadata: { name, namespace = '' } }: KubeObject): { namespace: string; name: string } {
  return { namespace, name };
}

function memberCounts(cluster: CoordinationCluster) {
  const { spec, status } = cluster;
  return [
    { labels: { ...labelsOf(cluster), state: 'desired' }, value: spec.hibernated ? 0 : spec.replicas },
    { labels: { ...labelsOf(cluster), state: 'ready' }, value: status?.readyReplicas ?? 0 },
  ];
}
