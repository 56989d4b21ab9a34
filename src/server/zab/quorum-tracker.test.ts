import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AckTracker, QuorumSet } from './quorum-tracker.ts';
import { membershipOf, voters } from './testing/memberships.ts';
import type { Membership } from './types.ts';

const majority = (...ids: readonly number[]): Membership => membershipOf(...voters(...ids));

test('with two memberships both need their quorum', () => {
  const set = new QuorumSet([majority(1, 2, 3), majority(3, 4, 5)]);
  set.add(1);
  set.add(2);
  assert.equal(set.isQuorum(), false);
  set.add(3);
  set.add(5);
  assert.equal(set.isQuorum(), true);
  assert.deepEqual(set.ids(), [1, 2, 3, 5]);

  const acks = new AckTracker(() => [majority(1, 2, 3), majority(3, 4, 5)]);
  acks.acknowledge(1, 9);
  acks.acknowledge(3, 7);
  assert.equal(acks.quorumZxid(0, 9), 0);
  acks.acknowledge(5, 5);
  assert.equal(acks.quorumZxid(0, 5), 5);
});

test('the quorum’s zxid is what most servers have at least', () => {
  const acknowledgements = fc.array(fc.record({ id: fc.integer({ min: 1, max: 5 }), zxid: fc.nat(20) }));
  fc.assert(
    fc.property(acknowledgements, (list) => {
      const tracker = new AckTracker(() => [majority(1, 2, 3, 4, 5)]);
      const acked = new Map<number, number>();
      let committed = 0;
      for (const { id, zxid } of list) {
        if (zxid <= (acked.get(id) ?? 0)) continue;
        acked.set(id, zxid);
        tracker.acknowledge(id, zxid);
        committed = tracker.quorumZxid(committed, zxid);
        const third = [...acked.values()].sort((a, b) => b - a)[2] ?? 0;
        assert.equal(committed, third);
      }
    }),
  );
});

test('a server that is forgotten counts no more', () => {
  const tracker = new AckTracker(() => [majority(1, 2, 3)]);
  tracker.acknowledge(1, 4);
  tracker.forget(1);
  tracker.acknowledge(2, 4);
  assert.equal(tracker.quorumZxid(0, 4), 0);
});
