import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { endFaults, happening, liveOn } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';

// The world itself asserts, at each write of the operator, that no quorum is endangered and no voter's pod or volume goes.

const conditionOf = (world: FakeWorld, type: string) =>
  world.theCluster.status?.conditions?.find((condition) => condition.type === type);

interface Target {
  readonly replicas: number;
  readonly observers: number;
  readonly whenScaled: 'Retain' | 'Delete';
}

const target: fc.Arbitrary<Target> = fc.record({
  replicas: fc.constantFrom(1, 3, 5),
  observers: fc.nat({ max: 2 }),
  whenScaled: fc.constantFrom('Retain' as const, 'Delete' as const),
});

/** What the manifest asks for is there, and nothing else. */
function checkTarget(world: FakeWorld, { replicas, observers, whenScaled }: Target): void {
  const { committed } = world.ensemble;
  const ids = (count: number, first: number) => Array.from({ length: count }, (_, index) => first + index);
  assert.deepEqual(
    [committed?.voters, committed?.observers],
    [ids(replicas, 1), ids(observers, 10)],
    conditionOf(world, 'Scaling')?.message ?? '',
  );
  assert.equal(world.pods.size, replicas + observers);
  assert.equal(conditionOf(world, 'Ready')?.status, 'True', conditionOf(world, 'Ready')?.message ?? '');
  if (whenScaled === 'Delete') assert.equal(world.claims.size, replicas + observers);
}

function scale(world: FakeWorld, { replicas, observers, whenScaled }: Target): void {
  const { size } = world.theCluster.spec.storage;
  const storage = { size, whenDeleted: 'Retain', whenScaled } as const;
  world.edit({ replicas, observers: { replicas: observers }, storage, hibernated: false, paused: false });
}

test('wherever the operator dies, and however often the target changes: it is reached, under a client that writes', () => {
  const moment = fc.record({
    target: fc.option(target, { nil: undefined, freq: 3 }),
    diesAfterWrites: fc.nat({ max: 12 }),
    requestsLost: fc.nat({ max: 1 }),
    ticks: fc.nat({ max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(moment, { maxLength: 30 }), target, (life, last) => {
      const world = new FakeWorld({ replicas: 1 });
      liveOn(world);
      for (const { target: next, diesAfterWrites, requestsLost, ticks } of life) {
        if (next !== undefined) scale(world, next);
        world.requestsLost = requestsLost;
        world.reconcile(diesAfterWrites);
        for (let tick = 0; tick < ticks; tick++) world.tick();
        world.write();
      }
      scale(world, last);
      liveOn(world, 80);
      checkTarget(world, last);
    }),
    { numRuns: 60 },
  );
});

test('whatever else happens, the target is reached once all nodes are back', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), target, (life, last) => {
      const world = new FakeWorld();
      for (const happens of life) happens(world);
      if (world.cluster === undefined || world.cluster.metadata.deletionTimestamp !== undefined) return;
      endFaults(world);
      const { bootstrap } = world.theCluster.status ?? {};
      // Which volumes of an earlier life fit is told elsewhere.
      if (bootstrap === undefined || bootstrap.id !== world.theCluster.metadata.uid) return;
      world.edit({ image: 'good:3' });
      scale(world, last);
      liveOn(world, 150);
      checkTarget(world, last);
    }),
    { numRuns: 60 },
  );
});
