import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import { hierarchicalMembership, isVoter, majorityMembership, votersOf, type HierarchySource } from './membership.ts';
import type { PeerMember } from './types.ts';

const common = { version: 0, text: '' };
const voters = (count: number): PeerMember[] =>
  Array.from({ length: count }, (_, i) => ({ id: i + 1, role: 'participant' }));
const withObserver: PeerMember[] = [...voters(3), { id: 9, role: 'observer' }];

test('a majority is more than half of the voters, observers and strangers aside', () => {
  const membership = majorityMembership({ ...common, members: withObserver });
  assert.equal(membership.isQuorum(new Set([1])), false);
  assert.equal(membership.isQuorum(new Set([1, 9, 77])), false);
  assert.equal(membership.isQuorum(new Set([1, 3])), true);
  assert.equal(membership.weightOf(9), 0);
  assert.deepEqual(votersOf(membership), [1, 2, 3]);
  assert.deepEqual(
    [1, 9, 77].map((id) => isVoter(membership, id)),
    [true, false, false],
  );
});

test('a hierarchical quorum has most of the weight in most of the groups', () => {
  const source: HierarchySource = {
    ...common,
    members: voters(9),
    groups: [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ],
    weights: new Map([
      [1, 3],
      [7, 0],
      [8, 0],
      [9, 0],
    ]),
  };
  const membership = hierarchicalMembership(source);
  // The third group weighs nothing, so two groups count and both are needed; server 1 outweighs its own group.
  assert.equal(membership.isQuorum(new Set([1, 4, 5])), true);
  assert.equal(membership.isQuorum(new Set([2, 3, 4, 5])), false);
  assert.equal(membership.isQuorum(new Set([1, 7, 8, 9])), false);
  assert.equal(membership.weightOf(7), 0);
});

test('a voter in no group, or in two, is refused', () => {
  const refuses = (groups: number[][]): void => {
    const make = (): unknown => hierarchicalMembership({ ...common, members: voters(2), groups, weights: new Map() });
    assert.throws(make, (error) => error instanceof CodedError && error.code === 'ZK_CONFIG_INVALID');
  };
  refuses([[1]]);
  refuses([[1, 2], [2]]);
});

test('two quorums always share a voter', () => {
  const sources = fc.array(fc.record({ group: fc.nat(2), weight: fc.nat(3) }), { minLength: 1, maxLength: 7 });
  fc.assert(
    fc.property(sources, fc.nat(127), fc.nat(127), (servers, firstBits, secondBits) => {
      const members = voters(servers.length);
      const groups = [0, 1, 2].map((group) =>
        members.filter((_, i) => servers[i]?.group === group).map(({ id }) => id),
      );
      const weights = new Map(servers.map(({ weight }, i) => [i + 1, weight]));
      const pick = (bits: number): Set<number> =>
        new Set(members.filter((_, i) => (bits >> i) & 1).map(({ id }) => id));
      const [first, second] = [pick(firstBits), pick(secondBits)];
      for (const membership of [
        majorityMembership({ ...common, members }),
        hierarchicalMembership({ ...common, members, groups, weights }),
      ]) {
        if (!membership.isQuorum(first) || !membership.isQuorum(second)) continue;
        assert.ok([...first].some((id) => second.has(id) && membership.weightOf(id) > 0));
      }
    }),
  );
});
