import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClusterUnderTest, recreateNamespace } from './support/cluster.ts';
import { apply, kubectl, KubectlError } from './support/kubectl.ts';

const cluster = new ClusterUnderTest('e2e-manifests');

before(() => recreateNamespace(cluster.namespace));
after(() => kubectl(['delete', 'namespace', cluster.namespace, '--wait=false']));

/** A wrong spec, and the sentence that the API server must answer with. */
const REFUSED: Readonly<Record<string, readonly [spec: object, sentence: RegExp]>> = {
  'an even number of voters': [{ replicas: 4 }, /replicas must be odd/],
  'too many voters': [{ replicas: 11 }, /replicas must be 9 or fewer/],
  'no voters': [{ replicas: 0 }, /replicas must be odd/],
  'a volume without room': [{ storage: { size: '1Mi' } }, /storage\.size must be 64Mi or more/],
  'a size that is no quantity': [{ storage: { size: 'big' } }, /spec\.storage\.size/],
  'a key that the operator owns': [{ config: { dataDir: '/tmp' } }, /config must not set what the operator decides/],
  'members listed by hand': [{ config: { 'server.1': 'a:1:2' } }, /config must not list members/],
  'a key that has a field': [{ config: { tickTime: 100 } }, /config must not set tickTime: set .*tickTimeMs/],
  'an unknown key of zoo.cfg': [{ config: { tickTimes: 100 } }, /config may only have keys of zoo\.cfg/],
  'a tick that is too short': [{ tickTimeMs: 5 }, /tickTimeMs must be between 100 and 60000/],
  'an image with a space': [{ image: 'zab keeper' }, /image must be one image reference without spaces/],
  'a domain that is none': [{ clusterDomain: 'under_score' }, /clusterDomain must be a DNS domain/],
};

describe('a wrong manifest is refused by kubectl apply with a sentence that helps', () => {
  for (const [what, [spec, sentence]] of Object.entries(REFUSED)) {
    test(what, async () => {
      await assert.rejects(apply(cluster.manifest(spec)), (error) => {
        assert.ok(error instanceof KubectlError);
        assert.match(error.output, sentence);
        return true;
      });
    });
  }
});

test('what must not change is refused afterwards, and what cannot be done yet says so', async () => {
  await apply(cluster.manifest({ storage: { size: '512Mi' } }));
  try {
    await cluster.ready();
    await assert.rejects(apply(cluster.manifest({ storage: { size: '256Mi' } })), /storage\.size cannot shrink/);
    await assert.rejects(
      apply(cluster.manifest({ storage: { size: '512Mi' }, serverIdOffset: 10 })),
      /serverIdOffset cannot be changed/,
    );
    await apply(cluster.manifest({ storage: { size: '512Mi' }, replicas: 5 }));
    const accepted = await waitFor(
      'the operator refuses what would endanger the quorum',
      async () => {
        const condition = await cluster.condition('Accepted');
        return condition?.status === 'False' ? condition : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 200, explain: () => cluster.describe() },
    );
    assert.notEqual(accepted.message, '');
    assert.equal((await cluster.pods()).length, 3, 'the ensemble stays as it is');
    await apply(cluster.manifest({ storage: { size: '512Mi' }, replicas: 3 }));
    await cluster.ready();
  } finally {
    await kubectl(['-n', cluster.namespace, 'delete', 'cc', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  }
});
