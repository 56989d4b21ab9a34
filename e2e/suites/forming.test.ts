import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { damageEpoch } from './support/faults.ts';
import { apply, list } from './support/kubectl.ts';
import { timesTold } from './support/told.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-forming');

/** Five members, each on a node of its own, of which there are three: a majority serves, and the ensemble is never formed. */
const TOO_MANY = {
  replicas: 5,
  scheduling: {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: { 'app.kubernetes.io/instance': cluster.name } },
          },
        ],
      },
    },
  },
};

before(() => cluster.create(TOO_MANY));
after(() => cluster.remove());

async function volumes(): Promise<Map<string, string>> {
  return new Map((await list(cluster.namespace, 'pvc')).map(({ metadata }) => [metadata.name, metadata.uid]));
}

/** Waits until three of the members serve, and the other two have no node. */
async function stuck(): Promise<void> {
  await waitFor(
    'three of five members serve, and the others have no node',
    async () => {
      const progressing = await cluster.condition('Progressing');
      const serving = (await cluster.object())?.status?.members?.filter(({ role }) => /^(leader|follower)$/.test(role));
      return serving?.length === 3 && progressing?.reason === 'BootstrapStopped';
    },
    { timeoutMs: 120_000, intervalMs: 500, explain: () => cluster.describe() },
  );
}

test('an ensemble that cannot be formed with what there is is formed once more, as the manifest is corrected', async () => {
  await stuck();
  const first = await volumes();
  assert.equal(first.size, 5);

  const [damaged] = await cluster.pods();
  assert.ok(damaged?.spec.nodeName !== undefined, 'the first member has a node');
  await damageEpoch(cluster.namespace, damaged.metadata.name);
  await waitFor(
    'all volumes are new ones',
    async () => {
      const now = await volumes();
      return now.size === 5 && [...now].every(([name, uid]) => first.get(name) !== uid);
    },
    { timeoutMs: 120_000, intervalMs: 500, explain: () => cluster.describe() },
  );
  await stuck();

  await apply(cluster.manifest({ ...TOO_MANY, replicas: 3 }));
  await cluster.ready();
  assert.deepEqual([...(await volumes()).keys()].toSorted(), ['data-zoo-0', 'data-zoo-1', 'data-zoo-2']);
  assert.deepEqual((await cluster.object())?.status?.membership?.voters, [1, 2, 3]);
  assert.deepEqual(await timesTold(cluster.namespace, 'BootstrapBegunAgain', 'BootstrapStarted'), {
    BootstrapBegunAgain: 2,
    BootstrapStarted: 2,
  });

  const writer = await Writer.start(await ClientPod.start(cluster.namespace), cluster.address, '/formed');
  await writer.goesOn();
  await checkWriter(writer);
});
