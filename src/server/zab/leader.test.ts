import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../common/errors.ts';
import { COUNTER_MAX, makeZxid } from '../../common/zxid.ts';
import { PacketType, PeerState } from '../protocol/quorum.ts';
import { readMembership } from '../config/reconfiguration.ts';
import { packet } from './messages.ts';
import { configurationText } from './testing/configurations.ts';
import { fiveVoters, threeVotersAndAnObserver } from './testing/memberships.ts';
import { entry, send, Solo } from './testing/solo.ts';

const EPOCH = makeZxid(1, 0);

const says = (lines: readonly string[], text: string): boolean => lines.some((line) => line.includes(text));
const isAssertion = (error: unknown): boolean => error instanceof CodedError && error.code === 'ZK_ASSERTION';

/** Server 3 of three was elected by server 2. */
function elected(): Solo {
  const solo = new Solo({ membership: threeVotersAndAnObserver, serverId: 3 });
  solo.hear(2, PeerState.looking, 3, 0, 0, 1);
  solo.wait(200);
  return solo;
}

/** A learner goes all the way up to UPTODATE, or to NEWLEADER's ACK where the leader waits for others. */
function synchronize(solo: Solo, connection: number, serverId: number, observer = false): void {
  solo.learnerConnects(connection, serverId, 0, observer);
  solo.disk();
  solo.learner(connection, send.ackEpoch(0, 0));
  solo.disk();
  solo.learner(connection, send.ack(EPOCH));
}

function established(): Solo {
  const solo = elected();
  synchronize(solo, 12, 2);
  return solo;
}

