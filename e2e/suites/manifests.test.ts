import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClusterUnderTest, recreateNamespace } from './support/cluster.ts';
import type { WrongManifests } from './manifests/cases.ts';
import { COORDINATION_CLUSTER } from './manifests/coordination-cluster.ts';
import { apply, kubectl, KubectlError } from './support/kubectl.ts';

const cluster = new ClusterUnderTest('e2e-manifests');

before(() => recreateNamespace(cluster.namespace));
after(() => kubectl(['delete', 'namespace', cluster.namespace, '--wait=false']));

/** Refused before anything is made of them; what is applied before a wrong change is paused, so that nothing is made of it either. */
const REFUSED: Readonly<Record<string, WrongManifests>> = { CoordinationCluster: COORDINATION_CLUSTER };

for (const [kind, cases] of Object.entries(REFUSED)) {
  describe(`a wrong ${kind} is refused by kubectl apply with a sentence that helps`, () => {
    for (const [what, { spec, name = 'wrong', after: before, sentence }] of Object.entries(cases)) {
      test(what, async () => {
        const manifest = (content: object): object => ({
          apiVersion: 'zabkeeper.dev/v1alpha1',
          kind,
          metadata: { name, namespace: cluster.namespace },
          spec: content,
        });
        if (before !== undefined) await apply(manifest({ paused: true, ...before }));
        try {
          await assert.rejects(apply(manifest(spec)), (error) => {
            assert.ok(error instanceof KubectlError);
            assert.match(error.output, sentence);
            return true;
          });
        } finally {
          if (before !== undefined) await kubectl(['-n', cluster.namespace, 'delete', kind, name]);
        }
      });
    }
  });
}

/** Manifests that are valid and cannot work here, and what the status must say: only the running system knows. */
const STUCK: Readonly<Record<string, readonly [spec: object, why: RegExp]>> = {
  'a storage class that there is not': [
    { storage: { size: '256Mi', storageClassName: 'there-is-none' } },
    /zoo-0 \(Unschedulable: .*there-is-none.*\): correct the manifest or what it needs/,
  ],
  'nodes that there are not': [
    { scheduling: { nodeSelector: { disk: 'of-gold' } } },
    /zoo-0 \(Unschedulable: .*node affinity\/selector.*\): correct the manifest/,
  ],
  'a priority class that there is not': [
    { scheduling: { priorityClassName: 'there-is-none' } },
    /zoo-0 \(no pod: .*no PriorityClass with name there-is-none.*\): correct the manifest/,
  ],
};

test('what only the running system knows is a condition and an Event, and a correct manifest gets the ensemble going', async () => {
  try {
    for (const [what, [spec, why]] of Object.entries(STUCK)) {
      await apply(cluster.manifest(spec));
      const stopped = await waitFor(
        `${what} stops the bootstrap`,
        async () => {
          const condition = await cluster.condition('Progressing');
          return condition?.reason === 'BootstrapStopped' && why.test(condition.message) ? condition : undefined;
        },
        { timeoutMs: 90_000, intervalMs: 500, explain: () => cluster.describe() },
      );
      process.stdout.write(`${what}: ${stopped.message}\n`);
      const events = await kubectl(['-n', cluster.namespace, 'get', 'events', '-o', 'jsonpath={.items[*].message}']);
      assert.match(events, why, 'an Event tells it too');
    }
    await apply(cluster.manifest());
    await cluster.ready();
  } finally {
    await kubectl(['-n', cluster.namespace, 'delete', 'cc', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
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
