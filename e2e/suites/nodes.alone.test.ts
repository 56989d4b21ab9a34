import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { drain, startNode, stopNode, uncordon, withoutNode } from './support/alone/nodes.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { failsOver, PAUSE_MAX_MS } from './support/fail-over.ts';
import { get, kubectl, type KubernetesObject } from './support/kubectl.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

// Nodes go: nothing else can be tested beside that.

const cluster = new ClusterUnderTest('e2e-nodes');
/** So that nothing but these members is evicted. */
const podLabels = { 'e2e-nodes': 'member' };

before(() => cluster.createReady({ podLabels }));
after(() => cluster.remove());

test('kubectl drain takes one member at a time, and a writer goes on', async () => {
  const leader = await cluster.leader();
  const pods = await cluster.pods();
  const nodeOf = (name: string): string => pods.find(({ metadata }) => metadata.name === name)?.spec.nodeName ?? '';
  const follower = pods.map(({ metadata }) => metadata.name).find((name) => nodeOf(name) !== nodeOf(leader)) ?? '';
  const client = await ClientPod.start(cluster.namespace);
  const writer = await Writer.start(client, cluster.address, '/drain');
  const drained = [nodeOf(leader), nodeOf(follower)];
  try {
    const uid = (await cluster.pod(leader)).metadata.uid;
    const pauseMs = await writer.pauseOf(async () => {
      await drain(nodeOf(leader), podLabels, 120);
      const pod = await get(cluster.namespace, 'pod', leader);
      assert.notEqual(pod?.metadata.uid, uid, `${leader} was evicted`);
      // Its volume is on the drained node, so it cannot run: nobody else may be taken down.
      await assert.rejects(drain(nodeOf(follower), podLabels, 5), /disruption budget/);
    });
    assert.equal((await cluster.condition('Available'))?.status, 'True');
    await waitFor(
      'the status says why a member is missing',
      async () => /Unschedulable/.test((await cluster.condition('Degraded'))?.message ?? ''),
      { timeoutMs: 30_000, intervalMs: 500, explain: () => cluster.describe() },
    );
    await uncordon(drained);
    await cluster.ready();
    const written = await checkWriter(writer);
    process.stdout.write(
      `drain: writes paused for at most ${pauseMs} ms; all of ${written} acknowledged writes are there\n`,
    );
  } finally {
    await uncordon(drained);
  }
});

test("the leader's node is stopped", async () => {
  const leader = await cluster.leader();
  const { nodeName = '' } = (await cluster.pod(leader)).spec;
  try {
    await failsOver('node stopped', cluster, () => stopNode(nodeName));
  } finally {
    await startNode(nodeName);
  }
  await cluster.ready(300_000);
});

test('a node is gone for good: its member is rebuilt from the others on another node, and a writer goes on', async () => {
  const leader = await cluster.leader();
  const pods = await cluster.pods();
  const nodeOfLeader = pods.find(({ metadata }) => metadata.name === leader)?.spec.nodeName;
  const member = pods.find(({ spec }) => spec.nodeName !== nodeOfLeader);
  assert.ok(member);
  const { name } = member.metadata;
  const { nodeName = '' } = member.spec;
  const claimUid = async (): Promise<string | undefined> =>
    (await get<KubernetesObject>(cluster.namespace, 'pvc', `data-${name}`))?.metadata.uid;
  const old = await claimUid();
  const client = await ClientPod.start(cluster.namespace, { name: 'writer-node-gone', notOn: nodeName });
  const writer = await Writer.start(client, cluster.address, '/node-gone');
  const pauseMs = await writer.pauseOf(() =>
    withoutNode(nodeName, async () => {
      await waitFor(`${name} has another volume`, async () => ![old, undefined].includes(await claimUid()), {
        timeoutMs: 90_000,
        intervalMs: 300,
        explain: () => cluster.describe(),
      });
      await cluster.ready();
      assert.notEqual((await cluster.pod(name)).spec.nodeName, nodeName);
    }),
  );
  const written = await writer.finishAndCheck();
  process.stdout.write(
    `node gone: writes paused for at most ${pauseMs} ms; all of ${written} acknowledged writes are there\n`,
  );
  assert.ok(pauseMs <= PAUSE_MAX_MS);
  assert.match(
    await kubectl(['-n', cluster.namespace, 'get', 'events', '--field-selector=reason=MemberRebuilt']),
    new RegExp(`Rebuilding ${name} from the others: its volume data-${name} is on a node that does not exist any more`),
  );
});
