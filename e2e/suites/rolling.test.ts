import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest, type PodObject } from './support/cluster.ts';
import { pauseProcess, resumeProcess } from './support/faults.ts';
import { apply, get, kubectl, type KubernetesObject } from './support/kubectl.ts';
import { OPERATOR_NAMESPACE } from './support/operator-under-test.ts';
import { rollsUnderWriter } from './support/rolling.ts';
import { measured } from './support/timings.ts';

const cluster = new ClusterUnderTest('e2e-rolling');
let client: ClientPod;

before(async () => {
  await cluster.createReady();
  client = await ClientPod.start(cluster.namespace);
});
after(() => cluster.remove());

/** Each comes on top of those before it. */
const CHANGES: Readonly<Record<string, object>> = {
  'a key of zoo.cfg': { config: { snapCount: 50_000 } },
  'other resources': { resources: { requests: { cpu: '40m', memory: '200Mi' } } },
  'a label of the pods': { podLabels: { team: 'books' } },
};

for (const [index, what] of Object.keys(CHANGES).entries()) {
  const spec: object = Object.assign({}, ...Object.values(CHANGES).slice(0, index + 1));
  test(`${what}: one member after the other, the leader last, nothing lost`, async () => {
    await rollsUnderWriter(what, cluster, client, () => apply(cluster.manifest(spec)));
  });
}

test('kubectl rollout restart is honoured', async () => {
  const { rolledMs, pauseMs } = await rollsUnderWriter('rollout restart', cluster, client, () =>
    kubectl(['-n', cluster.namespace, 'rollout', 'restart', `statefulset/${cluster.name}`]),
  );
  await measured('rolling restart of three', rolledMs);
  await measured('pause of writes: rolling restart', pauseMs);
});

interface Lease extends KubernetesObject {
  readonly spec: { readonly holderIdentity?: string };
}

/** The name of the operator's pod that leads. */
async function leadingOperator(): Promise<string> {
  return waitFor(
    'an operator leads',
    async () => (await get<Lease>(OPERATOR_NAMESPACE, 'lease', 'zabkeeper-operator'))?.spec.holderIdentity,
  );
}

/** What an operator's metrics say: whether it leads, and how many writes it has sent, those of its Lease aside. */
async function metricsOf(pod: string): Promise<{ isLeading: boolean; writes: number }> {
  const script = "process.stdout.write(await (await fetch('http://127.0.0.1:8080/metrics')).text())";
  const node = ['node', '--input-type=module', '-e', script];
  const lines = (await kubectl(['-n', OPERATOR_NAMESPACE, 'exec', pod, '--', ...node])).split('\n');
  const counts = lines
    .filter((line) => /^zabkeeper_operator_api_requests_total\{method="(PATCH|POST|DELETE)"/.test(line))
    .map((line) => Number(line.split(' ').at(-1)));
  return {
    isLeading: lines.includes('zabkeeper_operator_leading 1'),
    writes: counts.reduce((sum, count) => sum + count, 0),
  };
}

test('an operator that hangs is replaced by the other, and when it goes on again it writes nothing', async () => {
  const name = await leadingOperator();
  const operator = await get<PodObject>(OPERATOR_NAMESPACE, 'pod', name);
  assert.ok(operator);
  const before = await metricsOf(name);
  await rollsUnderWriter('operator hangs', cluster, client, async () => {
    await pauseProcess(operator);
    const old = new Set((await cluster.pods()).map(({ metadata }) => metadata.uid));
    // What it is told of this as soon as it goes on is old news by then: the other one is in the middle of it.
    await apply(cluster.manifest({ config: { snapCount: 70_000 } }));
    const hasBegun = async (): Promise<boolean> =>
      (await cluster.pods()).some(({ metadata }) => !old.has(metadata.uid));
    try {
      await waitFor('the other operator has begun', hasBegun, { timeoutMs: 50_000, intervalMs: 300 });
    } finally {
      await resumeProcess(operator);
    }
    await waitFor('it knows that it does not lead', async () => !(await metricsOf(name)).isLeading);
  });
  assert.deepEqual(await metricsOf(name), { isLeading: false, writes: before.writes });
  assert.notEqual(await leadingOperator(), name);
});
