import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { condition, live, liveUnderWrites, readyWorld } from './fake-lives.ts';
import type { FakeWorld } from './fake-world.ts';

// `kubectl delete pvc` while the members run: the volumes stay until the pods end, so that nothing must end those.

function worldWithDoomed(replicas: number, doomed: readonly number[]): FakeWorld {
  const world = readyWorld({ replicas });
  for (let write = 0; write < 5; write++) assert.ok(world.write());
  for (const ordinal of doomed) world.deleteClaim(`data-test-${ordinal}`);
  return world;
}

describe('a volume that somebody deleted while its member runs', () => {
  test('is told of, with what would help', () => {
    const world = worldWithDoomed(3, [1]);
    live(world);
    assert.equal(world.theCluster.status?.phase, 'Degraded');
    assert.equal(condition(world, 'Ready').status, 'False');
    assert.match(
      condition(world, 'Degraded').message,
      /^volumes that somebody deleted go with their pods \(data-test-1\): delete the pods .*\(kubectl delete pod test-1\), and they are rebuilt/,
    );
    assert.equal(condition(world, 'Available').status, 'True');
    world.killPod('test-1');
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('does not go with a change of the manifest where nobody else has the data, and goes once others have', () => {
    const world = worldWithDoomed(1, [0]);
    world.edit({ image: 'good:2' });
    live(world);
    assert.deepEqual(world.restarted, []);
    assert.equal(world.disks.get('data-test-0')?.newest, 5);
    assert.match(condition(world, 'Degraded').message, /take a backup, and set replicas to 3/);
    world.edit({ replicas: 3 });
    liveUnderWrites(world, 60);
    assert.deepEqual(world.outdated, []);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.equal(world.claims.get('data-test-0')?.metadata.deletionTimestamp, undefined);
  });

  test('does not go with one that does not serve', () => {
    const world = worldWithDoomed(1, [0]);
    world.hang('test-0');
    world.edit({ image: 'good:2' });
    live(world, 90);
    assert.equal(world.disks.get('data-test-0')?.newest, 5);
    assert.equal(world.theCluster.status?.phase, 'Unavailable');
  });

  test('does not go with one that serves, and that only the operator does not hear', () => {
    const world = worldWithDoomed(3, [1]);
    world.unheard.add('test-1');
    live(world);
    assert.deepEqual(world.restarted, []);
    assert.equal(world.disks.get('data-test-1')?.newest, 5);
    assert.match(condition(world, 'Degraded').message, /kubectl delete pod test-1/);
  });

  test('goes with a change of the manifest where a quorum of others has the data, one after the other', () => {
    const world = worldWithDoomed(3, [0, 1, 2]);
    world.edit({ image: 'good:2' });
    liveUnderWrites(world, 60);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.ok([...world.claims.values()].every(({ metadata }) => metadata.deletionTimestamp === undefined));
  });

  test('keeps members from leaving as long as those who stay have too few others, and goes by what was told', () => {
    const world = worldWithDoomed(3, [0]);
    world.edit({ replicas: 1 });
    const events = liveUnderWrites(world, 30);
    assert.deepEqual(world.voters, [1, 2, 3]);
    assert.match(
      condition(world, 'Scaling').message,
      /^taking test-2 out of the ensemble would leave too few with volumes that stay: .*kubectl delete pod test-0/,
    );
    assert.equal(events.filter(({ reason }) => reason === 'QuorumEndangered').length, 1);
    world.killPod('test-0');
    liveUnderWrites(world, 60);
    assert.deepEqual(world.voters, [1]);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.equal(world.disks.get('data-test-0')?.newest, world.acknowledged);
  });

  test('keeps the ensemble from being hibernated, which says why and that the members serve', () => {
    const world = worldWithDoomed(3, [0, 1]);
    world.edit({ hibernated: true });
    const events = live(world);
    assert.equal(world.serving.length, 3);
    const { phase, conditions = [] } = world.theCluster.status ?? {};
    assert.equal(phase, 'Refused');
    for (const type of ['Ready', 'Accepted', 'Progressing', 'Hibernated']) {
      const { status, message = '' } = conditions.find((one) => one.type === type) ?? {};
      assert.equal(status, 'False', type);
      assert.match(message, /^no member ends: .* \(data-test-0, data-test-1\), .*set hibernated back/, type);
    }
    assert.equal(condition(world, 'Available').status, 'True');
    assert.equal(events.filter(({ reason }) => reason === 'VolumeBeingDeleted').length, 1);
    world.edit({ hibernated: false });
    live(world);
    for (const name of ['test-0', 'test-1']) {
      world.killPod(name);
      live(world);
    }
    world.edit({ hibernated: true });
    live(world);
    assert.equal(world.pods.size, 0);
    assert.equal(world.claims.size, 3);
  });

  test('does not keep it from that where enough others have the data', () => {
    const world = worldWithDoomed(3, [1]);
    world.edit({ hibernated: true });
    live(world);
    assert.equal(world.pods.size, 0);
    world.edit({ hibernated: false });
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });
});
