import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { drain, killApiServer, startNode, stopNode, uncordon } from './support/alone/nodes.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { failsOver } from './support/fail-over.ts';
import { apply, get } from './support/kubectl.ts';
import { MemberWatch } from './support/member-watch.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

// Nodes and the API server go: nothing else can be tested beside it.

const SLOW = { timeoutMs: 240_000, intervalMs: 500, explain: () => cluster.describe() };

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

test('the API server is killed in the middle of a rolling change, which goes on when it is back', async () => {
  const client = await ClientPod.start(cluster.namespace, { name: 'client-api-server' });
  const writer = await Writer.start(client, cluster.address, '/api-server', 'node');
  const members = new MemberWatch(cluster.namespace, cluster.name);
  try {
    await waitFor('the members are seen', () => members.hadEach(1));
    await apply(cluster.manifest({ podLabels, config: { snapCount: 50_000 } }));
    const hasBegun = (): boolean => Object.values(members.podsOf).some((pods) => pods === 2);
    await waitFor('the first member was restarted', hasBegun, SLOW);
    await killApiServer();
    const isRolled = async (): Promise<boolean> =>
      members.hadEach(2) && (await cluster.condition('Ready'))?.status === 'True';
    await waitFor('every member was restarted', isRolled, SLOW);
    assert.deepEqual(members.podsOf, { 'zoo-0': 2, 'zoo-1': 2, 'zoo-2': 2 }, 'once');
    assert.equal(members.downAtOnce, 1);
    await writer.goesOn();
    await checkWriter(writer);
  } finally {
    members.stop();
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
