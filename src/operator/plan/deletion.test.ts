import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatefulSet } from '../resources/kubernetes.ts';
import { FINALIZER } from '../resources/names.ts';
import type { PlannedEvent } from './model.ts';
import { condition, live, readyWorld } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';

/** Lets the operator live until the cluster is gone, for so many seconds at most. */
function liveToTheEnd(world: FakeWorld, seconds = 30): void {
  for (let second = 0; second < seconds && world.cluster !== undefined; second++) live(world, 1);
}

describe('the deletion', () => {
  test('of a cluster that never began leaves what an earlier one left behind, whatever its manifest says', () => {
    const world = readyWorld({ replicas: 5 });
    world.delete();
    world.reconcile();
    assert.equal(world.cluster, undefined);
    for (const ordinal of [0, 1, 2]) world.loseVolume(`data-test-${ordinal}`);
    world.create({ replicas: 5, storage: { whenDeleted: 'Delete' } });
    // As in a manifest that was read from a cluster that there was.
    world.perform({ do: 'setFinalizers', finalizers: [FINALIZER] });
    live(world, 3);
    assert.equal(condition(world, 'Accepted').reason, 'VolumesDoNotFit');
    world.delete();
    liveToTheEnd(world);
    assert.equal(world.cluster, undefined);
    assert.deepEqual([...world.claims.keys()].sort(), ['data-test-3', 'data-test-4']);
  });

  test('of an ensemble that was never formed tells why its volumes go', () => {
    const world = new FakeWorld();
    world.setNode(2, true);
    live(world, 3);
    world.delete();
    const events = live(world, 1);
    for (let second = 0; second < 5 && world.cluster !== undefined; second++) events.push(...live(world, 1));
    assert.deepEqual(
      events.filter(({ reason }) => reason === 'VolumeDeleted').map(({ message }) => message),
      [0, 1].map((ordinal) => `Deleting data-test-${ordinal}, no client was ever let in`),
    );
  });

  test('ends members whose set somebody has deleted without them, where their volumes go', () => {
    const world = readyWorld({ storage: { whenDeleted: 'Delete' } });
    world.objects.delete('StatefulSet/test');
    world.delete();
    live(world, 5);
    assert.equal(world.cluster, undefined);
    assert.deepEqual([world.pods.size, world.claims.size], [0, 0]);
  });

  for (const [when, orphanedFirst] of [
    ['before Kubernetes has taken the owner away', false],
    ['when it has', true],
  ] as const) {
    test(`with --cascade=orphan ends, and deletes neither members nor volumes, ${when}, whatever the manifest says`, () => {
      const world = readyWorld({ storage: { whenDeleted: 'Delete' } });
      const events: PlannedEvent[] = [];
      world.deleteButLeaveAll();
      if (orphanedFirst) world.orphan();
      world.reconcile(Infinity, ({ steps }) =>
        events.push(...steps.flatMap((step) => ('announce' in step && step.announce ? [step.announce] : []))),
      );
      if (!orphanedFirst) world.orphan();
      assert.equal(world.cluster, undefined);
      assert.deepEqual([world.pods.size, world.claims.size, world.serving.length], [3, 3, 3]);
      assert.ok(world.statefulSet);
      assert.deepEqual(
        events.map(({ reason }) => reason),
        ['MembersOrphaned'],
      );
      assert.match(events[0]?.message ?? '', /--cascade=orphan: test, data-test-0, /);
    });
  }

  test('with --cascade=orphan keeps the volumes of members too whose StatefulSet is gone', () => {
    const world = readyWorld({ storage: { whenDeleted: 'Delete' } });
    world.objects.delete('StatefulSet/test');
    world.deleteButLeaveAll();
    world.orphan();
    world.reconcile();
    assert.equal(world.cluster, undefined);
    assert.equal(world.claims.size, 3);
  });

  test('takes no StatefulSet of somebody else along, and says what it waits for', () => {
    const world = readyWorld({ storage: { whenDeleted: 'Delete' } });
    const disown = (object: StatefulSet): StatefulSet => ({
      ...object,
      metadata: { ...object.metadata, ownerReferences: [], labels: {} },
    });
    const set = world.statefulSet;
    assert.ok(set);
    world.objects.set('StatefulSet/test', disown(set));
    world.delete();
    liveToTheEnd(world, 5);
    assert.equal(world.claims.size, 3);
    assert.ok(world.statefulSet);
    assert.match(
      condition(world, 'Ready').message,
      /^StatefulSet test exists and does not belong to this cluster: delete/,
    );
    world.objects.delete('StatefulSet/test');
    for (const name of world.pods.keys()) world.killPod(name);
    liveToTheEnd(world);
    assert.equal(world.cluster, undefined);
    assert.equal(world.claims.size, 0);
  });
});
