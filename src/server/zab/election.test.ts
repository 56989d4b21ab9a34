import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZxid } from '../../common/zxid.ts';
import { PeerState } from '../protocol/quorum.ts';
import { hierarchicalMembership } from './membership.ts';
import { fiveVoters, membershipOf, threeVoters, voters } from './testing/memberships.ts';
import { Solo } from './testing/solo.ts';

const { looking, following, leading } = PeerState;

const says = (lines: readonly string[], text: string): boolean => lines.some((line) => line.includes(text));

test('votes are ordered by epoch, then zxid, then server', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3, lastZxid: makeZxid(2, 5), currentEpoch: 2 });
  const after = (server: number, epoch: number, zxid: number): readonly string[] =>
    solo.linesOf(() => solo.hear(server, looking, server, zxid, epoch, 1));
  assert.ok(!says(after(1, 2, makeZxid(2, 5)), 'vote to'));
  assert.ok(!says(after(5, 1, makeZxid(2, 9)), 'vote to'));
  assert.ok(says(after(4, 2, makeZxid(2, 5)), 'for server 4'));
  assert.ok(says(after(2, 2, makeZxid(2, 6)), 'for server 2'));
  assert.ok(says(after(1, 3, makeZxid(1, 1)), 'for server 1'));
});

test('a quorum waits a moment for a better vote, and all servers together do not', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 5 });
  for (const id of [1, 2]) solo.hear(id, looking, 5, 0, 0, 1);
  assert.ok(!says(solo.trace, 'is LEADING'));
  solo.wait(199);
  assert.ok(!says(solo.trace, 'is LEADING'));
  solo.wait(1);
  assert.ok(says(solo.trace, 'is LEADING'));

  const unanimous = new Solo({ membership: fiveVoters, serverId: 5 });
  for (const id of [1, 2, 3, 4]) unanimous.hear(id, looking, 5, 0, 0, 1);
  assert.ok(says(unanimous.trace, 'is LEADING'));
});

test('a better vote during the wait begins it anew', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  for (const id of [1, 2]) solo.hear(id, looking, 3, 0, 0, 1);
  solo.wait(150);
  solo.hear(4, looking, 4, 0, 0, 1);
  solo.wait(100);
  assert.ok(!says(solo.trace, 'is LEADING') && !says(solo.trace, 'is FOLLOWING'));
  for (const id of [1, 2]) solo.hear(id, looking, 4, 0, 0, 1);
  solo.wait(200);
  assert.ok(says(solo.trace, 'is FOLLOWING server 4'));
});

test('a later round is joined with whichever vote is better, an earlier one is told', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3, lastZxid: makeZxid(1, 1), currentEpoch: 1 });
  const later = solo.linesOf(() => solo.hear(1, looking, 1, 0, 0, 7));
  assert.ok(says(later, 'LOOKING for server 3, epoch 1, 1.1, round 7'));
  const better = solo.linesOf(() => solo.hear(5, looking, 5, makeZxid(1, 2), 1, 8));
  assert.ok(says(better, 'LOOKING for server 5, epoch 1, 1.2, round 8'));
  const earlier = solo.linesOf(() => solo.hear(2, looking, 2, 0, 0, 3));
  assert.deepEqual(earlier.slice(1), ['vote to 2: LOOKING for server 5, epoch 1, 1.2, round 8']);
});

test('an established leader is joined when a quorum and the leader itself say so', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  solo.hear(1, following, 4, 0, 6, 2);
  solo.hear(2, following, 4, 0, 6, 9);
  solo.hear(5, following, 4, 0, 6, 2);
  assert.ok(!says(solo.trace, 'is FOLLOWING'), 'the leader has not said that it leads');
  solo.hear(4, leading, 4, 0, 6, 2);
  assert.ok(says(solo.trace, 'is FOLLOWING server 4'));
});

test('followers of different epochs are not one quorum', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  solo.hear(1, following, 4, 0, 6, 2);
  solo.hear(2, following, 4, 0, 5, 2);
  solo.hear(4, leading, 4, 0, 6, 2);
  assert.ok(!says(solo.trace, 'is FOLLOWING'));
});

