import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { condition, live, liveUnderWrites } from './fake-lives.ts';
import { leftBehind, worldOf } from './fake-upgrade.ts';
import type { FakeWorld } from './fake-world.ts';
import type { MemberReport } from './model.ts';

/** What earlier versions left behind, and what their servers did not tell yet. */
const VERSIONS: Readonly<Record<string, (report: MemberReport) => MemberReport>> = {
  'without-membership.yaml': (report) => ({
    ...report,
    podUid: undefined,
    configuration: undefined,
    learners: undefined,
  }),
};

function uidsOf(objects: ReadonlyMap<string, { readonly metadata: { readonly uid?: string } }>): Map<string, string> {
  return new Map([...objects].map(([name, { metadata }]) => [name, metadata.uid ?? '']));
}

function checkWhole(world: FakeWorld, volumes: ReadonlyMap<string, string>): void {
  const { status, message } = condition(world, 'Ready');
  assert.equal(status, 'True', message);
  assert.deepEqual(uidsOf(world.claims), volumes, 'no volume is deleted');
  const { updatedReplicas, membership, members = [] } = world.theCluster.status ?? {};
  assert.equal(updatedReplicas, 3);
  assert.deepEqual(membership?.voters, [1, 2, 3]);
  assert.deepEqual(
    members.map(({ voting, ready }) => [voting, ready]),
    Array.from({ length: 3 }, () => [true, true]),
  );
}

for (const [file, tellsAsEver] of Object.entries(VERSIONS)) {
  const worldLeft = (): FakeWorld => worldOf(leftBehind(file), tellsAsEver);

  describe(`a cluster of an earlier version (${file})`, () => {
    test('is made as the present one makes it: each member restarted once, and everything else goes on', () => {
      const world = worldLeft();
      const [volumes, objects] = [uidsOf(world.claims), uidsOf(world.objects)];
      liveUnderWrites(world);
      checkWhole(world, volumes);
      assert.ok(world.acknowledged > 0, 'clients were served');
      assert.deepEqual(world.restarted.toSorted(), ['test-0', 'test-1', 'test-2']);
      const configMaps = [...world.objects.keys()].filter((name) => name.startsWith('ConfigMap/'));
      assert.deepEqual(
        configMaps.map((name) => name.replace(/-[0-9a-f]{16}$/, '')),
        ['ConfigMap/test-config', 'ConfigMap/test-formed'],
      );
      for (const [name, uid] of objects) {
        if (!name.startsWith('ConfigMap/')) assert.equal(world.objects.get(name)?.metadata.uid, uid, `${name} stays`);
      }
    });

    test('is so wherever the new operator dies', () => {
      for (let writes = 1; writes < 12; writes++) {
        const world = worldLeft();
        const volumes = uidsOf(world.claims);
        for (let second = 0; second < 20; second++) {
          world.reconcile(writes);
          world.tick();
          world.write();
        }
        live(world);
        checkWhole(world, volumes);
        assert.equal(world.restarted.length, 3, `it dies after ${writes} writes`);
      }
    });

    test('tells that it is updated, once, and does not begin anew', () => {
      const reasons = liveUnderWrites(worldLeft()).map(({ reason }) => reason);
      const count = (reason: string): number => reasons.filter((one) => one === reason).length;
      assert.deepEqual(
        ['BootstrapStarted', 'UpdateStarted', 'MemberRestarting', 'UpdateCompleted'].map(count),
        [0, 1, 3, 1],
      );
    });

    test('can be scaled in the middle of it', () => {
      const world = worldLeft();
      const volumes = uidsOf(world.claims);
      liveUnderWrites(world, 3);
      world.edit({ replicas: 5 });
      liveUnderWrites(world, 60);
      assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
      assert.equal(condition(world, 'Ready').status, 'True');
      for (const [name, uid] of volumes) assert.equal(world.claims.get(name)?.metadata.uid, uid);
    });
  });
}
