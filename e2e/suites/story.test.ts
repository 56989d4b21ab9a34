import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
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
