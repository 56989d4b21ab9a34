import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { killOperators, leadingOperator, metricsOf } from './support/alone/operators.ts';
import { interruptedBackup } from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { pauseProcess, resumeProcess } from './support/faults.ts';
import { apply, kubectl } from './support/kubectl.ts';
import { rollsUnderWriter } from './support/rolling.ts';
import { S3Server } from './support/s3-server.ts';

// Faults of the deployed operator, which every other ensemble of the cluster would feel.

const cluster = new ClusterUnderTest('e2e-operators');
const { namespace } = cluster;
let client: ClientPod;

before(async () => {
  await cluster.createReady({ config: { 'admin.rateLimiterIntervalInMS': 100 } });
  client = await ClientPod.start(namespace);
});
after(async () => {
  await kubectl(['-n', namespace, 'delete', 'cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  await cluster.remove();
});

test('killed in the middle of a backup: the next one knows how it ended', async () => {
  const s3 = await S3Server.start(namespace);
  await client.run('populate', cluster.address, '/bulk', '30', '900000');
  await interruptedBackup(s3, { clusterName: cluster.name, name: 'operator-killed' }, killOperators);
});

test('one that hangs is replaced by the other, and when it goes on again it writes nothing', async () => {
  const operator = await leadingOperator();
  const before = await metricsOf(operator);
  await rollsUnderWriter('operator hangs', cluster, client, async () => {
    await pauseProcess(operator);
    const old = new Set((await cluster.pods()).map(({ metadata }) => metadata.uid));
    // What it is told of this as soon as it goes on is old news by then: the other one is in the middle of it.
    await apply(cluster.manifest({ config: { snapCount: 70_000 } }));
    const hasBegun = async (): Promise<boolean> =>
      (await cluster.pods()).some(({ metadata }) => !old.has(metadata.uid));
    try {
      await waitFor('the other operator has begun', hasBegun, { timeoutMs: 50_000, intervalMs: 300 });
    } finally {
      await resumeProcess(operator);
    }
    await waitFor('it knows that it does not lead', async () => !(await metricsOf(operator)).isLeading);
  });
  assert.deepEqual(await metricsOf(operator), { isLeading: false, writes: before.writes });
  assert.notEqual((await leadingOperator()).metadata.name, operator.metadata.name);
});
