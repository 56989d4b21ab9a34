import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ServerId } from '../../common/types.ts';
import { makeZxid } from '../../common/zxid.ts';
import { PeerState } from '../protocol/quorum.ts';
import { majorityMembership } from './membership.ts';
import { readMembership } from '../config/reconfiguration.ts';
import { Cluster, configurationText, type ClusterOptions } from './testing/cluster.ts';
import { entry, send, Solo } from './testing/solo.ts';
import type { Membership, PeerMember } from './types.ts';

/** Compares a scenario's lines with the transcript of its name, or writes that anew under UPDATE_TRANSCRIPTS=1. */
function transcript(name: string, run: () => readonly string[]): void {
  test(`transcript: ${name}`, () => {
    const file = new URL(`transcripts/${name.replaceAll(/[ ,]+/g, '-')}.txt`, import.meta.url);
    const lines = `${run().join('\n')}\n`;
    if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(file, lines);
    assert.equal(lines, existsSync(file) ? readFileSync(file, 'utf8') : '', `see ${file.pathname}`);
  });
}

const voters = (...ids: readonly ServerId[]): PeerMember[] => ids.map((id) => ({ id, role: 'participant' }));
const membershipOf = (...members: readonly PeerMember[]): Membership =>
  majorityMembership({ members, version: 0, text: '' });
const three = membershipOf(...voters(1, 2, 3));
const five = membershipOf(...voters(1, 2, 3, 4, 5));

function started(options: Partial<ClusterOptions> = {}): Cluster {
  const cluster = new Cluster({ membership: three, ...options });
  cluster.startAll();
  cluster.runFor(1_000);
  return cluster;
}

/** Leaves out what went before. */
function fromHere(cluster: Cluster): void {
  cluster.trace.length = 0;
}

transcript('three empty servers elect, synchronize and commit', () => {
  const cluster = started();
  cluster.propose(3, 'a', 'b');
  cluster.settle();
  return cluster.trace;
});

transcript('a single voter leads at once', () => {
  const cluster = new Cluster({ membership: membershipOf(...voters(7)) });
  cluster.startAll();
  cluster.settle();
  cluster.propose(7, 'a', 'b');
  cluster.settle();
  return cluster.trace;
});

