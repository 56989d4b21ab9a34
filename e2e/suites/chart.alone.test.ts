import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runProgram } from '../support/run-program.ts';
import { waitFor } from '../support/wait-for.ts';
import { deployOperator } from './support/alone/operators.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { apply, get, kubectl, list } from './support/kubectl.ts';
import { CHART } from './support/manifests.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

// A release of the chart, where an operator was applied with kustomize before: the same objects, which it takes over. An ensemble
// lives through all of it, with a client that writes.

const NAMESPACE = 'zabkeeper-system';
/** What the release is made with; the image is the one that `make load` has put into the nodes. */
const VALUES = ['--set', 'image.tag=dev', '--set', 'monitoring.enabled=true', '--set', 'networkPolicy.enabled=true'];
const CRDS = process.env['PROMETHEUS_CRDS'] ?? '';

const cluster = new ClusterUnderTest('e2e-chart');
let writer: Writer;
let members: ReadonlySet<string>;

before(async () => {
  await kubectl(['apply', '--server-side', '-f', CRDS]);
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=120s'], { timeoutMs: 130_000 });
  for (const kind of ['clusterrole', 'clusterrolebinding'])
    await kubectl(['delete', kind, 'zabkeeper-operator', '--ignore-not-found']);
});

after(async () => {
  await helm('uninstall', 'zabkeeper', '--ignore-not-found', '--wait');
  await deployOperator();
  await cluster.remove();
  await kubectl(['delete', '-f', CRDS]);
});

/** Runs helm in the release's namespace. @throws Error with what it said, where it fails */
async function helm(...args: readonly string[]): Promise<string> {
  const where = ['--kube-context', process.env['CONTEXT'] ?? 'kind-zabkeeper', '--namespace', NAMESPACE];
  const { exitCode, output } = await runProgram({ program: 'helm', args: [...args, ...where], timeoutMs: 200_000 });
  if (exitCode !== 0) throw new Error(`helm ${args.join(' ')}: ${output}`);
  return output;
}

async function membersNow(): Promise<ReadonlySet<string>> {
  return new Set((await cluster.pods()).map(({ metadata }) => metadata.uid));
}

/** Whether an operator looks at the ensemble now: it tells of a pause that is asked for, and of its end. */
async function isLookedAfter(): Promise<void> {
  for (const paused of [true, false]) {
    await apply(cluster.manifest({ paused }));
    const isTold = async (): Promise<boolean> => ((await cluster.condition('Paused'))?.status === 'True') === paused;
    await waitFor(`paused: ${paused} is told`, isTold, { explain: () => cluster.describe() });
  }
}

test('installed, its operator makes an ensemble Ready; the Prometheus operator’s own CRDs accept what is for it', async () => {
  await helm('install', 'zabkeeper', CHART, '--create-namespace', '--take-ownership', '--wait', ...VALUES);
  await cluster.createReady();
  members = await membersNow();
  writer = await Writer.start(await ClientPod.start(cluster.namespace), cluster.address, '/chart');
  const monitors = await kubectl(['-n', NAMESPACE, 'get', 'podmonitors,prometheusrules', '-o', 'name']);
  assert.deepEqual(monitors.trim().split('\n').toSorted(), [
    'podmonitor.monitoring.coreos.com/zabkeeper-members',
    'podmonitor.monitoring.coreos.com/zabkeeper-operator',
    'prometheusrule.monitoring.coreos.com/zabkeeper-ensembles',
    'prometheusrule.monitoring.coreos.com/zabkeeper-operator',
  ]);
});

test('upgraded with another value, the operator has it, and no member is restarted', async () => {
  await helm('upgrade', 'zabkeeper', CHART, '--wait', '--reuse-values', '--set', 'logLevel=debug');
  const deployment = ['-n', NAMESPACE, 'get', 'deployment', 'zabkeeper-operator', '-o'];
  assert.match(
    await kubectl([...deployment, 'jsonpath={.spec.template.spec.containers[0].args}']),
    /--log-level=debug/,
  );
  await isLookedAfter();
  assert.deepEqual(await membersNow(), members);
});

test('uninstalled, the operator is gone with its rights; ensembles run on, and the CRDs stay', async () => {
  await helm('uninstall', 'zabkeeper', '--wait');
  for (const kind of ['deployments', 'serviceaccounts', 'roles', 'podmonitors', 'prometheusrules']) {
    const names = (await list(NAMESPACE, kind)).map(({ metadata }) => metadata.name);
    assert.deepEqual(
      names.filter((name) => name.startsWith('zabkeeper')),
      [],
      kind,
    );
  }
  assert.equal(await get('', 'clusterrole', 'zabkeeper-operator'), undefined);
  assert.equal(await get('', 'clusterrolebinding', 'zabkeeper-operator'), undefined);
  assert.ok(await get('', 'crd', 'coordinationclusters.zabkeeper.dev'));
  assert.equal((await cluster.condition('Ready'))?.status, 'True');
  assert.deepEqual(await membersNow(), members);
  await writer.goesOn();
  await checkWriter(writer);
});
