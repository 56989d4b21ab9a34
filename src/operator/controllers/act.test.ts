import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCoordinationCluster } from '../../api/coordination-cluster.ts';
import { parseCoordinationBackup } from '../../api/coordination-backup.ts';
import type { KubeObject } from '../../api/objects.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import type { Observed, Step } from '../plan/model.ts';
import { act, type Writers } from './act.ts';
import { AppliedObjects } from './applied-objects.ts';
import type { ReconfigureOutcome } from './reconfigure.ts';

const cluster = parseCoordinationCluster({
  apiVersion: 'zabkeeper.dev/v1alpha1',
  kind: 'CoordinationCluster',
  metadata: { name: 'test', namespace: 'default', uid: 'uid-1' },
});

function service(name: string, more: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: `uid-${name}`, ...more } };
}

function observing(...existing: readonly KubeObject[]): Observed {
  return {
    now: '2026-01-01T00:00:00Z',
    freshPassword: 'new',
    existing,
    pods: [],
    claims: [],
    strandedClaims: new Set(),
    unreachableClaims: new Set(),
    reports: new Map(),
  };
}

const applyAll: Step[] = ['a', 'b'].map((name) => ({ do: 'apply', kind: 'Service', object: service(name) }));
const expand: Step = { do: 'expandClaim', name: 'data-test-0', uid: '1', size: '2Gi' };

/** Writers that note what they write, and refuse what they are told to with an HTTP status. */
function writers(refusals: Readonly<Record<string, number>> = {}, outcome: ReconfigureOutcome = { result: 'done' }) {
  const written: string[] = [];
  const write = async (what: string) => {
    const status = refusals[what];
    if (status !== undefined) throw new ApiRefusal(what, status, { message: `no ${what}` });
    written.push(what);
  };
  const client = {
    apply: async (_: unknown, object: KubeObject) => {
      await write(`apply ${object.metadata.name}`);
      return { ...object, metadata: { ...object.metadata, resourceVersion: '2' } };
    },
    create: async (_: unknown, object: KubeObject) => await write(`create ${object.metadata.name}`),
    delete: async (_: unknown, __: string, name: string) => await write(`delete ${name}`),
    mergePatch: async (_: unknown, __: string, name: string) => await write(`patch ${name}`),
  } as unknown as Writers['client'];
  const made: Writers = {
    client,
    applied: new AppliedObjects(),
    setFinalizers: async () => await write('finalizers'),
    confirm: async () => await write('confirm'),
    announce: async ({ reason }) => await write(`announce ${reason}`),
    reconfigure: async () => outcome,
    logger: silentLogger,
  };
  return { written, made };
}

test('carries out the steps in their order', async () => {
  const { written, made } = writers();
  const steps: Step[] = [{ do: 'setFinalizers', finalizers: [] }, ...applyAll, expand];
  assert.deepEqual(await act(cluster, steps, observing(), made), []);
  assert.deepEqual(written, ['finalizers', 'apply a', 'apply b', 'patch data-test-0']);
});

test('stops at a step that is refused for good, and says what the API server said', async () => {
  const { written, made } = writers({ 'apply a': 422 });
  assert.deepEqual(await act(cluster, applyAll, observing(), made), [
    { reason: 'StepRefused', message: 'applying Service a was refused: no apply a' },
  ]);
  assert.deepEqual(written, []);
});

test('deletes only what the cluster of this moment asks for, and tells it before', async () => {
  const announce = { type: 'Normal', reason: 'MemberRestarting', message: 'Restarting a' } as const;
  const deletions: Step[] = [
    { do: 'delete', kind: 'Pod', name: 'a', uid: '1', resourceVersion: '5', announce },
    { do: 'delete', kind: 'PersistentVolumeClaim', name: 'b', uid: '2' },
  ];
  const current = writers();
  const released = { type: 'Normal', reason: 'SnapshotKept', message: 'Kept it' } as const;
  const release: Step = { do: 'setFinalizers', finalizers: [], announce: released };
  await act(cluster, [release], observing(), current.made);
  assert.deepEqual(current.written.splice(0), ['announce SnapshotKept', 'finalizers']);
  await act(cluster, deletions, observing(), current.made);
  assert.deepEqual(current.written, ['confirm', 'announce MemberRestarting', 'delete a', 'delete b']);

  const changed = writers({ confirm: 409 });
  await assert.rejects(act(cluster, deletions, observing(), changed.made), { status: 409 });
  assert.deepEqual(changed.written, []);
});

test('ends pods only as the cluster of this moment asks for it: fewer of them are as much as a deletion', async () => {
  const set = (replicas: number): KubeObject =>
    Object.assign(service('test'), { kind: 'StatefulSet', spec: { replicas } });
  const sized = (replicas: number): Step => ({ do: 'apply', kind: 'StatefulSet', object: set(replicas) });
  for (const [before, after, written] of [
    [3, 2, ['confirm', 'apply test']],
    [3, 0, ['confirm', 'apply test']],
    [3, 5, ['apply test']],
    [3, 3, ['apply test']],
  ] as const) {
    const current = writers();
    await act(cluster, [sized(after)], observing(set(before)), current.made);
    assert.deepEqual(current.written, written, `from ${before} to ${after}`);
  }
  const changed = writers({ confirm: 409 });
  await assert.rejects(act(cluster, [sized(0)], observing(set(3)), changed.made), { status: 409 });
  assert.deepEqual(changed.written, []);
});

