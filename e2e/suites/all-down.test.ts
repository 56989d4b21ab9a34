import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { killProcess, wipeVolume } from './support/faults.ts';
import { kubectl } from './support/kubectl.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-all-down');
let client: ClientPod;

before(async () => {
  await cluster.createReady();
  client = await ClientPod.start(cluster.namespace);
});
after(() => cluster.remove());

// Comes first: of the pods that formed the ensemble none is left after the other.
test('a member whose disk is wiped whole under its pod does not vote with nothing', async () => {
  const writer = await Writer.start(client, cluster.address, '/wiped');
  const name = await cluster.leader();
  const podBefore = await cluster.pod(name);
  const args = ['get', 'pod', name, '-o', 'jsonpath={.spec.containers[0].args}'];
  assert.match(await kubectl(['-n', cluster.namespace, ...args]), /--initialize/, 'its pod may begin anew');
  await wipeVolume(cluster.namespace, name);
  await waitFor(
    `${name} is back as a follower, in the pod that it had`,
    async () => {
      const pod = await cluster.pod(name);
      const [now, before] = [pod, podBefore].map(({ status }) => status.containerStatuses?.[0]);
      const member = (await cluster.object())?.status?.members?.find((one) => one.name === name);
      const hasRestarted = (now?.restartCount ?? 0) > (before?.restartCount ?? 0);
      return hasRestarted && now?.ready === true && member?.role === 'follower' && member.voting === true;
    },
    { timeoutMs: 120_000, intervalMs: 300, explain: () => cluster.describe() },
  );
  assert.equal((await cluster.pod(name)).metadata.uid, podBefore.metadata.uid);
  const said = await kubectl(['-n', cluster.namespace, 'logs', name]);
  assert.match(said, /--initialize means nothing any more: the ensemble has been formed/);
  await writer.goesOn();
  const written = await writer.finishAndCheck();
  await waitFor(
    `${name} itself has all of ${written} writes`,
    async () => {
      const children = await kubectl(['-n', cluster.namespace, 'exec', name, '--', 'zabctl', 'ls', '/wiped']);
      return children.trim().split('\n').length >= written;
    },
    { timeoutMs: 30_000, intervalMs: 300 },
  );
  await cluster.ready();
});

test('all members killed at once: the tree is all there afterwards', async () => {
  const writer = await Writer.start(client, cluster.address, '/written');
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
