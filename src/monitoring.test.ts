import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parseAllDocuments } from 'yaml';
import { Ensemble } from '../e2e/support/ensemble.ts';
import { waitFor } from '../e2e/support/wait-for.ts';
import { parseCoordinationBackupSchedule } from './api/coordination-backup-schedule.ts';
import { parseCoordinationCluster } from './api/coordination-cluster.ts';
import { ZooKeeper } from './client/zookeeper.ts';
import type { KubeObject } from './api/objects.ts';
import { addGauges } from './operator/controllers/gauges.ts';
import { Metrics } from './operator/kube/metrics.ts';

const NOON = '2026-01-01T12:00:00Z';

/** Names of samples, as a query names them, by the job that shows them. */
const exported = new Map<string, ReadonlySet<string>>();

let ensemble: Ensemble;

before(async () => {
  ensemble = await Ensemble.start({ kind: 'ours', size: 3 });
  exported.set('zabkeeper', await memberNames());
  exported.set('zabkeeper-operator', await operatorNames());
});
after(() => ensemble.stop());

/** What the members of an ensemble show together, once the followers have acknowledged something. */
async function memberNames(): Promise<ReadonlySet<string>> {
  const client = new ZooKeeper(ensemble.connectString);
  await client.create('/written', new Uint8Array(1));
  await client.close();
  return waitFor('a leader shows acknowledgements', async () => {
    const texts = await Promise.all(
      ensemble.members.map(async ({ spec }) => (await fetch(`http://127.0.0.1:${spec.ports.metrics}/metrics`)).text()),
    );
    const names = sampleNames(texts.join('\n'));
    return names.has('ack_latency') ? names : undefined;
  });
}

async function operatorNames(): Promise<ReadonlySet<string>> {
  const metrics = new Metrics();
  const cluster = parseCoordinationCluster({
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationCluster',
    metadata: { name: 'books', namespace: 'default' },
    status: {
      phase: 'Ready',
      conditions: [
        { type: 'Ready', status: 'True', reason: 'AllWell', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ],
    },
  });
  const schedule = parseCoordinationBackupSchedule({
    apiVersion: cluster.apiVersion,
    kind: 'CoordinationBackupSchedule',
    metadata: { name: 'nightly', namespace: 'default' },
    spec: {
      schedule: '@daily',
      backupTemplate: { clusterRef: { name: 'books' }, destination: { s3: { bucket: 'backups' } } },
    },
    status: { lastScheduleTime: NOON, nextScheduleTime: NOON, lastSuccessfulTime: NOON },
  } as KubeObject);
  addGauges(metrics, {
    leads: () => true,
    queueDepths: () => ({ [cluster.kind]: 0 }),
    clusters: () => [cluster],
    schedules: () => [schedule],
  });
  metrics.reconciliations.inc({ kind: cluster.kind, result: 'success' });
  metrics.reconcileSeconds.observe({ kind: cluster.kind }, 1);
  metrics.observeRequest({ method: 'GET', path: '/' }, 200, 5);
  return sampleNames(await metrics.registry.metrics());
}

function sampleNames(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').flatMap((line) => /^[a-z]\w*/.exec(line)?.[0] ?? []));
}

interface Selected {
  readonly name: string;
  readonly job: string | undefined;
}

/** The metrics that a query selects. */
function selectedBy(query: string): Selected[] {
  // What Grafana fills in.
  const expression = query.replaceAll('$__rate_interval', '5m');
  const selected: Selected[] = [];
  parser.parse(expression).iterate({
    enter: (node) => {
      assert.ok(!node.type.isError, `not PromQL near '${expression.slice(node.from, node.from + 20)}': ${expression}`);
      if (node.name !== 'VectorSelector') return;
      const selector = expression.slice(node.from, node.to);
      const job = /job="([^"]*)"/.exec(selector)?.[1];
      selected.push({ name: /^\w+/.exec(selector)?.[0] ?? selector, job });
    },
  });
  return selected;
}

function assertExported(query: string, where: string): void {
  const selected = selectedBy(query);
  assert.notEqual(selected.length, 0, `${where} selects nothing: ${query}`);
  for (const { name, job } of selected) {
    const jobs = job === undefined ? [...exported.keys()] : [job];
    const isExported = jobs.some((one) => exported.get(one)?.has(name));
    assert.ok(isExported, `${where} asks for ${name}, which ${jobs.join(' and ')} do not export`);
  }
}

interface Rules {
  readonly spec: {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
  };
}

for (const file of ['ensemble-rules', 'operator-rules']) {
  test(`the metrics of config/prometheus/${file}.yaml are those that the programs export`, async () => {
    const text = await readFile(new URL(`../config/prometheus/${file}.yaml`, import.meta.url), 'utf8');
    const documents = parseAllDocuments(text).map((document) => document.toJS() as Rules);
    const rules = documents.flatMap(({ spec }) => spec.groups).flatMap((group) => group.rules);
    assert.ok(rules.length > 5);
    for (const { alert, expr } of rules) assertExported(expr, alert);
  });
}

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly type: string; readonly query: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

test('the metrics of the dashboard are those that the programs export', async () => {
  const url = new URL('../config/grafana/zabkeeper-ensemble.json', import.meta.url);
  const { panels, templating } = JSON.parse(await readFile(url, 'utf8')) as Dashboard;
  for (const { title, targets = [] } of panels) for (const { expr } of targets) assertExported(expr, title);
  for (const { query } of templating.list.filter(({ type }) => type === 'query')) {
    assertExported(/^label_values\((.*), \w+\)$/.exec(query)?.[1] ?? '', query);
  }
});

test('a name that nobody exports is found', () => {
  assert.throws(
    () => assertExported('rate(jvm_pauses{job="zabkeeper"}[5m]) > 1', 'test'),
    /jvm_pauses, which zabkeeper/,
  );
  assert.throws(() => assertExported('sum(uptime', 'test'), /not PromQL/);
});
