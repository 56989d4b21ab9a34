import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Metrics } from '../kube/metrics.ts';

/** What the gauges look at when somebody asks for them. */
export interface GaugeSources {
  readonly leads: () => boolean;
  /** How many resources of each kind wait to be looked at. */
  readonly queueDepths: () => Readonly<Record<string, number>>;
  /** As the API server last said it. */
  readonly clusters: () => Iterable<CoordinationCluster>;
}

/** Adds the operator's gauges. Every replica shows those of the clusters, whether it leads or not. */
export function addGauges(metrics: Metrics, { leads, queueDepths, clusters }: GaugeSources): void {
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
}

const CONDITION_VALUES = { True: 1, False: 0, Unknown: -1 } as const;

function labelsOf({ metadata: { name, namespace = '' } }: CoordinationCluster): { namespace: string; name: string } {
  return { namespace, name };
}

function memberCounts(cluster: CoordinationCluster) {
  const { spec, status } = cluster;
  return [
    { labels: { ...labelsOf(cluster), state: 'desired' }, value: spec.hibernated ? 0 : spec.replicas },
    { labels: { ...labelsOf(cluster), state: 'ready' }, value: status?.readyReplicas ?? 0 },
  ];
}
