import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condition, live, readyWorld } from './fake-lives.ts';

test('a volume that is nearly full is told of once, until it has room again', () => {
  const world = readyWorld();
  const free = new Map<string, number>();
  const observe = world.observe.bind(world);
  world.observe = () => {
    const observed = observe();
    const reports = [...observed.reports].map(
      ([name, report]) => [name, { ...report, volume: { bytes: 1000, freeBytes: free.get(name) ?? 900 } }] as const,
    );
    return { ...observed, reports: new Map(reports) };
  };
  const isLow = (): boolean => condition(world, 'DiskSpaceLow').status === 'True';
  live(world, 3);
  assert.ok(!isLow());
  free.set('test-1', 140);
  const events = live(world, 3);
  assert.ok(isLow());
  assert.match(
    condition(world, 'DiskSpaceLow').message,
    /^the volumes of test-1 are nearly full: raise spec\.storage\.size/,
  );
  assert.deepEqual(
    events.map(({ type, reason }) => `${type} ${reason}`),
    ['Warning VolumesNearlyFull'],
  );
  free.set('test-1', 180);
  assert.deepEqual(live(world, 3), []);
  assert.ok(isLow(), 'it comes and goes with every snapshot otherwise');
  world.hang('test-1');
  live(world, 3);
  assert.ok(isLow(), 'one that does not answer may be full');
  free.set('test-1', 600);
  world.endHangs();
  live(world, 10);
  assert.ok(!isLow());
});
