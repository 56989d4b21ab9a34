import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { killProcess, startNode, stopNode } from './support/faults.ts';
import { kubectl } from './support/kubectl.ts';
import { measured } from './support/timings.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-leader-failure');
const PAUSE_MAX_MS = 30_000;

before(() => cluster.createReady());
after(() => cluster.remove());

/** One fault under a running writer: no acknowledged write is lost, writes go on within seconds, and the time is printed. */
async function underWriter(what: string, leader: string, notOn: string, fault: () => Promise<void>): Promise<number> {
  const name = `writer-${what.replaceAll(' ', '-')}`;
  const writer = await Writer.start(
    await ClientPod.start(cluster.namespace, { name, notOn }),
    cluster.address,
    `/${name}`,
  );
  // Acknowledgements reach us late on a busy machine: only those after the next leader is known are surely from after the fault.
  const pauseMs = await writer.pauseOf(async () => {
    await fault();
    await waitFor('another member leads', async () => (await cluster.leader()) !== leader, {
      timeoutMs: 60_000,
      intervalMs: 500,
      explain: () => cluster.describe(),
    });
  });
  const written = await writer.finishAndCheck();
  process.stdout.write(`${what}: writes paused for ${pauseMs} ms; all of ${written} acknowledged writes are there\n`);
  if (pauseMs > PAUSE_MAX_MS) throw new Error(`writes paused for ${pauseMs} ms`);
  return pauseMs;
}

test("the leader's process is killed", async () => {
  const leader = await cluster.leader();
  const pod = await cluster.pod(leader);
  const pauseMs = await underWriter('process killed', leader, pod.spec.nodeName ?? '', () => killProcess(pod));
  await measured("pause of writes: the leader's process is killed", pauseMs);
  await cluster.ready();
});

test("the leader's pod is deleted", async () => {
  const leader = await cluster.leader();
  const pod = await cluster.pod(leader);
  const pauseMs = await underWriter('pod deleted', leader, pod.spec.nodeName ?? '', async () => {
    await kubectl(['-n', cluster.namespace, 'delete', 'pod', leader, '--wait=false']);
  });
  await measured("pause of writes: the leader's pod is deleted", pauseMs);
  await cluster.ready();
});

test("the leader's node is stopped", async () => {
  const leader = await cluster.leader();
  const { nodeName = '' } = (await cluster.pod(leader)).spec;
  try {
    await underWriter('node stopped', leader, nodeName, () => stopNode(nodeName));
  } finally {
    await startNode(nodeName);
  }
  await kubectl(['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=180s'], { timeoutMs: 190_000 });
  await cluster.ready(300_000);
});