test('goes on without a larger volume', async () => {
  const { written, made } = writers({ 'patch data-test-0': 403 });
  const [failure] = await act(cluster, [expand, ...applyAll], observing(), made);
  assert.equal(failure?.reason, 'VolumeExpansionRefused');
  assert.deepEqual(written, ['apply a', 'apply b']);
});

test('a backup that is refused does not keep a schedule from deleting those that are in its way', async () => {
  const { written, made } = writers({ 'create nightly-2': 403 });
  const spec = { clusterRef: { name: 'test' }, destination: { s3: { bucket: 'backups' } } };
  const metadata = { name: 'nightly-2', namespace: 'default' };
  const described = { apiVersion: 'zabkeeper.dev/v1alpha1', kind: 'CoordinationBackup', metadata, spec };
  const object = parseCoordinationBackup(described);
  const steps: Step[] = [
    { do: 'create', kind: 'CoordinationBackup', object },
    { do: 'delete', kind: 'CoordinationBackup', name: 'nightly-0', uid: '0' },
  ];
  const [failure] = await act(cluster, steps, observing(), made);
  assert.match(failure?.message ?? '', /creating CoordinationBackup nightly-2 was refused/);
  assert.deepEqual(written, ['confirm', 'delete nightly-0']);
});

describe('a reconfiguration', () => {
  const through = { podName: 'test-0', address: '10.0.0.1' };
  const announce = { type: 'Normal', reason: 'MemberLeaving', message: 'Taking test-2 out' } as const;
  const change: Step = { do: 'reconfigure', through, leaving: 3, version: '100000001', announce };

  for (const outcome of [{ result: 'done' }, { result: 'unknown', why: 'connectionLoss' }] as const) {
    test(`that is ${outcome.result} is left to the next look, which reads what became of it`, async () => {
      const { written, made } = writers({}, outcome);
      assert.deepEqual(await act(cluster, [change], observing(), made), []);
      assert.deepEqual(written, ['confirm', 'announce MemberLeaving']);
    });
  }

  test('that is refused for good is told, and nothing comes after it', async () => {
    const { written, made } = writers({}, { result: 'refused', why: 'noAuth: /zookeeper/config' });
    assert.deepEqual(await act(cluster, [change, ...applyAll], observing(), made), [
      {
        reason: 'ReconfigurationRefused',
        message: 'reconfiguring the ensemble (server 3 leaves) was refused: noAuth: /zookeeper/config',
      },
    ]);
    assert.deepEqual(written, ['confirm', 'announce MemberLeaving']);
  });

  test('is not asked for where the cluster has changed since', async () => {
    const { written, made } = writers({ confirm: 409 });
    await assert.rejects(act(cluster, [change], observing(), made), { status: 409 });
    assert.deepEqual(written, []);
  });
});

for (const status of [409, 429, 500]) {
  test(`leaves ${status} to the next look`, async () => {
    const { made } = writers({ 'apply a': status });
    await assert.rejects(act(cluster, applyAll, observing(), made), ApiRefusal);
  });
}

test('applies only what is not applied yet, or was changed by somebody since', async () => {
  const { written, made } = writers();
  const steps = applyAll.slice(0, 1);
  await act(cluster, steps, observing(), made);
  await act(cluster, steps, observing(service('a', { resourceVersion: '2' })), made);
  assert.deepEqual(written, ['apply a'], 'as it was applied');
  await act(cluster, steps, observing(service('a', { resourceVersion: '3' })), made);
  assert.deepEqual(written, ['apply a', 'apply a'], 'somebody changed it');
  await act(cluster, steps, observing(service('a', { resourceVersion: '3' })), made);
  assert.equal(written.length, 2, 'a cache that lags behind is no change');
  await act(cluster, steps, observing(service('a', { resourceVersion: '2', uid: 'other' })), made);
  assert.equal(written.length, 3, 'made anew');
});

test('applies anew what somebody took labels, annotations or owners from, which counts as no change in Kubernetes', async () => {
  const more = {
    generation: 1,
    labels: { a: 'b' },
    annotations: { size: '3' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Owner', name: 'o', uid: 'owner' }],
  };
  const steps: Step[] = [{ do: 'apply', kind: 'Service', object: service('a', more) }];
  for (const change of [{ labels: {} }, { annotations: { size: '9' } }, { ownerReferences: [] }]) {
    const { written, made } = writers();
    await act(cluster, steps, observing(), made);
    await act(cluster, steps, observing(service('a', more)), made);
    assert.equal(written.length, 1);
    await act(cluster, steps, observing(service('a', { ...more, ...change })), made);
    assert.equal(written.length, 2, JSON.stringify(change));
  }
});
