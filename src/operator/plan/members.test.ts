import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionOf, readyWorld } from './fake-lives.ts';
import type { FakeWorld } from './fake-world.ts';
import type { MemberReport } from './model.ts';

/** What the operator says of a world of three in which test-1's address gives this answer. */
function judgedWith(change: (report: MemberReport) => MemberReport): FakeWorld {
  const world = readyWorld({ replicas: 3 });
  const observed = world.observe();
  const reports = [...observed.reports].map(
    ([name, report]) => [name, name === 'test-1' ? change(report) : report] as const,
  );
  world.observe = () => ({ ...observed, reports: new Map(reports) });
  world.reconcile();
  return world;
}

const OTHERS: Readonly<Record<string, (report: MemberReport) => MemberReport>> = {
  'another pod under the same id': (report) => ({ ...report, podUid: 'uid-of-another-pod' }),
  'another server': (report) => ({ ...report, serverId: 7 }),
};

for (const [who, change] of Object.entries(OTHERS)) {
  test(`an answer of ${who}, which has the address by now, is not believed`, () => {
    const world = judgedWith(change);
    assert.equal(
      conditionOf(world, 'Ready')?.message,
      'waiting for test-1 (ready, but does not answer the operator at port 8080)',
    );
    assert.deepEqual(
      world.theCluster.status?.members?.map(({ role }) => role),
      ['leader', 'unknown', 'follower'],
    );
  });
}

test('a server that does not tell its pod, as older ones, is believed by its id', () => {
  const world = judgedWith((report) => ({ ...report, podUid: undefined }));
  assert.equal(conditionOf(world, 'Ready')?.status, 'True');
});
