import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { condition, conditionOf, live, readyWorld } from './fake-lives.ts';
import type { FakeWorld } from './fake-world.ts';

/** Somebody takes the owner out of an object, so that it counts as somebody else's. */
function disown(world: FakeWorld, key: string): void {
  const object = world.objects.get(key);
  assert.ok(object, `${key} exists`);
  world.objects.set(key, { ...object, metadata: { ...object.metadata, ownerReferences: [] } });
}

describe('while nothing is done because of a refusal', () => {
  test('no condition says that something is', () => {
    const world = readyWorld();
    disown(world, 'Service/test-client');
    world.edit({ image: 'good:2' });
    const events = live(world, 10);
    assert.equal(world.theCluster.status?.phase, 'Refused');
    for (const type of ['Ready', 'Progressing', 'Accepted'] as const) {
      assert.deepEqual([condition(world, type).status, condition(world, type).reason], ['False', 'NameTaken']);
    }
    assert.deepEqual(
      events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason),
      ['NameTaken'],
    );
  });

  test('a member that is missing is said to be, and a quorum that is lost', () => {
    const world = readyWorld();
    disown(world, 'Service/test-client');
    world.edit({ image: 'good:2' });
    world.hang('test-1');
    live(world, 5);
    assert.equal(condition(world, 'Degraded').reason, 'MembersNotReady');
    world.hang('test-2');
    live(world, 5);
    assert.equal(world.theCluster.status?.phase, 'Unavailable');
    assert.equal(conditionOf(world, 'Available')?.reason, 'NoQuorum');
  });

  test('put right, it goes on by itself', () => {
    const world = readyWorld();
    disown(world, 'Service/test-client');
    world.edit({ image: 'good:2' });
    live(world, 5);
    world.objects.delete('Service/test-client');
    live(world);
    assert.deepEqual(world.outdated, []);
    assert.equal(condition(world, 'Ready').status, 'True');
  });
});

test('hibernated and paused in one change, the members that run on are said to', () => {
  const world = readyWorld();
  world.edit({ hibernated: true, paused: true });
  live(world, 3);
  assert.equal(condition(world, 'Available').status, 'True');
});

test('what belongs to an earlier cluster of the name is waited for, since Kubernetes deletes it', () => {
  const world = readyWorld();
  const service = world.objects.get('Service/test-client');
  assert.ok(service);
  world.delete();
  world.reconcile();
  world.objects.set('Service/test-client', service);
  world.create({});
  live(world, 3);
  const { reason, message } = condition(world, 'Accepted');
  assert.equal(reason, 'EarlierClusterEnds');
  assert.match(message, /^waiting until Kubernetes has deleted .*: Service test-client$/);
  world.objects.delete('Service/test-client');
  live(world);
  assert.equal(condition(world, 'Ready').status, 'True');
});

test('a cluster that is called as the observers of this one would be stops it from nothing but having some', () => {
  const world = readyWorld();
  const set = world.statefulSet;
  assert.ok(set);
  const namesake = { ...set, metadata: { ...set.metadata, name: 'test-observer', uid: 'other', ownerReferences: [] } };
  world.kubernetes.run = ((run) => (mayEnd) => {
    world.objects.delete('StatefulSet/test-observer');
    run(mayEnd);
    world.objects.set('StatefulSet/test-observer', namesake);
  })(world.kubernetes.run.bind(world.kubernetes));
  world.objects.set('StatefulSet/test-observer', namesake);
  world.edit({ image: 'good:2' });
  live(world, 40);
  assert.equal(condition(world, 'Ready').status, 'True');
  assert.ok(world.objects.has('StatefulSet/test-observer'));
  world.edit({ observers: { replicas: 1 } });
  live(world, 3);
  assert.match(condition(world, 'Accepted').message, /^StatefulSet test-observer exists and does not belong/);
});
