import { makeZxid } from '../../../common/zxid.ts';
import { PeerState } from '../../protocol/quorum.ts';
import { threeVoters, threeVotersAndAnObserver } from '../testing/memberships.ts';
import { entry, send, Solo } from '../testing/solo.ts';
import { transcriptsIn } from '../testing/transcript.ts';

/* One leader of ours; its learners are played as ZooKeeper's servers behave. */

const transcript = transcriptsIn('leader');

function leader(recovered: { readonly currentEpoch?: number; readonly last?: number } = {}): Solo {
  const { currentEpoch = 1, last = makeZxid(1, 2) } = recovered;
  const recentEntries = [entry(last - 1, 'a'), entry(last, 'b')];
  const solo = new Solo({
    membership: threeVotersAndAnObserver,
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
  const solo = new Solo({ membership: threeVoters, serverId: 3 });
  solo.trace.length = 0;
  solo.learnerConnects(12, 2, 0);
  solo.give('learner #11 connects', { type: 'learnerConnected', connection: 11 });
  solo.hear(2, PeerState.looking, 3, 0, 0, 1);
  solo.wait(200);
  solo.disk();
  solo.wait(21_000);
  return solo.trace;
});
