import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import { conditionOf, live, readyWorld } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';
import { planCluster } from './plan.ts';

describe('a hibernated ensemble', () => {
  test('has no member, all volumes, and its client Service', () => {
    const world = readyWorld();
    world.edit({ hibernated: true });
    const events = live(world);
    assert.equal(world.pods.size, 0);
    assert.equal(world.claims.size, 3);
    assert.ok(world.clientsMayConnect);
    assert.equal(conditionOf(world, 'Hibernated')?.status, 'True');
    assert.equal(conditionOf(world, 'Degraded')?.status, 'False');
    assert.equal(conditionOf(world, 'Available')?.reason, 'Hibernated');
    assert.equal(world.theCluster.status?.phase, 'Hibernated');
    assert.ok(events.every(({ type }) => type === 'Normal'));
  });

  test('goes on with all its data, without a bootstrap', () => {
    const world = readyWorld();
    for (let write = 0; write < 5; write++) assert.ok(world.write());
    const latch = world.theCluster.status?.bootstrap;
    world.edit({ hibernated: true });
    live(world);
    world.edit({ hibernated: false });
    const events = live(world);
    assert.equal(conditionOf(world, 'Ready')?.status, 'True');
    assert.equal(conditionOf(world, 'Hibernated')?.status, 'False');
    assert.deepEqual(world.theCluster.status?.bootstrap, latch);
    assert.ok(!world.statefulSet?.spec.template.spec.containers[0]?.args.includes(INITIALIZE_FLAG));
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [5, 5, 5],
    );
    assert.ok(events.every(({ type }) => type === 'Normal'));
  });

  test('changed meanwhile comes back as the manifest then says', () => {
    const world = readyWorld();
    world.edit({ hibernated: true });
    live(world);
    world.edit({ image: 'good:2' });
    live(world);
    assert.equal(world.pods.size, 0);
    world.edit({ hibernated: false });
    live(world);
    assert.equal(conditionOf(world, 'Ready')?.status, 'True');
    assert.deepEqual(world.restarted, []);
  });

  test('that is paused too runs on, and says why', () => {
    const world = readyWorld();
    world.edit({ hibernated: true, paused: true });
    live(world);
    assert.equal(world.pods.size, 3);
    assert.equal(conditionOf(world, 'Hibernated')?.reason, 'Paused');
  });

  test('from its creation begins once it is woken', () => {
    const world = new FakeWorld({ hibernated: true });
    live(world);
    assert.equal(world.pods.size, 0);
    assert.equal(world.theCluster.status?.phase, 'Hibernated');
    world.edit({ hibernated: false });
    live(world);
    assert.equal(conditionOf(world, 'Ready')?.status, 'True');
  });

  test('says what would help a member that does not end', () => {
    const world = readyWorld();
    world.edit({ hibernated: true });
    const observed = world.observe();
    const pods = observed.pods.map((pod) => {
      const metadata = { ...pod.metadata, deletionTimestamp: world.now };
      return Object.assign({}, pod, { metadata, spec: { ...pod.spec, nodeName: 'lost' } });
    });
    const now = new Date(Date.parse(world.now) + 90_000).toISOString();
    const { status } = planCluster(world.theCluster, { ...observed, pods, now }, { defaultImage: 'zabkeeper:test' });
    const { message = '' } = status?.conditions?.find(({ type }) => type === 'Hibernated') ?? {};
    assert.match(message, /^waiting until test-0 \(does not end, .*kubectl delete node lost\), test-1 .* have ended$/);
  });

  test('can be deleted', () => {
    const world = readyWorld();
    world.edit({ hibernated: true });
    live(world);
    world.delete();
    world.reconcile();
    assert.equal(world.cluster, undefined);
    assert.equal(world.claims.size, 3);
  });
});
