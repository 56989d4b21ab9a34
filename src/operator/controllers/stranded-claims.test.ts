import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import type { KubeClient, Scope } from '../kube/client.ts';
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
    list: async (_: unknown, { labelSelector }: Scope) => ({
      items: nodes
        .map((name) => ({ name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': 'b' } }))
        .filter(({ labels }) => isSelected(labels, labelSelector ?? assert.fail('all nodes are asked for')))
        .map((metadata) => ({ metadata })),
    }),
  } as unknown as KubeClient;
}

/** @param selector Parts such as `key in (a,b)` or `key`, separated by commas */
function isSelected(labels: Readonly<Record<string, string>>, selector: string): boolean {
  return selector.split(/,(?![^(]*\))/).every((part) => {
    const [, key = part, values] = /^(\S+) in \((.*)\)$/.exec(part) ?? [];
    const value = labels[key];
    return value !== undefined && (values === undefined || values.split(',').includes(value));
  });
}

const onNode = (name: string): object => ({
  matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }],
});
const inZone = (zone: string): object => ({
  matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] }],
});
const onNodeInZone = (name: string, zone: string): object => ({
  matchExpressions: [
    { key: 'kubernetes.io/hostname', operator: 'In', values: [name] },
    { key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] },
  ],
});
const strange = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Gt', values: ['1'] }] };

for (const [what, nodes, terms, isScheduled, found] of [
  ['whose node is gone', ['other'], [onNode('worker')], false, 'stranded'],
  ['whose node is there, busy or down', ['worker'], [onNode('worker')], false, 'in reach'],
  ['that may be used on another node too', ['other'], [onNode('worker'), onNode('other')], false, 'in reach'],
  ['in a zone without nodes', ['other'], [inZone('a')], false, 'out of reach'],
  ['in a zone with a node', ['other'], [inZone('b')], false, 'in reach'],
  ['of a node that is gone or a zone without nodes', ['other'], [onNode('worker'), inZone('a')], false, 'out of reach'],
  ['of a node that is there, in another zone by now', ['worker'], [onNodeInZone('worker', 'a')], false, 'out of reach'],
  ['that says where in words not known here', ['other'], [strange], false, 'in reach'],
  ['that may be used everywhere', ['other'], [], false, 'in reach'],
  ['of a pod that has its node', ['other'], [onNode('worker')], true, 'in reach'],
] as const) {
  test(`a volume ${what} is ${found}`, async () => {
    const { strandedClaims, unreachableClaims } = await observeStranded([claim], [pod(isScheduled)], {
      client: clientOf(nodes, terms),
    });
    assert.deepEqual([...strandedClaims], found === 'stranded' ? ['data-test-1'] : []);
    assert.deepEqual([...unreachableClaims], found === 'out of reach' ? ['data-test-1'] : []);
  });
}

test('nothing is asked for pods that run', async () => {
  const client: Pick<KubeClient, 'get' | 'list'> = {
    get: async <T extends KubeObject>(): Promise<T | undefined> => assert.fail('a volume is asked for'),
    list: async () => assert.fail('nodes are asked for'),
  };
  const { strandedClaims, unreachableClaims } = await observeStranded([claim], [pod(true)], { client });
  assert.deepEqual([strandedClaims.size, unreachableClaims.size], [0, 0]);
});

test('an operator that may not look at volumes knows of no stranded one', async () => {
  const refusal = new ApiRefusal('GET /api/v1/persistentvolumes/pv-1', 403, { reason: 'Forbidden' });
  const client: Pick<KubeClient, 'get' | 'list'> = {
    get: async () => await Promise.reject(refusal),
    list: async () => assert.fail('nodes are asked for'),
  };
  const { strandedClaims, unreachableClaims } = await observeStranded([claim], [pod(false)], { client });
  assert.deepEqual([strandedClaims.size, unreachableClaims.size], [0, 0]);
});
