import { makeZxid } from '../../../common/zxid.ts';
import { PeerState } from '../../protocol/quorum.ts';
import { threeVoters } from '../testing/memberships.ts';
import { entry, send, Solo } from '../testing/solo.ts';
import { transcriptsIn } from '../testing/transcript.ts';

/* One follower of ours; its leader and the others are played as ZooKeeper's servers behave. */

const transcript = transcriptsIn('follower');

function follower(lastZxid = 0, currentEpoch = 0, snapshotZxid = 0): Solo {
  const recentEntries = lastZxid === 0 ? [] : [entry(lastZxid, 'old')];
  const solo = new Solo({
    membership: threeVoters,
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
  const solo = new Solo({ membership: threeVoters, serverId: 1, acceptedEpoch: 5 });
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
  const solo = new Solo({ membership: threeVoters, serverId: 1 });
  solo.hear(2, PeerState.following, 3, 0, 1, 4);
  solo.hear(3, PeerState.leading, 3, 0, 1, 4);
  solo.trace.length = 0;
  for (let i = 0; i <= 10; i++) {
    solo.give('refused', { type: 'leaderClosed', reason: 'connection refused' });
    solo.wait(100);
  }
  return solo.trace;
});
