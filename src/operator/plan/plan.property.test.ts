import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { CoordinationClusterSpec } from '../../api/coordination-cluster.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import { endFaults, happening, liveOn, readyWorld, wipe } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';

/**
 * What must hold at every moment. The world itself asserts that no acknowledged write is ever lost, that the operator
 * takes down a member that serves only while all others do, and the leader last, and that an ensemble is formed once.
 */
function checkSafety(world: FakeWorld): void {
  const { cluster, statefulSet } = world;
  if (cluster === undefined) return;
  const latch = cluster.status?.bootstrap;
  const initializes = statefulSet?.spec.template.spec.containers[0]?.args.includes(INITIALIZE_FLAG) ?? false;
  assert.ok(statefulSet === undefined || latch !== undefined, 'there are members only once the latch is written');
  assert.ok(!(initializes && world.clientsMayConnect), 'clients are let in only when no member may begin anew');
  const isFormed = world.objects.has('ConfigMap/test-formed');
  assert.ok(isFormed || !world.clientsMayConnect, 'nor one whose pod was made before');
}

function conditionOf(world: FakeWorld, type: string): string | undefined {
  return world.theCluster.status?.conditions?.find((condition) => condition.type === type)?.status;
}

test('whatever happens and wherever the operator dies: one bootstrap, and no acknowledged write is lost', () => {
  fc.assert(
    fc.property(fc.array(happening, { minLength: 10, maxLength: 60 }), (life) => {
      const world = new FakeWorld();
      for (const happens of life) {
        happens(world);
        checkSafety(world);
      }
    }),
    { numRuns: 300 },
  );
});

/** Some time in which a member may be down, a client may write, and what is on a disk may be lost under its pod. */
const turn = fc.record({
  down: fc.option(fc.nat({ max: 2 })),
  seconds: fc.nat({ max: 3 }),
  writes: fc.nat({ max: 2 }),
  wiped: fc.option(fc.nat({ max: 2 })),
});

test('a disk that is wiped under one of the pods that formed the ensemble costs no acknowledged write', () => {
  fc.assert(
    fc.property(fc.array(turn, { minLength: 2, maxLength: 8 }), (turns) => {
      const world = readyWorld();
      for (const { down, seconds, writes, wiped } of turns) {
        for (let ordinal = 0; ordinal < 3; ordinal++) world.setNode(ordinal, ordinal === down);
        liveOn(world, seconds);
        for (let write = 0; write < writes; write++) world.write();
        if (wiped !== null) wipe(world, wiped);
      }
      for (let ordinal = 0; ordinal < 3; ordinal++) world.setNode(ordinal, false);
      liveOn(world, 5);
      assert.equal(conditionOf(world, 'Ready'), 'True');
    }),
    { numRuns: 100 },
  );
});

/** What a person asks for, some time in which the operator may not hear of everybody, and volumes that somebody deletes under their pods. */
const request = fc.record({
  change: fc.constantFrom<Partial<CoordinationClusterSpec>>(
    {},
    { image: 'good:2' },
    { image: 'good:3' },
    { image: 'crashing:1' },
    { replicas: 1 },
    { replicas: 3 },
    { replicas: 5 },
    { observers: { replicas: 1 } },
    { hibernated: true },
    { hibernated: false },
    { paused: true },
    { paused: false },
  ),
  doomed: fc.array(fc.nat({ max: 4 }), { maxLength: 2 }),
  unheard: fc.option(fc.nat({ max: 4 })),
  diesAfterWrites: fc.nat({ max: 12 }),
  seconds: fc.nat({ max: 8 }),
});

