import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZxid } from '../../common/zxid.ts';
import { PeerState, type QuorumPacket } from '../protocol/quorum.ts';
import { threeVotersAndAnObserver } from './testing/memberships.ts';
import { entry, send, Solo, type SoloOptions } from './testing/solo.ts';

const EPOCH = makeZxid(2, 0);

const says = (lines: readonly string[], text: string): boolean => lines.some((line) => line.includes(text));

/** A server that has found leader 3 and dials it. */
function dialing(options: Partial<SoloOptions> = {}): Solo {
  const solo = new Solo({ membership: threeVotersAndAnObserver, serverId: 1, ...options });
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  return solo;
}

/** A server that has accepted the leader's epoch 2 and waits for DIFF, TRUNC or SNAP. */
function accepted(options: Partial<SoloOptions> = {}): Solo {
  const solo = dialing(options);
  solo.give('connected', { type: 'leaderConnected' });
  solo.leader(send.leaderInfo(EPOCH));
  solo.disk();
  return solo;
}

function serving(options: Partial<SoloOptions> = {}): Solo {
  const solo = accepted(options);
  solo.leader(send.diff(0), send.newLeader(EPOCH));
  solo.disk();
  solo.leader(send.upToDate());
  return solo;
}

test('a learner waits for its own disk as long as that takes', () => {
  const solo = accepted();
  solo.leader(send.diff(0), send.proposal(entry(makeZxid(2, 1), 'a')), send.newLeader(EPOCH));
  assert.equal(solo.nextDeadlineMs, Number.POSITIVE_INFINITY);
  solo.wait(100_000);
  solo.disk();
  assert.ok(says(solo.trace, 'to leader: ACK 2.0'));
  solo.wait(20_000);
  assert.ok(says(solo.trace, 'no word from leader 3 for too long (awaitingUpToDate)'));
});

test('a snapshot may take as long as parts of it arrive', () => {
  const solo = accepted();
  solo.leader(send.snap(makeZxid(1, 9)));
  for (let i = 0; i < 10; i++) {
    solo.wait(15_000);
    solo.give('a part', { type: 'snapshotProgress' });
  }
  assert.ok(!says(solo.trace, 'no word'));
  solo.wait(20_000);
  assert.ok(says(solo.trace, 'no word from leader 3 for too long (receivingSnapshot)'));
});

const violations: readonly [string, readonly QuorumPacket[], string][] = [
  ['a commit of what was not proposed', [send.diff(0), send.commit(makeZxid(2, 1))], 'without having proposed it'],
  ['NEWLEADER of another epoch', [send.diff(0), send.newLeader(makeZxid(3, 0))], 'not of the accepted epoch 2'],
  ['UPTODATE before NEWLEADER', [send.diff(0), send.upToDate()], 'before NEWLEADER'],
  [
    'UPTODATE before the acknowledgement',
    [send.diff(0), send.newLeader(EPOCH), send.upToDate()],
    'before NEWLEADER was',
  ],
  [
    'a proposal where the history should begin',
    [send.proposal(entry(makeZxid(2, 1), 'a'))],
    'DIFF, TRUNC or SNAP was due',
  ],
  ['a cut beyond the log', [send.trunc(makeZxid(1, 1))], 'beyond the last entry'],
];
for (const [what, packets, reason] of violations) {
  test(`a learner leaves a leader that breaks the rules: ${what}`, () => {
    const solo = accepted();
    const lines = solo.linesOf(() => solo.leader(...packets));
    assert.ok(says(lines, reason), lines.join('\n'));
    assert.ok(says(lines, 'leaves the leader') && says(lines, 'is LOOKING'));
    assert.ok(!says(lines, 'persists log'));
  });
}

test('a serving follower leaves a leader that commits what it has not proposed, or informs it', () => {
  for (const packet of [send.commit(makeZxid(2, 1)), send.inform(entry(makeZxid(2, 1), 'a'))]) {
    const solo = serving();
    const lines = solo.linesOf(() => solo.leader(packet));
    assert.ok(says(lines, 'leaves the leader'), lines.join('\n'));
  }
});