transcript('a late server joins the established leader', () => {
  const cluster = new Cluster({ membership: three });
  cluster.start(1, 2);
  cluster.runFor(1_000);
  cluster.propose(2, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.start(3);
  cluster.runFor(1_000);
  cluster.propose(2, 'b');
  cluster.settle();
  return cluster.trace;
});

transcript('the longest log of the newest epoch wins', () => {
  const cluster = new Cluster({ membership: three });
  const [one, two, three_] = [cluster.server(1), cluster.server(2), cluster.server(3)];
  one.disk.log = [entry(makeZxid(1, 1), 'a'), entry(makeZxid(2, 1), 'b')];
  two.disk.log = [entry(makeZxid(1, 1), 'a'), entry(makeZxid(1, 2), 'x'), entry(makeZxid(1, 3), 'y')];
  three_.disk.log = [entry(makeZxid(1, 1), 'a')];
  cluster.startAll();
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('what the old leader has logged on a quorum is kept', () => {
  const cluster = started();
  cluster.propose(3, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.server(1).diskHeld = true;
  cluster.server(3).diskHeld = true;
  cluster.propose(3, 'b');
  cluster.settle();
  cluster.crash(3);
  cluster.server(1).diskHeld = false;
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('a leader hands over to the follower that has everything', () => {
  const cluster = started();
  cluster.propose(3, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.propose(3, 'b');
  cluster.handOver(3);
  cluster.runFor(100);
  cluster.propose(2, 'c');
  cluster.settle();
  return cluster.trace;
});

/** Servers 1 to 3, whose configuration may be changed, and 4 and 5, which learn without a vote. */
function changeable(): Cluster {
  const membership = readMembership(configurationText([1, 2, 3], makeZxid(1, 0)));
  const cluster = new Cluster({ membership, others: [4, 5] });
  cluster.startAll();
  cluster.runFor(1_000);
  fromHere(cluster);
  return cluster;
}

transcript('a reconfiguration needs quorums of both configurations', () => {
  const cluster = changeable();
  // 1 and 2 are a quorum of the old configuration without 3's disk, but of the new one only together with 4 or 5.
  for (const id of [1, 4, 5]) cluster.server(id).diskHeld = true;
  cluster.reconfigure(3, [3, 4, 5]);
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.note('the disk of server 4 goes on');
  cluster.server(4).diskHeld = false;
  cluster.settle();
  return cluster.trace;
});

transcript('a leader that is not in the new configuration leaves it to another', () => {
  const cluster = changeable();
  cluster.reconfigure(3, [1, 2, 4]);
  cluster.runFor(500);
  return cluster.trace;
});

transcript('the next leader ends a reconfiguration that is logged', () => {
  const cluster = changeable();
  for (const id of [1, 2]) cluster.isolate(id);
  cluster.reconfigure(3, [2, 3, 4]);
  cluster.settle();
  cluster.crash(3);
  cluster.heal();
  cluster.start(3);
  cluster.runFor(3_000);
  return cluster.trace;
});

transcript('a voter that has not logged a reconfiguration votes for a server that joins', () => {
  const cluster = changeable();
  cluster.isolate(1);
  for (const id of [2, 4]) cluster.server(id).diskHeld = true;
  cluster.reconfigure(3, [1, 2, 3, 4]);
  cluster.settle();
  cluster.crash(3);
  cluster.heal();
  for (const id of [2, 4]) cluster.server(id).diskHeld = false;
  cluster.runFor(12_000);
  return cluster.trace;
});

transcript('a single voter ends the reconfiguration that it alone has logged', () => {
  const membership = readMembership(configurationText([1], makeZxid(1, 0)));
  const cluster = new Cluster({ membership, others: [2] });
  cluster.startAll();
  cluster.runFor(1_000);
  fromHere(cluster);
  cluster.server(1).diskHeld = true;
  cluster.reconfigure(1, [1, 2]);
  cluster.cut(1, 2);
  cluster.crash(1, 1);
  cluster.heal();
  cluster.server(1).diskHeld = false;
  cluster.start(1);
  cluster.runFor(3_000);
  return cluster.trace;
});

transcript('an observer that is to vote helps to end the reconfiguration that says so', () => {
  const membership = readMembership(configurationText([1, 2, 3], makeZxid(1, 0), [4]));
  const cluster = new Cluster({ membership });
  cluster.startAll();
  cluster.runFor(1_000);
  fromHere(cluster);
  cluster.crash(1);
  cluster.reconfigure(3, [1, 2, 3, 4]);
  cluster.runFor(4_000);
  return cluster.trace;
});

transcript('a server joins the leader of the others, whatever it has logged that they gave up', () => {
  const cluster = changeable();
  for (const id of [4, 5]) cluster.crash(id);
  cluster.isolate(3);
  cluster.reconfigure(3, [3, 4, 5]);
  cluster.settle();
  cluster.crash(3);
  cluster.runFor(3_000);
  cluster.heal();
  cluster.start(3);
  cluster.runFor(2_000);
  return cluster.trace;
});

transcript('a server that has lost its disk does not help to establish an epoch', () => {
  const cluster = new Cluster({ membership: three, emptyMayVote: false });
  for (const { disk } of cluster.servers.values()) disk.currentEpoch = 0;
  cluster.startAll();
  cluster.runFor(1_000);
  cluster.propose(3, 'a');
  cluster.settle();
  for (const id of [2, 3]) cluster.crash(id);
  cluster.wipe(1);
  fromHere(cluster);
  cluster.start(2, 3);
  cluster.runFor(100);
  cluster.server(2).diskHeld = true;
  cluster.runFor(100);
  const { disk } = cluster.server(2);
  const ticket = disk.work();
  if (ticket !== undefined) cluster.give(cluster.server(2), { type: 'persisted', ticket });
  cluster.settle();
  cluster.start(1);
  cluster.runFor(1_500);
  cluster.note('the disk of server 2 goes on');
  cluster.server(2).diskHeld = false;
  cluster.runFor(100);
  return cluster.trace;
});

transcript('what only the old leader has logged is cut off', () => {
  const cluster = started();
  cluster.propose(3, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.isolate(3);
  cluster.propose(3, 'lost', 'lost too');
  cluster.runFor(3_000);
  cluster.propose(2, 'b');
  cluster.settle();
  cluster.heal();
  cluster.runFor(5_000);
  return cluster.trace;
});

transcript('an old leader of another epoch gets the whole state', () => {
  const cluster = started();
  cluster.isolate(3);
  cluster.propose(3, 'lost');
  cluster.runFor(3_000);
  cluster.propose(2, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.heal();
  cluster.runFor(5_000);
  return cluster.trace;
});

transcript('a snapshot of a leader that was never established is replaced by the next', () => {
  const observer: PeerMember = { id: 4, role: 'observer' };
  const cluster = started({ membership: membershipOf(...voters(1, 2, 3), observer), committedLogEntries: 1 });
  cluster.crash(4);
  for (const payload of ['a', 'b', 'c']) {
    cluster.propose(3, payload);
    cluster.settle();
  }
  for (const id of [1, 2]) cluster.server(id).diskHeld = true;
  cluster.propose(3, 'lost');
  cluster.settle();
  for (const id of [1, 2, 3]) cluster.crash(id);
  fromHere(cluster);
  cluster.start(2, 3);
  cluster.runFor(500);
  cluster.note('the disk of server 2 gets as far as the accepted epoch');
  const { disk } = cluster.server(2);
  const ticket = disk.work();
  if (ticket !== undefined) cluster.give(cluster.server(2), { type: 'persisted', ticket });
  cluster.settle();
  cluster.start(4);
  cluster.runFor(500);
  for (const id of [2, 3]) cluster.crash(id);
  for (const id of [1, 2]) cluster.server(id).diskHeld = false;
  cluster.start(1, 2);
  cluster.runFor(2_000);
  cluster.propose(2, 'd');
  cluster.runFor(4_000);
  return cluster.trace;
});

transcript('a learner that is too far behind gets the whole state', () => {
  const cluster = started({ committedLogEntries: 1 });
  cluster.crash(1);
  for (const payload of ['a', 'b', 'c', 'd']) {
    cluster.propose(3, payload);
    cluster.settle();
  }
  fromHere(cluster);
  cluster.start(1);
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('an observer synchronizes and is informed', () => {
  const cluster = new Cluster({ membership: membershipOf(...voters(1), { id: 2, role: 'observer' }) });
  cluster.start(1);
  cluster.settle();
  cluster.propose(1, 'a');
  cluster.settle();
  fromHere(cluster);
  cluster.start(2);
  cluster.runFor(2_000);
  cluster.propose(1, 'b', 'c');
  cluster.settle();
  return cluster.trace;
});

transcript('a server that must not vote waits for a leader of the others', () => {
  const cluster = new Cluster({ membership: three, emptyMayVote: false });
  cluster.server(1).disk.currentEpoch = 0;
  cluster.server(2).disk.currentEpoch = 0;
  cluster.start(3);
  cluster.runFor(1_000);
  cluster.start(1);
  cluster.runFor(1_000);
  cluster.note('so far nobody leads; now a second voter comes');
  cluster.start(2);
  cluster.runFor(2_000);
  return cluster.trace;
});

transcript('a crash between history and current epoch', () => {
  const cluster = started();
  cluster.crash(1);
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.server(3).diskHeld = false;
  cluster.give(cluster.server(3), { type: 'stepDown', reason: 'a new epoch is wanted' });
  cluster.runFor(1_000);
  cluster.propose(3, 'b');
  cluster.settle();
  fromHere(cluster);
  cluster.start(1);
  cluster.server(1).diskHeld = true;
  cluster.runFor(1_000);
  cluster.server(1).disk.work();
  cluster.note('server 1 has the accepted epoch on disk');
  cluster.server(1).diskHeld = false;
  cluster.give(cluster.server(1), { type: 'persisted', ticket: 1 });
  cluster.server(1).diskHeld = true;
  cluster.settle();
  cluster.crash(1, 1);
  cluster.note(
    `server 1 has current epoch ${cluster.server(1).disk.currentEpoch} on disk, and the history of a later one`,
  );
  cluster.server(1).diskHeld = false;
  cluster.start(1);
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('a leader confirms that it leads', () => {
  const cluster = new Cluster({ membership: five, tracePings: true });
  cluster.startAll();
  cluster.settle();
  cluster.runUntil(900);
  fromHere(cluster);
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 1 });
  cluster.note('a second and third question come while the first is asked');
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 2 });
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 3 });
  cluster.settle();
  return cluster.trace;
});

transcript('a leader that is cut off cannot confirm, and steps down', () => {
  const cluster = started({ tracePings: true });
  fromHere(cluster);
  cluster.isolate(3);
  cluster.give(cluster.server(3), { type: 'confirmLeadership', token: 1 });
  cluster.runFor(2_000);
  return cluster.trace;
});

/* one peer of ours, the rest played as ZooKeeper's servers behave */

function follower(lastZxid = 0, currentEpoch = 0, snapshotZxid = 0): Solo {
  const recentEntries = lastZxid === 0 ? [] : [entry(lastZxid, 'old')];
  const solo = new Solo({
    membership: three,
    serverId: 1,
    lastZxid,
    recentEntries,
    snapshotZxid,
    currentEpoch,
    acceptedEpoch: currentEpoch,
  });
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.give('connected', { type: 'leaderConnected' });
  solo.leader(send.leaderInfo(makeZxid(2, 0)));
  solo.disk();
  solo.trace.length = 0;
  return solo;
}

transcript('follower of ZooKeeper, proposals around NEWLEADER and UPTODATE', () => {
  const solo = follower();
  solo.leader(
    send.diff(makeZxid(1, 2)),
    send.proposal(entry(makeZxid(1, 1), 'a')),
    send.commit(makeZxid(1, 1)),
    send.proposal(entry(makeZxid(1, 2), 'b')),
    send.commit(makeZxid(1, 2)),
    send.proposal(entry(makeZxid(2, 1), 'under way')),
    send.newLeader(makeZxid(2, 0)),
    send.proposal(entry(makeZxid(2, 2), 'after NEWLEADER')),
    send.commit(makeZxid(2, 1)),
  );
  solo.disk();
  solo.leader(
    send.proposal(entry(makeZxid(2, 3), 'before UPTODATE')),
    send.commit(makeZxid(2, 2)),
    send.upToDate(),
    send.commit(makeZxid(2, 3)),
    send.ping(makeZxid(2, 3)),
  );
  solo.disk();
  return solo.trace;
});

transcript('follower of ZooKeeper, a snapshot that overlaps with what follows', () => {
  const solo = follower();
  solo.leader(send.snap(makeZxid(2, 2)));
  solo.give('a part of the snapshot', { type: 'snapshotProgress' });
  solo.give('the snapshot is there', { type: 'snapshotReceived' });
  solo.leader(
    send.proposal(entry(makeZxid(2, 1), 'in the snapshot')),
    send.commit(makeZxid(2, 1)),
    send.proposal(entry(makeZxid(2, 2), 'in the snapshot too')),
    send.proposal(entry(makeZxid(2, 3), 'new')),
    send.commit(makeZxid(2, 2)),
    send.newLeader(makeZxid(2, 0)),
  );
  solo.disk();
  solo.leader(send.commit(makeZxid(2, 3)), send.upToDate());
  return solo.trace;
});

transcript('follower of ZooKeeper, a truncation', () => {
  const solo = follower(makeZxid(1, 9), 1);
  solo.leader(send.trunc(makeZxid(1, 8)));
  solo.leader(send.proposal(entry(makeZxid(1, 9), 'other')), send.commit(makeZxid(1, 9)));
  const recentEntries = [entry(makeZxid(1, 8), 'old')];
  solo.give('cut, while more came', { type: 'reloaded', lastZxid: makeZxid(1, 8), recentEntries, snapshotZxid: 0 });
  solo.leader(send.newLeader(makeZxid(2, 0)));
  solo.disk();
  solo.leader(send.upToDate());
  return solo.trace;
});

transcript('follower of ZooKeeper, a cut before its snapshot', () => {
  const solo = follower(makeZxid(1, 9), 1, makeZxid(1, 9));
  solo.leader(send.trunc(makeZxid(1, 8)));
  solo.wait(200);
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.give('connected', { type: 'leaderConnected' });
  solo.leader(send.leaderInfo(makeZxid(2, 0)), send.snap(makeZxid(1, 8)));
  solo.give('the snapshot is there', { type: 'snapshotReceived' });
  solo.leader(send.newLeader(makeZxid(2, 0)));
  solo.disk();
  return solo.trace;
});

transcript('follower, the log ends before where it was to be cut', () => {
  const solo = follower(makeZxid(1, 9), 1);
  solo.leader(send.trunc(makeZxid(1, 8)));
  solo.give('cut', { type: 'reloaded', lastZxid: makeZxid(1, 3), recentEntries: [], snapshotZxid: 0 });
  return solo.trace;
});

transcript('follower, a gap before NEWLEADER', () => {
  const solo = follower();
  solo.leader(
    send.diff(makeZxid(1, 3)),
    send.proposal(entry(makeZxid(1, 1), 'a')),
    send.commit(makeZxid(1, 1)),
    send.proposal(entry(makeZxid(1, 3), 'c')),
  );
  return solo.trace;
});

transcript('follower, a gap while serving', () => {
  const solo = follower();
  solo.leader(send.diff(0), send.newLeader(makeZxid(2, 0)));
  solo.disk();
  solo.leader(send.upToDate(), send.proposal(entry(makeZxid(2, 2), 'b')));
  return solo.trace;
});

transcript('follower, a leader of an epoch that it has accepted before', () => {
  const solo = follower();
  solo.give('the leader is gone', { type: 'leaderClosed', reason: 'reset' });
  solo.wait(200);
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.give('connected', { type: 'leaderConnected' });
  solo.leader(send.leaderInfo(makeZxid(2, 0)));
  return solo.trace;
});

transcript('follower, a leader of an older epoch is refused', () => {
  const solo = new Solo({ membership: three, serverId: 1, acceptedEpoch: 5 });
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.give('connected', { type: 'leaderConnected' });
  solo.trace.length = 0;
  solo.leader(send.leaderInfo(makeZxid(4, 0)));
  return solo.trace;
});

transcript('follower, a leader that says nothing', () => {
  const solo = follower();
  solo.leader(send.diff(0), send.newLeader(makeZxid(2, 0)));
  solo.disk();
  solo.leader(send.upToDate());
  solo.wait(10_000);
  return solo.trace;
});

transcript('follower, a leader that does not listen yet is dialled again', () => {
  const solo = new Solo({ membership: three, serverId: 1 });
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.trace.length = 0;
  for (let i = 0; i <= 10; i++) {
    solo.give('refused', { type: 'leaderClosed', reason: 'connection refused' });
    solo.wait(100);
  }
  return solo.trace;
});

function leader(recovered: { readonly currentEpoch?: number; readonly last?: number } = {}): Solo {
  const { currentEpoch = 1, last = makeZxid(1, 2) } = recovered;
  const recentEntries = [entry(last - 1, 'a'), entry(last, 'b')];
  const solo = new Solo({
    membership: membershipOf(...voters(1, 2, 3), { id: 4, role: 'observer' }),
    serverId: 3,
    lastZxid: last,
    recentEntries,
    currentEpoch,
    acceptedEpoch: currentEpoch,
  });
  solo.hear(2, PeerState.looking, 3, last, currentEpoch, 1);
  solo.wait(200);
  solo.trace.length = 0;
  return solo;
}

transcript('leader of ZooKeeper followers and an observer', () => {
  const solo = leader();
  solo.learnerConnects(12, 2, 6);
  solo.disk();
  solo.learner(12, send.ackEpoch(makeZxid(1, 1), 1));
  solo.disk();
  solo.learner(12, send.ack(makeZxid(7, 0)), send.ack(makeZxid(7, 0)));
  solo.learnerConnects(14, 4, 0, true);
  solo.learner(14, send.ackEpoch(0, 0));
  solo.learner(14, send.ack(makeZxid(7, 0)));
  const entries = [entry(makeZxid(7, 1), 'c'), entry(makeZxid(7, 2), 'd')];
  solo.give('proposes two', { type: 'propose', entries });
  solo.learnerConnects(11, 1, 6);
  solo.learner(11, send.ackEpoch(makeZxid(1, 1), 1));
  solo.learner(12, send.ack(makeZxid(7, 1)));
  solo.disk();
  solo.learner(11, send.ack(makeZxid(7, 0)));
  solo.learner(12, send.ack(makeZxid(7, 2)));
  return solo.trace;
});

transcript('leader, a follower is ahead', () => {
  const solo = leader();
  solo.learnerConnects(12, 2, 1);
  solo.disk();
  solo.learner(12, send.ackEpoch(makeZxid(1, 3), 1));
  return solo.trace;
});

transcript('leader, a voter that it needs has given it up before it began to lead', () => {
  const solo = leader();
  solo.hear(2, PeerState.looking, 2, makeZxid(1, 2), 1, 2);
  solo.hear(1, PeerState.looking, 1, -1, 1, 1);
  solo.learnerConnects(11, 1, 1);
  solo.trace.push('       server 1 has come, and lost its disk: server 2 is needed');
  solo.wait(2_000);
  return solo.trace;
});

transcript('leader, an epoch that was accepted before does not count', () => {
  const solo = leader();
  solo.learnerConnects(12, 2, 1);
  solo.disk();
  solo.learner(12, send.ackEpoch(makeZxid(1, 2), -1));
  solo.learnerConnects(11, 1, 1);
  solo.learner(11, send.ackEpoch(-1, 0));
  solo.trace.push('       neither counts: one had accepted it before, the other has lost its disk');
  solo.wait(20_000);
  return solo.trace;
});

transcript('leader, a server comes that has accepted a newer epoch', () => {
  const solo = leader();
  solo.learnerConnects(12, 2, 1);
  solo.disk();
  solo.learner(12, send.ackEpoch(makeZxid(1, 2), 1));
  solo.disk();
  solo.learner(12, send.ack(makeZxid(2, 0)));
  solo.learnerConnects(11, 1, 9);
  return solo.trace;
});

transcript('leader, learners that break the rules', () => {
  const solo = leader();
  solo.give('learner #21 connects', { type: 'learnerConnected', connection: 21 });
  solo.learner(21, send.ack(0));
  solo.give('learner #22 connects', { type: 'learnerConnected', connection: 22 });
  solo.learner(22, send.info(2, makeZxid(9, 9)));
  solo.learnerConnects(23, 2, 1);
  solo.learner(23, send.ping(0));
  return solo.trace;
});

transcript('leader, early and silent connections', () => {
  const solo = new Solo({ membership: three, serverId: 3 });
  solo.trace.length = 0;
  solo.learnerConnects(12, 2, 0);
  solo.give('learner #11 connects', { type: 'learnerConnected', connection: 11 });
  solo.hear(2, PeerState.looking, 3, 0, 0, 1);
  solo.wait(200);
  solo.disk();
  solo.wait(21_000);
  return solo.trace;
});
