import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCoordinationCluster } from '../../api/coordination-cluster.ts';
import { ApiRefusal } from '../kube/errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { StatefulSet } from '../resources/kubernetes.ts';
import { podRefusals } from './pod-refusals.ts';

const cluster = parseCoordinationCluster({
  apiVersion: 'zabkeeper.dev/v1alpha1',
  kind: 'CoordinationCluster',
  metadata: { name: 'zoo', namespace: 'books' },
});
const set = { metadata: { name: 'zoo', uid: 'uid-1' } } as StatefulSet;

function event(second: number, reason: string, message: string) {
  return { reason, message, lastTimestamp: `2026-01-01T00:00:0${second}Z`, metadata: { name: `e${second}` } };
}

test('the newest event about a pod says whether Kubernetes could make it', async () => {
  const asked: unknown[] = [];
  const list = async (_: unknown, scope: unknown) => {
    asked.push(scope);
    const items = [
      event(5, 'SuccessfulCreate', 'create Pod zoo-1 in StatefulSet zoo successful'),
      event(
        4,
        'FailedCreate',
        'create Pod zoo-1 in StatefulSet zoo failed error: pods "zoo-1" is forbidden: exceeded quota',
      ),
      event(
        3,
        'FailedCreate',
        'create Pod zoo-2 in StatefulSet zoo failed error: pods "zoo-2" is forbidden: exceeded quota',
      ),
      event(2, 'SuccessfulCreate', 'create Pod zoo-2 in StatefulSet zoo successful'),
      event(1, 'SuccessfulCreate', 'create Claim data-zoo-0 Pod zoo-0 in StatefulSet zoo success'),
    ];
    return { items, resourceVersion: '1' };
  };
  const refusals = await podRefusals(cluster, [set], { list } as unknown as KubeClient);
  assert.deepEqual([...refusals], [['zoo-2', 'pods "zoo-2" is forbidden: exceeded quota']]);
  assert.deepEqual(asked, [
    { namespace: 'books', fieldSelector: 'involvedObject.kind=StatefulSet,involvedObject.uid=uid-1' },
  ]);
});

test('without the right to read events there is no reason, and no failure', async () => {
  const refusing = (status: number) => ({ list: () => Promise.reject(new ApiRefusal('GET events', status, {})) });
  assert.equal((await podRefusals(cluster, [set], refusing(403))).size, 0);
  await assert.rejects(podRefusals(cluster, [set], refusing(500)), ApiRefusal);
});