test('whatever is asked for, no volume that somebody deleted goes with its pod as long as nobody else has what is on it', () => {
  fc.assert(
    fc.property(fc.array(request, { minLength: 2, maxLength: 12 }), fc.constantFrom(1, 3, 5), (requests, replicas) => {
      const world = readyWorld({ replicas });
      for (const { change, doomed, unheard, diesAfterWrites, seconds } of requests) {
        world.write();
        // Of members that have ended, or are about to, a volume goes at once: that is the person's own doing.
        const areUp = !world.theCluster.spec.hibernated && world.statefulSet?.spec.replicas !== 0;
        for (const ordinal of areUp ? doomed : []) {
          if (world.pods.has(`test-${ordinal}`)) world.deleteClaim(`data-test-${ordinal}`);
        }
        world.unheard.clear();
        if (unheard !== null) world.unheard.add(`test-${unheard}`);
        world.edit(change);
        world.reconcile(diesAfterWrites);
        liveOn(world, seconds);
        const newest = Math.max(...[...world.disks.values()].map((disk) => disk.newest ?? -1));
        assert.ok(newest >= world.acknowledged, `the newest that anybody has is ${newest} of ${world.acknowledged}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('after any crashes the cluster becomes Ready once the operator lives', () => {
  const deaths = fc.array(fc.record({ diesAfterWrites: fc.nat({ max: 8 }), ticks: fc.nat({ max: 2 }) }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(deaths, fc.constantFrom(1, 3, 5), (lives, replicas) => {
      const world = new FakeWorld({ replicas });
      for (const { diesAfterWrites, ticks } of lives) {
        world.reconcile(diesAfterWrites);
        for (let tick = 0; tick < ticks; tick++) world.tick();
      }
      liveOn(world);
      assert.equal(conditionOf(world, 'Ready'), 'True');
      assert.equal(world.theCluster.status?.bootstrap?.phase, 'Completed');
      assert.ok(world.clientsMayConnect);
    }),
    { numRuns: 50 },
  );
});

test('a life of one write at a time gets there too', () => {
  const world = new FakeWorld();
  for (let write = 0; write < 200 && conditionOf(world, 'Ready') !== 'True'; write++) {
    // Applying what is applied already is no write to the real API server, so every life gets one step further.
    world.reconcile(write % 9);
    world.tick();
  }
  assert.equal(conditionOf(world, 'Ready'), 'True');
});

test('deleted and made again, a cluster goes on with its volumes, or anew where they were deleted', () => {
  fc.assert(
    fc.property(fc.constantFrom('Retain', 'Delete'), fc.nat({ max: 5 }), (whenDeleted, writes) => {
      const world = new FakeWorld({ storage: { whenDeleted } });
      liveOn(world);
      for (let write = 0; write < writes; write++) assert.ok(world.write());
      world.delete();
      liveOn(world);
      assert.equal(world.cluster, undefined);
      assert.equal(world.claims.size, whenDeleted === 'Retain' ? 3 : 0);
      world.create({});
      liveOn(world);
      assert.equal(conditionOf(world, 'Ready'), 'True');
      const origin = world.theCluster.status?.bootstrap?.origin;
      assert.equal(origin, whenDeleted === 'Retain' ? 'ExistingVolumes' : 'Fresh');
    }),
    { numRuns: 20 },
  );
});

test('whatever was changed and wherever the operator died: a correct manifest gets every member up to date', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), fc.constantFrom('good:1', 'good:3'), (life, image) => {
      const world = new FakeWorld();
      for (const happens of life) happens(world);
      if (world.cluster?.metadata.deletionTimestamp !== undefined) liveOn(world);
      if (world.cluster === undefined) return;
      endFaults(world);
      world.endHangs();
      const latch = world.theCluster.status?.bootstrap;
      // Which volumes of an earlier life fit is told elsewhere.
      if (latch === undefined || latch.id !== world.theCluster.metadata.uid) return;
      // A disk that is lost before the ensemble is formed is not rebuilt: the status says to make the cluster anew.
      const isWhole = [...world.claims.keys()].every((name) => world.kubernetes.isUsable(name));
      if (latch.phase === 'Started' && !isWhole) return;
      world.edit({ image, paused: false, hibernated: false });
      liveOn(world, 80);
      assert.deepEqual(world.outdated, []);
      assert.equal(conditionOf(world, 'Ready'), 'True');
    }),
    { numRuns: 60 },
  );
});
