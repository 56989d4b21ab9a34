import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { get, kubectl } from './support/kubectl.ts';
import { killOperators } from './support/operators.ts';

const cluster = new ClusterUnderTest('e2e-operator-killed');

after(() => cluster.remove());

/** What the first reconcile brings about, one after the other. */
const MILESTONES: Readonly<Record<string, () => Promise<boolean>>> = {
  'the bootstrap is latched': async () => (await cluster.object())?.status?.bootstrap?.phase === 'Started',
  'the StatefulSet is there': async () => (await get(cluster.namespace, 'statefulset', cluster.name)) !== undefined,
  'the bootstrap is completed': async () => (await cluster.object())?.status?.bootstrap?.phase === 'Completed',
  'the client Service is there': async () =>
    (await get(cluster.namespace, 'service', `${cluster.name}-client`)) !== undefined,
};

test('the operator is killed at every milestone of the first reconcile: Ready all the same, and bootstrapped once', async () => {
  await cluster.create();
  const ids = new Set<string>();
  for (const [milestone, isReached] of Object.entries(MILESTONES)) {
    await waitFor(milestone, isReached, { timeoutMs: 180_000, intervalMs: 100, explain: () => cluster.describe() });
    await killOperators();
    const id = (await cluster.object())?.status?.bootstrap?.id;
    if (id !== undefined) ids.add(id);
  }
  await cluster.ready(300_000);
  assert.equal(ids.size, 1, 'one bootstrap');
  const events = await kubectl(['-n', cluster.namespace, 'get', 'events', '-o', 'jsonpath={.items[*].reason}']);
  const started = events.split(' ').filter((reason) => reason === 'BootstrapStarted');
  assert.ok(started.length <= 1, `the bootstrap was started ${started.length} times`);
  const args = await kubectl([
    '-n',
    cluster.namespace,
    'get',
    'sts',
    cluster.name,
    '-o',
    'jsonpath={.spec.template.spec.containers[0].args}',
  ]);
  assert.doesNotMatch(args, /--initialize/, 'a pod that comes later must not begin with an empty disk');
  const pod = await ClientPod.start(cluster.namespace);
  await pod.run('story', cluster.address);
});
