import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { apply, kubectl, list } from './support/kubectl.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-deletion');
const storage = (size: string, whenDeleted: 'Retain' | 'Delete'): object => ({ storage: { size, whenDeleted } });

after(() => cluster.remove());

async function deleteCluster(): Promise<void> {
  await kubectl(['-n', cluster.namespace, 'delete', 'cc', cluster.name, '--timeout=120s'], { timeoutMs: 130_000 });
  await waitFor('its pods are gone', async () => (await cluster.pods()).length === 0, {
    timeoutMs: 120_000,
    intervalMs: 500,
  });
}

test('deletion keeps the volumes, a cluster of the same name that asks for smaller ones goes on with them, and deletes them where told to', async () => {
  await cluster.createReady(storage('256Mi', 'Retain'));
  const pod = await ClientPod.start(cluster.namespace);
  const writer = await Writer.start(pod, cluster.address, '/written');
  await writer.goesOn();
  await writer.finishAndCheck();
  const written = await pod.run('list_children', cluster.address, '/written');

  await deleteCluster();
  const kept = await list(cluster.namespace, 'pvc');
  assert.equal(kept.length, 3, 'the volumes are kept');

  await apply(cluster.manifest(storage('128Mi', 'Delete')));
  await cluster.ready();
  assert.equal(await pod.run('list_children', cluster.address, '/written'), written, 'the tree is the same');

  await deleteCluster();
  await waitFor('the volumes are gone', async () => (await list(cluster.namespace, 'pvc')).length === 0, {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
});
