import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import { runProgram } from '../support/run-program.ts';
import { peerPaths } from '../support/server-programs.ts';
import { cases, MINUTES, well } from './alert-cases.ts';

// Prometheus itself says which alerts our rules raise in a world where one thing is wrong, and that they raise none where all is well.

interface PrometheusRule {
  readonly spec: { readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[] };
}

let directory: string;
let alertNames: readonly string[];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zabkeeper-alerts-'));
  const rules = await Promise.all(['ensemble-rules', 'operator-rules'].map(readRules));
  const groups = rules.flatMap(({ spec }) => spec.groups);
  alertNames = groups.flatMap((group) => group.rules).map(({ alert }) => alert);
  await writeFile(join(directory, 'rules.yaml'), stringify({ groups }));
});
after(() => rm(directory, { recursive: true, force: true }));

async function readRules(name: string): Promise<PrometheusRule> {
  const text = await readFile(new URL(`../../config/prometheus/${name}.yaml`, import.meta.url), 'utf8');
  const [document] = parseAllDocuments(text);
  return document?.toJS() as PrometheusRule;
}

for (const [number, { when, series, alerts }] of cases.entries()) {
  test(`${when}: ${alerts.length === 0 ? 'nothing is told' : alerts.join(', ')}`, async () => {
    const file = join(directory, `${number}.yaml`);
    await writeFile(file, stringify(promtoolTest({ ...well, ...series }, alerts)));
    const { exitCode, output } = await runProgram({ program: peerPaths.promtool, args: ['test', 'rules', file] });
    assert.equal(exitCode, 0, output);
  });
}

test('there is a case for each alert', () => {
  const raised = new Set(cases.flatMap(({ alerts }) => alerts));
  assert.deepEqual(
    alertNames.filter((name) => !raised.has(name)),
    [],
  );
});

/** @see https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
function promtoolTest(series: Readonly<Record<string, string | undefined>>, alerts: readonly string[]): object {
  const present = Object.entries(series).flatMap(([name, values]) =>
    values === undefined ? [] : [{ series: name, values }],
  );
  const query = {
    expr: 'count by (alertname) (ALERTS{alertstate="firing"}) > bool 0',
    eval_time: `${MINUTES}m`,
    exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
  };
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [{ interval: '1m', input_series: present, promql_expr_test: [query] }],
  };
}
