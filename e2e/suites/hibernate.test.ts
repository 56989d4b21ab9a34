import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { apply, get, kubectl, list } from './support/kubectl.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-hibernate');

before(() => cluster.createReady());
after(() => cluster.remove());

async function volumes(): Promise<string[]> {
  return (await list(cluster.namespace, 'pvc')).map(({ metadata }) => metadata.uid).toSorted();
}

test('hibernated, nothing runs and everything is kept; woken, the same members go on with all data', async () => {
  const client = await ClientPod.start(cluster.namespace);
  const writer = await Writer.start(client, cluster.address, '/hibernate');
  const before = { volumes: await volumes(), bootstrap: (await cluster.object())?.status?.bootstrap };

  // While it writes: what is acknowledged up to the last moment must be there afterwards.
  await apply(cluster.manifest({ hibernated: true }));
  await waitFor('it is hibernated', async () => (await cluster.condition('Hibernated'))?.status === 'True', {
    timeoutMs: 90_000,
    intervalMs: 500,
    explain: () => cluster.describe(),
  });
  assert.deepEqual(await cluster.pods(), []);
  assert.deepEqual(await volumes(), before.volumes);
  assert.ok(await get(cluster.namespace, 'service', `${cluster.name}-client`), 'clients keep their address');
  assert.equal((await cluster.condition('Degraded'))?.status, 'False');
  await assert.rejects(
    kubectl(['-n', cluster.namespace, 'scale', `cc/${cluster.name}`, '--replicas=5']),
    /replicas cannot be changed while hibernated is set/,
  );

  const wokenMs = performance.now();
  await apply(cluster.manifest({ hibernated: false }));
  await cluster.ready();
  const readyS = Math.round((performance.now() - wokenMs) / 1000);
  await writer.goesOn(50);
  assert.deepEqual((await cluster.object())?.status?.bootstrap, before.bootstrap, 'no second bootstrap');
  assert.deepEqual(await volumes(), before.volumes);
  const written = await writer.finishAndCheck();
  process.stdout.write(`hibernate: Ready ${readyS} s after waking; all of ${written} acknowledged writes are there\n`);
});