test('an observer takes over what is committed, and is informed of the rest', () => {
  const solo = accepted({ serverId: 4 });
  solo.leader(
    send.diff(makeZxid(1, 1)),
    send.proposal(entry(makeZxid(1, 1), 'a')),
    send.commit(makeZxid(1, 1)),
    send.proposal(entry(makeZxid(2, 1), 'under way')),
    send.newLeader(EPOCH),
    send.inform(entry(makeZxid(2, 1), 'committed')),
  );
  solo.disk();
  const lines = solo.linesOf(() => solo.leader(send.upToDate(), send.inform(entry(makeZxid(2, 2), 'more'))));
  assert.ok(!says(solo.trace, 'persists log 1.1=a 2.1=under way'));
  assert.deepEqual(
    lines.filter((line) => line.startsWith('delivers')),
    ['delivers 1.1=a', 'delivers 2.1=committed', 'delivers 2.2=more'],
  );
  solo.disk();
  assert.ok(!says(solo.trace, 'ACK 2.1'), 'an observer acknowledges no proposals');
});

test('a server without a vote does not build on what a broken first synchronization has left', () => {
  const recentEntries = [entry(makeZxid(1, 1), 'left')];
  const solo = accepted({ mayVote: false, lastZxid: makeZxid(1, 1), recentEntries });
  assert.ok(says(solo.trace, 'to leader: ACKEPOCH last -1'));
  const lines = solo.linesOf(() => solo.leader(send.diff(makeZxid(2, 1))));
  assert.ok(says(lines, 'cuts its log at 0.0'));
  solo.give('cut', { type: 'reloaded', lastZxid: 0, recentEntries: [], snapshotZxid: 0 });
  const rest = solo.linesOf(() => {
    solo.leader(send.proposal(entry(makeZxid(2, 1), 'a')), send.commit(makeZxid(2, 1)), send.newLeader(EPOCH));
  });
  assert.ok(says(rest, 'persists log 2.1=a; current epoch 2'));
});

test('what comes while the log is cut is kept, also the end of the connection', () => {
  const solo = accepted({ lastZxid: makeZxid(1, 2), recentEntries: [], currentEpoch: 1 });
  solo.leader(send.trunc(makeZxid(1, 1)));
  const silent = solo.linesOf(() => {
    solo.give('the leader is gone', { type: 'leaderClosed', reason: 'reset' });
    solo.hear(2, PeerState.looking, 2, 0, 0, 9);
    solo.wait(60_000);
  });
  assert.deepEqual(silent.length, 2);
  const lines = solo.linesOf(() => {
    solo.give('cut', { type: 'reloaded', lastZxid: makeZxid(1, 1), recentEntries: [], snapshotZxid: 0 });
  });
  assert.ok(says(lines, 'is LOOKING'));
  assert.ok(says(lines, 'round 9'), 'the vote that came meanwhile is heard');
});

test('an observer takes an epoch older than it has accepted, a voter does not, neither goes back behind its own', () => {
  const leaves = (options: Partial<SoloOptions>): boolean => {
    const solo = dialing(options);
    solo.give('connected', { type: 'leaderConnected' });
    return says(
      solo.linesOf(() => solo.leader(send.leaderInfo(EPOCH))),
      'leaves the leader',
    );
  };
  assert.ok(leaves({ serverId: 1, acceptedEpoch: 3, currentEpoch: 1 }));
  assert.ok(!leaves({ serverId: 4, acceptedEpoch: 3, currentEpoch: 1 }));
  assert.ok(!leaves({ serverId: 1, acceptedEpoch: 3, currentEpoch: 1, mayVote: false }));
  assert.ok(leaves({ serverId: 4, acceptedEpoch: 3, currentEpoch: 3 }));
  const solo = accepted({ serverId: 4, acceptedEpoch: 3, currentEpoch: 1 });
  solo.leader(send.diff(0), send.newLeader(EPOCH));
  assert.ok(says(solo.trace, 'persists current epoch 2'));
});

