import { after, before, test } from 'node:test';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { apply } from './support/kubectl.ts';
import { rollsUnderWriter } from './support/rolling.ts';

const cluster = new ClusterUnderTest('e2e-rolling');
let client: ClientPod;

before(async () => {
  await cluster.createReady();
  client = await ClientPod.start(cluster.namespace);
});
after(() => cluster.remove());

/** Each comes on top of those before it. */
const CHANGES: Readonly<Record<string, object>> = {
  'a key of zoo.cfg': { config: { snapCount: 50_000 } },
  'other resources': { resources: { requests: { cpu: '40m', memory: '200Mi' } } },
  'a label of the pods': { podLabels: { team: 'books' } },
  'another image, of the version before this one': { image: 'zabkeeper:previous' },
};

for (const [index, what] of Object.keys(CHANGES).entries()) {
  const spec: object = Object.assign({}, ...Object.values(CHANGES).slice(0, index + 1));
  test(`${what}: one member after the other, the leader last, nothing lost`, async () => {
    await rollsUnderWriter(what, cluster, client, () => apply(cluster.manifest(spec)));
  });
}
