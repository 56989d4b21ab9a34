import { makeZxid } from '../../../common/zxid.ts';
import { Cluster, startedCluster } from '../testing/cluster.ts';
import { membershipOf, threeVoters, voters } from '../testing/memberships.ts';
import { entry } from '../testing/solo.ts';
import { transcriptsIn } from '../testing/transcript.ts';

const transcript = transcriptsIn('election');

transcript('three empty servers elect, synchronize and commit', () => {
  const cluster = startedCluster();
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
  const cluster = new Cluster({ membership: threeVoters });
  cluster.start(1, 2);
  cluster.runFor(1_000);
  cluster.propose(2, 'a');
  cluster.settle();
  cluster.forgetTrace();
  cluster.start(3);
  cluster.runFor(1_000);
  cluster.propose(2, 'b');
  cluster.settle();
  return cluster.trace;
});

transcript('the longest log of the newest epoch wins', () => {
  const cluster = new Cluster({ membership: threeVoters });
  const [one, two, three_] = [cluster.server(1), cluster.server(2), cluster.server(3)];
  one.disk.log = [entry(makeZxid(1, 1), 'a'), entry(makeZxid(2, 1), 'b')];
  two.disk.log = [entry(makeZxid(1, 1), 'a'), entry(makeZxid(1, 2), 'x'), entry(makeZxid(1, 3), 'y')];
  three_.disk.log = [entry(makeZxid(1, 1), 'a')];
  cluster.startAll();
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('a server that must not vote waits for a leader of the others', () => {
  const cluster = new Cluster({ membership: threeVoters, emptyMayVote: false });
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

transcript('a server that has lost its disk does not help to establish an epoch', () => {
  const cluster = new Cluster({ membership: threeVoters, emptyMayVote: false });
  for (const { disk } of cluster.servers.values()) disk.currentEpoch = 0;
  cluster.startAll();
  cluster.runFor(1_000);
  cluster.propose(3, 'a');
  cluster.settle();
  for (const id of [2, 3]) cluster.crash(id);
  cluster.wipe(1);
  cluster.forgetTrace();
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
