import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import * as fc from 'fast-check';
import { happening, type Happening } from '../plan/fake-lives.ts';
import { FakeWorld } from '../plan/fake-world.ts';
import { FakeWorldApi, type Fate } from './fake-world-api.ts';

beforeEach(() => mock.timers.enable({ apis: ['Date'] }));
afterEach(() => mock.timers.reset());

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('done') },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Fate>('conflict', 'tooManyRequests', 'failed', 'answerLost', 'diesBefore', 'diesAfter'),
  },
);

/** A look of the operator, whose caches may not have heard of the latest. */
const look = fc.record({ fates: fc.array(fate, { maxLength: 8 }), cachesAreFresh: fc.boolean() });

type Look = typeof look extends fc.Arbitrary<infer Value> ? Value : never;

const moment: fc.Arbitrary<Happening | Look> = fc.oneof(
  { weight: 2, arbitrary: look },
  { weight: 1, arbitrary: happening },
);

async function live(world: FakeWorld, api: FakeWorldApi, moments: readonly (Happening | Look)[]): Promise<void> {
  for (const now of moments) {
    mock.timers.setTime(world.kubernetes.nowMs);
    if (typeof now === 'function') now(world);
    else {
      if (now.cachesAreFresh) api.watchCatchesUp();
      await api.look(now.fates);
      world.tick();
    }
  }
}

/** All that was a fault is over. */
async function recover(world: FakeWorld, api: FakeWorldApi, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    mock.timers.setTime(world.kubernetes.nowMs);
    api.watchCatchesUp();
    await api.look();
    world.tick();
  }
}

test('whatever the API server answers and the caches lack: nothing is lost, and nobody is restarted who must not be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 10, maxLength: 60 }), async (moments) => {
      const world = new FakeWorld();
      const api = new FakeWorldApi(world);
      // What must never happen is asserted by the world.
      await live(world, api, moments);
    }),
    { numRuns: 100 },
  );
});

test('once the API server answers again the cluster becomes Ready, however the bootstrap was disturbed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(look, { maxLength: 30 }), fc.constantFrom(1, 3, 5), async (looks, replicas) => {
      const world = new FakeWorld({ replicas });
      const api = new FakeWorldApi(world);
      await live(world, api, looks);
      await recover(world, api, 20);
      assert.equal(world.theCluster.status?.phase, 'Ready');
      assert.ok(world.clientsMayConnect);
    }),
    { numRuns: 40 },
  );
});

test('a rolling change that is disturbed anywhere restarts every member once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(look, { maxLength: 40 }), async (looks) => {
      const world = new FakeWorld();
      const api = new FakeWorldApi(world);
      await recover(world, api, 12);
      world.edit({ image: 'good:2' });
      await live(world, api, looks);
      await recover(world, api, 40);
      assert.deepEqual(world.outdated, []);
      assert.deepEqual(world.restarted.toSorted(), ['test-0', 'test-1', 'test-2']);
    }),
    { numRuns: 40 },
  );
});

test('what is told in the look that takes the finalizer is told once, although that makes another version', async () => {
  const world = new FakeWorld();
  const api = new FakeWorldApi(world);
  await live(world, api, [{ fates: ['done', 'diesAfter'], cachesAreFresh: true }]);
  assert.equal(world.theCluster.status, undefined);
  await recover(world, api, 3);
  assert.equal(api.told.filter((event) => event.startsWith('BootstrapStarted')).length, 1);
});

for (const [whenDeleted, told] of [
  [
    'Retain',
    [
      'VolumesRetained: Kept data-test-0, data-test-1, data-test-2; a cluster of the same name and size goes on with them',
    ],
  ],
  ['Delete', [0, 1, 2].map((n) => `VolumeDeleted: Deleting data-test-${n}, as spec.storage.whenDeleted says`)],
] as const) {
  test(`wherever it dies in a deletion (${whenDeleted}), what becomes of each volume is told, and once`, async () => {
    const world = new FakeWorld({ storage: { whenDeleted } });
    const api = new FakeWorldApi(world);
    await recover(world, api, 12);
    world.delete();
    for (let life = 0; life < 60 && world.cluster !== undefined; life++) {
      const fates = Array.from({ length: life % 6 }, (): Fate => 'done');
      await live(world, api, [{ fates: [...fates, 'diesAfter'], cachesAreFresh: true }]);
    }
    assert.equal(world.cluster, undefined);
    assert.deepEqual(api.told.filter((event) => event.startsWith('Volume')).toSorted(), told);
  });
}

test('an operator that dies after each of its writes gets everything done, and tells nothing twice', async () => {
  const world = new FakeWorld();
  const api = new FakeWorldApi(world);
  const changes: readonly (() => void)[] = [
    () => undefined,
    () => world.edit({ image: 'good:2' }),
    () => world.edit({ replicas: 5 }),
    () => world.edit({ hibernated: true }),
    () => world.edit({ hibernated: false, replicas: 3 }),
  ];
  for (const change of changes) {
    change();
    // In each life one write more than in the last, until one comes to its end.
    for (let life = 0; life < 150; life++) {
      const fates = Array.from({ length: life % 12 }, (): Fate => 'done');
      await live(world, api, [{ fates: [...fates, 'diesAfter'], cachesAreFresh: true }]);
    }
    await recover(world, api, 2);
    const { phase = '' } = world.theCluster.status ?? {};
    assert.ok(['Ready', 'Hibernated'].includes(phase), phase);
  }
  assert.deepEqual(world.restarted.toSorted(), ['test-0', 'test-1', 'test-2']);
  const restarts = api.told.filter((event) => event.startsWith('MemberRestarting'));
  assert.equal(restarts.length, 3, restarts.join('\n'));
});
