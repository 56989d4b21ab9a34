import { waitFor } from '../../support/wait-for.ts';
import { ClientPod } from './client-pod.ts';
import type { ClusterUnderTest } from './cluster.ts';
import { Writer } from './writer.ts';

/** Longer than that no client may be kept waiting when a member is lost, in milliseconds. */
export const PAUSE_MAX_MS = 30_000;

/**
 * Takes an ensemble its leader under a running writer, which is on another node: no acknowledged write is lost, and writes go on
 * within seconds. Returns for how long they paused, in milliseconds.
 */
export async function failsOver(what: string, cluster: ClusterUnderTest, fault: () => Promise<void>): Promise<number> {
  const leader = await cluster.leader();
  const { nodeName = '' } = (await cluster.pod(leader)).spec;
  const name = `writer-${what.replaceAll(' ', '-')}`;
  const client = await ClientPod.start(cluster.namespace, { name, notOn: nodeName });
  const writer = await Writer.start(client, cluster.address, `/${name}`);
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
