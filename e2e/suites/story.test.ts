import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { kubectl } from './support/kubectl.ts';
import { measured } from './support/timings.ts';

const cluster = new ClusterUnderTest('e2e-story');

before(async () => {
  await measured('three members Ready after kubectl apply, images present', await cluster.createReady());
});
after(() => cluster.remove());

test('an application with kazoo: versions, ACLs, discovery, configuration', async () => {
  const pod = await ClientPod.start(cluster.namespace);
  const told = await pod.run('story', cluster.address);
  assert.match(told, /versions and ACLs hold/);
  assert.match(told, /the watcher learned of both/);
  assert.match(told, /every watcher saw it/);
});

test('each member tells which pod it runs in', async () => {
  const script = "process.stdout.write((await (await fetch('http://127.0.0.1:8080/status')).json()).podUid)";
  const node = ['node', '--input-type=module', '-e', script];
  const pods = (await cluster.pods()).map(({ metadata: { name, uid } }) => ({ name, uid }));
  const told = pods.map(async ({ name }) => ({
    name,
    uid: await kubectl(['-n', cluster.namespace, 'exec', name, '--', ...node]),
  }));
  assert.deepEqual(await Promise.all(told), pods);
});
