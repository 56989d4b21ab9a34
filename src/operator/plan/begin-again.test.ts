import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterConditionType } from '../../api/conditions.ts';
import type { ConfigMap } from '../resources/kubernetes.ts';
import { FakeWorld } from './fake-world.ts';
import { REQUEUE } from './model.ts';
import { planCluster } from './plan.ts';

const MISSING = { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'missing' } as const;

function condition(world: FakeWorld, type: ClusterConditionType) {
  return world.theCluster.status?.conditions?.find((one) => one.type === type);
}

function live(world: FakeWorld, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    world.reconcile();
    world.tick();
  }
}

describe('an ensemble that cannot be formed', () => {
  test('says so in a condition and an Event, and is formed once the manifest is corrected', () => {
    const world = new FakeWorld({ storage: MISSING });
    live(world, 70);
    assert.equal(condition(world, 'Progressing')?.reason, 'BootstrapStopped');
    assert.match(
      condition(world, 'Progressing')?.message ?? '',
      /test-0 \(.*\): correct the manifest or what it needs$/,
    );
    assert.equal(world.plan().requeueAfterMs, REQUEUE.waitingMs, 'what takes a person is not asked for twice a second');
    const asked = world.statefulSet?.metadata.uid;

    world.edit({ storage: { ...MISSING, storageClassName: 'fast' } });
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.notEqual(world.statefulSet?.metadata.uid ?? '', asked ?? 'other');
    assert.equal(world.statefulSet?.spec.volumeClaimTemplates[0]?.spec.storageClassName, 'fast');
    assert.deepEqual(
      [...world.claims.values()].map(({ spec }) => spec.storageClassName),
      ['fast', 'fast', 'fast'],
    );
  });

  test('asks for smaller volumes where those that were asked for did not come to be', () => {
    const world = new FakeWorld({ storage: { ...MISSING, size: '100Ti' } });
    live(world, 5);
    assert.equal(world.theCluster.status?.volumeSize, undefined);
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.equal(world.theCluster.status?.volumeSize, '1Gi');
  });

  test('because of a wrong domain is formed once that is corrected, although nothing else about its pods is', () => {
    const world = new FakeWorld({ clusterDomain: 'wrong.example' });
    for (const ordinal of [1, 2]) world.setNode(ordinal, true);
    live(world, 5);
    const before = world.pods.get('test-0')?.metadata.uid;
    world.edit({ clusterDomain: 'right.example' });
    live(world, 5);
    const [pod] = world.pods.values();
    assert.notEqual(pod?.metadata.uid, before);
    const name = pod?.spec?.volumes?.[0]?.configMap?.name ?? '';
    const { data } = world.objects.get(`ConfigMap/${name}`) as ConfigMap;
    assert.match(data['zoo.cfg'] ?? '', /server\.1=test-0\.test-peers\.default\.svc\.right\.example:/);
    const uid = pod?.metadata.uid;
    for (const ordinal of [1, 2]) world.setNode(ordinal, false);
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.equal(world.pods.get('test-0')?.metadata.uid, uid, 'once is enough');
  });

  test('keeps the volumes that there are', () => {
    const world = new FakeWorld({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    world.setNode(2, true);
    live(world, 5);
    assert.notEqual(world.theCluster.status?.bootstrap?.phase, 'Completed');
    const kept = [...world.claims.values()].map(({ metadata }) => metadata.uid);
    assert.equal(kept.length, 2);
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'fast' } });
    live(world, 5);
    assert.deepEqual(
      [...world.claims.values()].map(({ metadata }) => metadata.uid),
      kept,
    );
    assert.ok(!world.plan().steps.some((step) => step.do === 'delete'));
  });

  test('once it is formed, nothing is taken back', () => {
    const world = new FakeWorld({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    live(world, 8);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    world.loseVolume('data-test-2');
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'missing' } });
    assert.ok(!world.plan().steps.some((step) => step.do === 'delete' && step.kind !== 'ConfigMap'));
  });
});

test('a pod that Kubernetes refuses to make is told with its reason', () => {
  const world = new FakeWorld();
  world.reconcile();
  world.setNode(1, true);
  live(world, 3);
  const refusals = new Map([['test-1', 'pods "test-1" is forbidden: exceeded quota']]);
  const observed = { ...world.observe(), refusals };
  const { status, events } = planCluster(world.theCluster, observed, { defaultImage: 'zabkeeper:test' });
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
  assert.equal(progressing?.reason, 'BootstrapStopped');
  assert.match(progressing.message, /waiting for test-1 \(no pod: pods "test-1" is forbidden: exceeded quota\)/);
  assert.ok(events.some(({ type, reason }) => type === 'Warning' && reason === 'BootstrapStopped'));
});

test('an amount that Kubernetes writes in another way is not taken for another one, again and again', () => {
  const world = new FakeWorld({ storage: { ...MISSING, size: '2.3Gi' } });
  live(world, 3);
  const set = world.statefulSet;
  assert.ok(set);
  const [template] = set.spec.volumeClaimTemplates;
  assert.ok(template);
  const spec = { ...template.spec, resources: { requests: { storage: '2469606195200m' } } };
  world.objects.set('StatefulSet/test', {
    ...set,
    spec: { ...set.spec, volumeClaimTemplates: [{ ...template, spec }] },
  } as typeof set);
  const uids = [...world.claims.values()].map(({ metadata }) => metadata.uid);
  live(world, 5);
  assert.deepEqual(
    [...world.claims.values()].map(({ metadata }) => metadata.uid),
    uids,
  );
});
