import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { failsOver } from './support/fail-over.ts';
import { killProcess } from './support/faults.ts';
import { kubectl } from './support/kubectl.ts';
import { rollsUnderWriter } from './support/rolling.ts';
import { measured } from './support/timings.ts';

// What is measured here becomes the table in e2e/bench/README.md, so that nothing else may run meanwhile.

const cluster = new ClusterUnderTest('e2e-how-fast');
let client: ClientPod;

before(async () => {
  await measured('three members Ready after kubectl apply, images present', await cluster.createReady());
  client = await ClientPod.start(cluster.namespace);
});
after(() => cluster.remove());

test('an application with kazoo: versions, ACLs, discovery, configuration', async () => {
  const told = await client.run('story', cluster.address);
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

test('kubectl rollout restart is honoured', async () => {
  const { rolledMs, pauseMs } = await rollsUnderWriter('rollout restart', cluster, client, () =>
    kubectl(['-n', cluster.namespace, 'rollout', 'restart', `statefulset/${cluster.name}`]),
  );
  await measured('rolling restart of three', rolledMs);
  await measured('pause of writes: rolling restart', pauseMs);
});

test("the leader's process is killed", async () => {
  const pod = await cluster.pod(await cluster.leader());
  const pauseMs = await failsOver('process killed', cluster, () => killProcess(pod));
  await measured("pause of writes: the leader's process is killed", pauseMs);
  await cluster.ready();
});

test("the leader's pod is deleted", async () => {
  const leader = await cluster.leader();
  const pauseMs = await failsOver('pod deleted', cluster, async () => {
    await kubectl(['-n', cluster.namespace, 'delete', 'pod', leader, '--wait=false']);
  });
  await measured("pause of writes: the leader's pod is deleted", pauseMs);
  await cluster.ready();
});