test('a learner that is refused does not try again without a pause', () => {
  const solo = dialing({ acceptedEpoch: 5 });
  solo.give('connected', { type: 'leaderConnected' });
  solo.leader(send.leaderInfo(EPOCH));
  const hearAgain = (): readonly string[] =>
    solo.linesOf(() => {
      solo.hear(2, PeerState.following, 3, 0, 1, 4);
      solo.hear(3, PeerState.leading, 3, 0, 1, 4);
    });
  assert.ok(!says(hearAgain(), 'is FOLLOWING'));
  solo.wait(200);
  assert.ok(says(hearAgain(), 'is FOLLOWING'));
});

test('what was read from a connection that was given up is not taken for the next one’s', () => {
  const solo = serving();
  solo.give('steps down', { type: 'stepDown', reason: 'a test' });
  solo.hear(2, PeerState.following, 3, 0, 2, 4);
  solo.hear(3, PeerState.leading, 3, 0, 2, 4);
  const lines = solo.linesOf(() => solo.leader(send.proposal(entry(makeZxid(2, 1), 'a'))));
  assert.equal(lines.length, 1);
});

test('a follower that steps down leaves its leader; one that looks for a leader already goes on looking', () => {
  const solo = serving();
  assert.ok(
    says(
      solo.linesOf(() => solo.give('steps down', { type: 'stepDown', reason: 'a test' })),
      'leaves the leader',
    ),
  );
  assert.equal(solo.linesOf(() => solo.give('again', { type: 'stepDown', reason: 'a test' })).length, 1);
});

test('what was logged and not committed is delivered when the leader is lost', () => {
  const solo = serving();
  solo.leader(send.proposal(entry(makeZxid(2, 1), 'a')), send.proposal(entry(makeZxid(2, 2), 'b')));
  solo.leader(send.commit(makeZxid(2, 1)));
  const lines = solo.linesOf(() => solo.give('the leader is gone', { type: 'leaderClosed', reason: 'reset' }));
  assert.ok(says(lines, 'delivers 2.2=b (not known to be committed)'));
  assert.ok(
    says(lines, 'vote to 2: LOOKING for server 1, epoch 2, 2.2'),
    'it stands for election with all that it logged',
  );
});

test('what is under way when a learner joins is delivered when it is committed, and not before', () => {
  const solo = accepted();
  solo.leader(send.diff(0), send.proposal(entry(makeZxid(2, 1), 'a')), send.newLeader(EPOCH));
  solo.disk();
  const serves = solo.linesOf(() => solo.leader(send.upToDate()));
  assert.ok(!says(serves, 'delivers'), serves.join('\n'));
  const committed = solo.linesOf(() => solo.leader(send.commit(makeZxid(2, 1))));
  assert.ok(says(committed, 'delivers 2.1=a'), committed.join('\n'));
});

test('learners that come to a server that does not lead are sent away', () => {
  const solo = serving();
  const lines = solo.linesOf(() => solo.give('a learner', { type: 'learnerConnected', connection: 5 }));
  assert.ok(says(lines, 'closes learner #5'));
});

test('a server without a vote has one as soon as a whole history is on its disk, though the leader is lost by then', () => {
  const solo = accepted({ mayVote: false });
  solo.leader(send.snap(makeZxid(1, 5)));
  solo.give('the snapshot is there', { type: 'snapshotReceived' });
  solo.leader(send.newLeader(EPOCH));
  const lost = solo.linesOf(() => solo.give('the leader is gone', { type: 'leaderClosed', reason: 'reset' }));
  assert.ok(says(lost, 'vote to 2: LOOKING for server 1, epoch 2, -1'), lost.join('\n'));
  const durable = solo.linesOf(() => solo.disk());
  assert.ok(says(durable, 'vote to 2: LOOKING for server 1, epoch 2, 1.5'), durable.join('\n'));
});
