import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait-for.ts';
import type { ClientPod } from './client-pod.ts';
import type { ClusterUnderTest, PodObject } from './cluster.ts';
import { Writer } from './writer.ts';

/** Longer than that no client may be kept waiting by a change that somebody planned, in milliseconds. */
const PAUSE_MAX_MS = 15_000;

/** Every member restarted, one after the other, on a machine that is busy with other things too. */
const ROLLED_MS = 240_000;

/**
 * Makes a change that restarts every member, under a running writer: nothing is lost, and the leader comes last.
 *
 * @param endAtOnce The members that go are of a version that does not serve on until nobody is sent to it any more.
 */
export async function rollsUnderWriter(
  what: string,
  cluster: ClusterUnderTest,
  client: ClientPod,
  change: () => Promise<unknown>,
  endAtOnce = false,
): Promise<{ readonly rolledMs: number; readonly pauseMs: number }> {
  const leader = await cluster.leader();
  const old = new Set((await cluster.pods()).map(({ metadata }) => metadata.uid));
  const writer = await Writer.start(client, cluster.address, `/${what.replaceAll(' ', '-')}`);
  const connections = await client.background('connections', ...cluster.address.split(':'));
  await connections.waitForLines('clients connect', (lines) => lines.length > 0);
  const startedMs = performance.now();
  const pauseMs = await writer.pauseOf(async () => {
    await change();
    await waitFor('every member is new', async () => (await cluster.pods()).every((pod) => isNewAndReady(pod, old)), {
      timeoutMs: ROLLED_MS,
      intervalMs: 500,
      explain: () => cluster.describe(),
    });
    await cluster.ready();
  });
  const rolledMs = performance.now() - startedMs;
  const hung = (await connections.finish()).filter((line) => line.startsWith('hung'));
  if (!endAtOnce) assert.deepEqual(hung, [], 'a client was sent to where no member is any more');
  const written = await checkWriter(writer);
  const pods = await cluster.pods();
  const born = pods.map(({ metadata }) => Date.parse(metadata.creationTimestamp));
  const leaderPod = pods.find(({ metadata }) => metadata.name === leader);
  assert.equal(Date.parse(leaderPod?.metadata.creationTimestamp ?? ''), Math.max(...born), `${leader} led: it is last`);
  assert.equal((await cluster.object())?.status?.updatedReplicas, pods.length);
  process.stdout.write(
    `${what}: ${Math.round(rolledMs / 1000)} s; writes paused for at most ${pauseMs} ms; all of ${written} acknowledged writes are there\n`,
  );
  assert.ok(pauseMs <= PAUSE_MAX_MS, `writes paused for ${pauseMs} ms`);
  return { rolledMs, pauseMs };
}

/** Ends a writer: nothing that was acknowledged is lost, and its session lived on. Returns how many writes there were. */
export async function checkWriter(writer: Writer): Promise<number> {
  const written = await writer.finishAndCheck();
  assert.equal(writer.sessions().length, 1, `a session expired: ${writer.sessions().join(', ')}`);
  return written;
}

function isNewAndReady({ metadata, status }: PodObject, old: ReadonlySet<string>): boolean {
  return (
    !old.has(metadata.uid) && metadata.deletionTimestamp === undefined && status.containerStatuses?.[0]?.ready === true
  );
}
