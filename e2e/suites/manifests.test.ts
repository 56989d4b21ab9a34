import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClusterUnderTest, recreateNamespace } from './support/cluster.ts';
import type { WrongManifests } from './manifests/cases.ts';
import { BOOTSTRAP, COORDINATION_BACKUP, COORDINATION_BACKUP_SCHEDULE } from './manifests/coordination-backup.ts';
import { COORDINATION_CLUSTER } from './manifests/coordination-cluster.ts';
import { apply, kubectl, KubectlError } from './support/kubectl.ts';

const cluster = new ClusterUnderTest('e2e-manifests');

before(async () => {
  await recreateNamespace(cluster.namespace);
  // Members ask for nothing that the strictest of Kubernetes' pod security standards does not allow.
  const label = 'pod-security.kubernetes.io/enforce=restricted';
  await kubectl(['label', 'namespace', cluster.namespace, label]);
});
after(() => cluster.remove());

/** Refused before anything is made of them; what is applied before a wrong change is paused, so that nothing is made of it either. */
const REFUSED: Readonly<Record<string, WrongManifests>> = {
  CoordinationCluster: { ...COORDINATION_CLUSTER, ...BOOTSTRAP },
  CoordinationBackup: COORDINATION_BACKUP,
  CoordinationBackupSchedule: COORDINATION_BACKUP_SCHEDULE,
};

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
        if (before !== undefined)
          await apply(manifest(kind === 'CoordinationCluster' ? { paused: true, ...before } : before));
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

/** What becomes of the ensemble in the end. */
const FORMED = { storage: { size: '512Mi' } };

/** Manifests that are valid and cannot work here, and what the status must say: only the running system knows. */
const STUCK: Readonly<Record<string, readonly [spec: object, why: RegExp]>> = {
  'a storage class that there is not': [
    { storage: { size: '256Mi', storageClassName: 'there-is-none' } },
    /zoo-0 \(Unschedulable: .*no volume of StorageClass there-is-none\).*: correct the manifest or what it needs/,
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
  await apply(cluster.manifest(FORMED));
  await cluster.ready();
});

test('what must not change is refused afterwards', async () => {
  const wrong: readonly [change: object, sentence: RegExp][] = [
    [{ storage: { size: '256Mi' } }, /storage\.size cannot shrink/],
    [{ storage: { size: '512Mi', storageClassName: 'other' } }, /storage\.storageClassName cannot be changed/],
    [
      { ...FORMED, clusterDomain: 'example.org' },
      /clusterDomain cannot be changed: it is part of the members' addresses/,
    ],
    [{ ...FORMED, serverIdOffset: 10 }, /serverIdOffset cannot be changed/],
  ];
  for (const [change, sentence] of wrong) await assert.rejects(apply(cluster.manifest(change)), sentence);
});
