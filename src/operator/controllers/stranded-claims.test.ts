import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiRefusal } from '../kube/errors.ts';
import type { PersistentVolumeClaim, Pod } from '../resources/kubernetes.ts';
import { observeStranded } from './stranded-claims.ts';

const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data-test-1' },
  spec: { volumeName: 'pv-1' },
};

function pod(isScheduled: boolean): Pod {
  const status = isScheduled ? 'True' : 'False';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'test-1' },
    status: { conditions: [{ type: 'PodScheduled', status }] },
  };
}

/** A cluster with these nodes, whose volume may be used where the terms say. */
function clientOf(nodes: readonly string[], nodeSelectorTerms: readonly object[]) {
  return {
    get: async () => ({ spec: { nodeAffinity: { required: { nodeSelectorTerms } } } }),
    list: async (_: ResourceType, { labelSelector = '' }: { labelSelector?: string }) => ({
      items: nodes.filter((name) => labelSelector.endsWith(`=${name}`)),
    }),
  } as unknown as KubeClient;
}

const onNode = (name: string): object => ({
  matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }],
});
const inZone = { matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a'] }] };

for (const [what, nodes, terms, isScheduled, stranded] of [
  ['whose node is gone', ['other'], [onNode('worker')], false, true],
  ['whose node is there, busy or down', ['worker'], [onNode('worker')], false, false],
  ['that may be used on another node too', ['other'], [onNode('worker'), onNode('other')], false, false],
  ['that is bound to no node by its name', [], [inZone], false, false],
  ['of a pod that has its node', ['other'], [onNode('worker')], true, false],
] as const) {
  test(`a volume ${what} is ${stranded ? '' : 'not '}stranded`, async () => {
    const found = await observeStranded([claim], [pod(isScheduled)], { client: clientOf(nodes, terms) });
    assert.deepEqual([...found], stranded ? ['data-test-1'] : []);
  });
}

test('nothing is asked for pods that run', async () => {
  const client: Pick<KubeClient, 'get' | 'list'> = {
    get: async <T extends KubeObject>(): Promise<T | undefined> => assert.fail('a volume is asked for'),
    list: async () => assert.fail('nodes are asked for'),
  };
  assert.equal((await observeStranded([claim], [pod(true)], { client })).size, 0);
});

test('an operator that may not look at volumes knows of no stranded one', async () => {
  const refusal = new ApiRefusal('GET /api/v1/persistentvolumes/pv-1', 403, { reason: 'Forbidden' });
  const client: Pick<KubeClient, 'get' | 'list'> = {
    get: async () => await Promise.reject(refusal),
    list: async () => assert.fail('nodes are asked for'),
  };
  assert.equal((await observeStranded([claim], [pod(false)], { client })).size, 0);
});