/** A follower that answers pings at once, or not at all. */
function wait(solo: Solo, halfTicks: number, answering: readonly number[]): void {
  for (let i = 0; i < halfTicks; i++) {
    solo.wait(1_000);
    for (const connection of answering) solo.learner(connection, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  }
}

test('a follower that says nothing is given up, and with it a quorum', () => {
  const solo = established();
  wait(solo, 9, []);
  assert.ok(!says(solo.trace, 'closes learner'));
  wait(solo, 2, []);
  assert.ok(says(solo.trace, 'closes learner #12: no word from it for too long (serving)'));
  assert.ok(says(solo.trace, 'too few followers are left for a quorum'));
});

test('a leader whose followers answer leads on', () => {
  const solo = established();
  wait(solo, 60, [12]);
  assert.ok(!says(solo.trace, 'closes learner'));
  assert.deepEqual(solo.learners, [
    { connection: 12, serverId: 2, isObserver: false, isVoter: true, serving: true, heldZxid: 0 },
  ]);
});

test('a follower that answers pings but acknowledges nothing is given up', () => {
  const solo = established();
  synchronize(solo, 11, 1);
  solo.give('proposes', { type: 'propose', entries: [entry(makeZxid(1, 1), 'a')] });
  solo.disk();
  solo.learner(12, send.ack(makeZxid(1, 1)));
  wait(solo, 12, [11, 12]);
  assert.ok(says(solo.trace, 'closes learner #11: it acknowledges no proposals'));
  assert.ok(!says(solo.trace, 'closes learner #12'));
});

test('nothing but what is proposed is to be acknowledged: the history is, with NEWLEADER', () => {
  const last = makeZxid(1, 5);
  const epoch = makeZxid(2, 0);
  const solo = new Solo({
    membership: threeVotersAndAnObserver,
    serverId: 3,
    acceptedEpoch: 1,
    currentEpoch: 1,
    lastZxid: last,
  });
  solo.hear(2, PeerState.looking, 3, last, 1, 1);
  solo.wait(200);
  solo.learnerConnects(12, 2, 1);
  solo.disk();
  solo.learner(12, send.ackEpoch(last, 1));
  solo.disk();
  solo.learner(12, send.ack(epoch));
  wait(solo, 60, [12]);
  assert.ok(solo.learners[0]?.serving);
  assert.ok(!says(solo.trace, 'closes learner'));
});

test('a leader whose own disk stands still steps down', () => {
  const solo = established();
  solo.give('proposes', { type: 'propose', entries: [entry(makeZxid(1, 1), 'a')] });
  solo.learner(12, send.ack(makeZxid(1, 1)));
  wait(solo, 11, [12]);
  assert.ok(says(solo.trace, 'the disk of this server stands still'));
});

test('a leader that nobody follows gives way as soon as another voter looks for a leader', () => {
  const solo = elected();
  solo.hear(1, PeerState.looking, 1, 0, 0, 1);
  assert.ok(!says(solo.trace, 'have not come'), 'they may be on their way');
  solo.wait(2_000);
  solo.hear(1, PeerState.looking, 1, 0, 0, 1);
  assert.ok(says(solo.trace, 'those who voted for this server have not come'));
});

test('the last zxid of an epoch is never used', () => {
  const solo = established();
  solo.give('proposes', { type: 'propose', entries: [entry(makeZxid(1, COUNTER_MAX), 'one too many')] });
  assert.ok(says(solo.trace, 'epoch 1 has no zxids left'));
  assert.ok(!says(solo.trace, 'one too many'));
});

test('what the layer above does wrong stops the process', () => {
  const solo = elected();
  const first = entry(makeZxid(1, 1), 'a');
  const second = entry(makeZxid(1, 2), 'b');
  assert.throws(() => solo.give('too early', { type: 'propose', entries: [first] }), isAssertion);
  assert.throws(() => solo.give('too early', { type: 'confirmLeadership', token: 1 }), isAssertion);
  assert.throws(() => established().give('a gap', { type: 'propose', entries: [second] }), isAssertion);
  const looking = new Solo({ membership: threeVotersAndAnObserver, serverId: 3 });
  assert.throws(() => looking.give('not a leader', { type: 'propose', entries: [first] }), isAssertion);
  assert.throws(() => looking.give('a second start', { type: 'start' }), isAssertion);
});

test('the newer connection of a server counts', () => {
  const solo = established();
  synchronize(solo, 22, 2);
  assert.ok(says(solo.trace, 'closes learner #12: this server connected again'));
  assert.ok(!says(solo.trace.slice(3), 'is LOOKING'));
  assert.deepEqual(
    solo.learners.map(({ connection, serving }) => [connection, serving]),
    [[22, true]],
  );
});

test('acknowledgements of a connection that ended do not count', () => {
  const solo = established();
  synchronize(solo, 11, 1);
  solo.give('proposes', { type: 'propose', entries: [entry(makeZxid(1, 1), 'a')] });
  solo.learner(12, send.ack(makeZxid(1, 1)));
  solo.give('#12 closes', { type: 'learnerClosed', connection: 12 });
  solo.disk();
  assert.ok(!says(solo.trace, 'delivers'));
  solo.learner(11, send.ack(makeZxid(1, 1)));
  assert.ok(says(solo.trace, 'delivers 1.1=a'));
});

test('an observer is no part of any quorum', () => {
  const solo = elected();
  synchronize(solo, 14, 4, true);
  assert.ok(!says(solo.trace, 'persists accepted epoch'));
  synchronize(solo, 12, 2);
  const asked = solo.linesOf(() => solo.give('asks', { type: 'confirmLeadership', token: 5 }));
  assert.deepEqual(asked.slice(1), ['to learner #12: PING 1.0']);
  solo.learner(14, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  assert.ok(!says(solo.trace, 'confirms'));
  solo.learner(12, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  assert.ok(says(solo.trace, 'confirms question 5'));
});

test('an answer to an earlier ping confirms nothing', () => {
  const solo = established();
  solo.wait(1_000);
  solo.give('asks', { type: 'confirmLeadership', token: 5 });
  solo.learner(12, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  assert.ok(!says(solo.trace, 'confirms'));
  solo.learner(12, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  assert.ok(says(solo.trace, 'confirms question 5'));
});

test('a follower that synchronizes while leadership is asked for takes part with the next ping', () => {
  const solo = established();
  solo.give('asks', { type: 'confirmLeadership', token: 5 });
  synchronize(solo, 11, 1);
  solo.give('#12 closes', { type: 'learnerClosed', connection: 12 });
  solo.wait(1_000);
  solo.learner(11, packet(PacketType.ping, EPOCH, new Uint8Array(0)));
  assert.ok(says(solo.trace, 'confirms question 5'));
});

test('a voter that said it must not vote does not help to choose an epoch', () => {
  const solo = elected();
  solo.hear(1, PeerState.looking, 1, -1, 0, 1);
  solo.learnerConnects(11, 1, 0);
  assert.ok(!says(solo.trace, 'persists accepted epoch'));
  solo.learnerConnects(12, 2, 0);
  assert.ok(says(solo.trace, 'persists accepted epoch 1'));
});

test('who is done is kept waiting by pings while another takes in a large snapshot', () => {
  const solo = new Solo({
    membership: fiveVoters,
    serverId: 5,
    lastZxid: makeZxid(1, 9),
    currentEpoch: 1,
    acceptedEpoch: 1,
  });
  for (const id of [1, 2]) solo.hear(id, PeerState.looking, 5, makeZxid(1, 9), 1, 1);
  solo.wait(200);
  for (const id of [1, 2]) solo.learnerConnects(id, id, 1);
  solo.disk();
  solo.learner(1, send.ackEpoch(makeZxid(1, 9), 1));
  solo.learner(2, send.ackEpoch(makeZxid(1, 1), 1));
  solo.disk();
  solo.learner(1, send.ack(makeZxid(2, 0)));
  for (let i = 0; i < 60; i++) {
    solo.wait(1_000);
    solo.give('a part has left', { type: 'learnerProgress', connection: 2 });
  }
  assert.equal(solo.trace.filter((line) => line.includes('to learner #1: PING')).length, 60);
  assert.ok(!says(solo.trace, 'closes learner'));
  solo.learner(2, send.ack(makeZxid(2, 0)));
  assert.ok(says(solo.trace, 'is LEADING, epoch 2, serving'));
});

test('who does not know the configuration in force gets no state that has the next one only', () => {
  const [inForce, underWay] = [makeZxid(1, 1), makeZxid(1, 9)];
  const solo = new Solo({
    membership: readMembership(configurationText([2, 3, 4], inForce)),
    configuration: configurationText([3, 4, 5], underWay),
    serverId: 3,
    acceptedEpoch: 1,
    currentEpoch: 1,
    lastZxid: underWay,
  });
  solo.hear(4, PeerState.looking, 3, underWay, 1, 1);
  solo.wait(200);
  solo.learnerConnects(14, 4, 1, false, inForce);
  solo.learnerConnects(12, 2, 1);
  solo.disk();
  const behind = makeZxid(1, 0);
  solo.learner(12, send.ackEpoch(behind, 0));
  const lines = solo.linesOf(() => solo.learner(14, send.ackEpoch(behind, 1)));
  assert.ok(says(lines, 'to learner #14: SNAP 1.9'), lines.join('\n'));
  assert.ok(says(lines, 'closes learner #12: it does not know configuration 0x100000001'), lines.join('\n'));
  assert.ok(!says(lines, 'to learner #12: SNAP'));
  // It has heard of it meanwhile.
  solo.learnerConnects(22, 2, 2, false, inForce);
  solo.learner(22, send.ackEpoch(behind, -1));
  assert.ok(says(solo.trace, 'to learner #22: SNAP 1.9'));
});

test('an acknowledgement of what was not proposed ends the connection', () => {
  const solo = established();
  solo.learner(12, send.ack(makeZxid(1, 1)));
  assert.ok(says(solo.trace, 'closes learner #12'));
});

test('requests of learners are handed up only from those that serve', () => {
  const solo = established();
  const request = packet(PacketType.request, -1, new Uint8Array(0));
  const handedUp = solo.linesOf(() => solo.learner(12, request));
  assert.ok(says(handedUp, 'hands up from server 2: REQUEST'));
});

test('a follower that comes back with proposals that are about to be committed gets a DIFF', () => {
  const solo = established();
  synchronize(solo, 11, 1);
  const entries = [entry(makeZxid(1, 1), 'a'), entry(makeZxid(1, 2), 'b')];
  solo.give('proposes', { type: 'propose', entries });
  solo.give('#11 closes', { type: 'learnerClosed', connection: 11 });
  solo.learnerConnects(21, 1, 1);
  const early = solo.linesOf(() => solo.learner(21, send.ackEpoch(makeZxid(1, 2), -1)));
  assert.equal(early.length, 1);
  solo.disk();
  const lines = solo.linesOf(() => solo.learner(12, send.ack(makeZxid(1, 2))));
  assert.ok(says(lines, 'to learner #21: DIFF 1.2') && !says(lines, 'TRUNC'), lines.join('\n'));
});

test('a follower that is needed for the commit itself does not wait for it', () => {
  const solo = established();
  solo.give('proposes', { type: 'propose', entries: [entry(makeZxid(1, 1), 'a'), entry(makeZxid(1, 2), 'b')] });
  solo.disk();
  solo.learner(12, send.ack(makeZxid(1, 1)));
  solo.give('#12 closes', { type: 'learnerClosed', connection: 12 });
  solo.learnerConnects(22, 2, 1);
  solo.learner(22, send.ackEpoch(makeZxid(1, 2), -1));
  const lines = solo.linesOf(() => solo.wait(1_000));
  assert.ok(
    says(lines, 'to learner #22: TRUNC 1.1') && says(lines, 'to learner #22: PROPOSAL 1.2=b'),
    lines.join('\n'),
  );
});
