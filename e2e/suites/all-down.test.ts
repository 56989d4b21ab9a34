import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { killProcess } from './support/faults.ts';
import { kubectl } from './support/kubectl.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-all-down');

before(() => cluster.createReady());
after(() => cluster.remove());

test('all members killed at once: the tree is all there afterwards', async () => {
  const pod = await ClientPod.start(cluster.namespace);
  const writer = await Writer.start(pod, cluster.address, '/written');
  await Promise.all((await cluster.pods()).map((member) => killProcess(member)));
  await writer.goesOn();

  const uids = new Set((await cluster.pods()).map(({ metadata }) => metadata.uid));
  const names = (await cluster.pods()).map(({ metadata }) => metadata.name);
  await kubectl(['-n', cluster.namespace, 'delete', 'pods', ...names, '--force', '--grace-period=0']);
  await waitFor(
    'all pods are new ones',
    async () => {
      const pods = await cluster.pods();
      return pods.length === names.length && pods.every(({ metadata }) => !uids.has(metadata.uid));
    },
    { timeoutMs: 60_000, intervalMs: 300 },
  );
  await writer.goesOn();
  await writer.finishAndCheck();
  await cluster.ready();
});