test('who is followed from a former life does not lead by that', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  for (const id of [1, 2, 4]) solo.hear(id, following, 3, 0, 6, 9);
  assert.ok(!says(solo.trace, 'is LEADING'));
});

test('votes for or from strangers and observers do not count', () => {
  const solo = new Solo({ membership: membershipOf(...voters(1, 2, 3), { id: 9, role: 'observer' }), serverId: 3 });
  solo.hear(9, looking, 9, makeZxid(9, 9), 9, 1);
  solo.hear(77, looking, 3, 0, 0, 1);
  solo.hear(1, looking, 77, makeZxid(9, 9), 9, 1);
  solo.wait(1_000);
  assert.ok(!says(solo.trace, 'is LEADING') && !says(solo.trace, 'is FOLLOWING'));
});

test('an observer asks until it hears of a leader, and never elects', () => {
  const solo = new Solo({ membership: membershipOf(...voters(1, 2, 3), { id: 9, role: 'observer' }), serverId: 9 });
  for (const id of [1, 2, 3]) solo.hear(id, looking, 3, 0, 0, 1);
  const asked = solo.linesOf(() => solo.wait(10_000)).filter((line) => line.startsWith('vote to 1'));
  assert.ok(asked.length >= 10, `asked ${asked.length} times in 10 s`);
  solo.hear(2, following, 3, 0, 1, 1);
  solo.hear(3, leading, 3, 0, 1, 1);
  assert.ok(says(solo.trace, 'is OBSERVING server 3'));
});

test('a server without weight follows, and never leads', () => {
  const membership = hierarchicalMembership({
    members: voters(1, 2, 3),
    version: 0,
    text: '',
    groups: [[1, 2, 3]],
    weights: new Map([[3, 0]]),
  });
  const heavy = new Solo({ membership, serverId: 2 });
  const answer = heavy.linesOf(() => heavy.hear(3, looking, 3, makeZxid(5, 5), 5, 1));
  assert.ok(!says(answer.slice(1), 'for server 3'));
  const light = new Solo({ membership, serverId: 3, lastZxid: makeZxid(1, 1), currentEpoch: 1 });
  light.hear(2, looking, 2, 0, 0, 1);
  light.hear(1, looking, 2, 0, 0, 1);
  light.wait(200);
  assert.ok(says(light.trace, 'is FOLLOWING server 2'), 'though its own log is longer');
});

test('a server that must not vote ignores votes, and others ignore its own', () => {
  const barred = new Solo({ membership: fiveVoters, serverId: 3, mayVote: false });
  assert.ok(says(barred.trace, 'LOOKING for server 3, epoch 0, -1'));
  for (const id of [1, 2, 4, 5]) barred.hear(id, looking, 3, 0, 0, 1);
  barred.wait(1_000);
  assert.ok(!says(barred.trace, 'is LEADING'));
  const other = new Solo({ membership: threeVoters, serverId: 1 });
  other.hear(2, looking, 2, -1, 0, 1);
  other.hear(3, looking, 2, -1, 0, 1);
  other.wait(1_000);
  assert.ok(!says(other.trace, 'is FOLLOWING'));
});

test('whoever asks is told where this server stands', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  solo.hear(4, leading, 4, makeZxid(1, 1), 6, 2);
  for (const id of [1, 2]) solo.hear(id, following, 4, makeZxid(1, 1), 6, 2);
  const answer = solo.linesOf(() => solo.hear(5, looking, 5, 0, 0, 1));
  assert.deepEqual(answer.slice(1), ['vote to 5: FOLLOWING for server 4, epoch 6, 1.1, round 2']);
  const silence = solo.linesOf(() => solo.hear(1, following, 4, makeZxid(1, 1), 6, 2));
  assert.equal(silence.length, 1);
});

test('a follower gives up a leader that looks for a leader itself', () => {
  const solo = new Solo({ membership: fiveVoters, serverId: 3 });
  solo.hear(4, leading, 4, 0, 6, 2);
  for (const id of [1, 2]) solo.hear(id, following, 4, 0, 6, 2);
  solo.hear(4, looking, 4, 0, 6, 2);
  assert.ok(!says(solo.trace, 'given up'), 'the same round: it may only be slow');
  solo.hear(4, looking, 4, 0, 6, 3);
  assert.ok(says(solo.trace, 'given up'));
});
