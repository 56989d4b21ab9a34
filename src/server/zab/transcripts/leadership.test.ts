import { Cluster, startedCluster } from '../testing/cluster.ts';
import { fiveVoters } from '../testing/memberships.ts';
import { transcriptsIn } from '../testing/transcript.ts';

const transcript = transcriptsIn('leadership');

transcript('a leader confirms that it leads', () => {
  const cluster = new Cluster({ membership: fiveVoters, tracePings: true });
  cluster.startAll();
  cluster.settle();
  cluster.runUntil(900);
  cluster.forgetTrace();
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 1 });
  cluster.note('a second and third question come while the first is asked');
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 2 });
  cluster.give(cluster.server(5), { type: 'confirmLeadership', token: 3 });
  cluster.settle();
  return cluster.trace;
});

transcript('a leader that is cut off cannot confirm, and steps down', () => {
  const cluster = startedCluster({ tracePings: true });
  cluster.forgetTrace();
  cluster.isolate(3);
  cluster.give(cluster.server(3), { type: 'confirmLeadership', token: 1 });
  cluster.runFor(2_000);
  return cluster.trace;
});

transcript('a leader hands over to the follower that has everything', () => {
  const cluster = startedCluster();
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.forgetTrace();
  cluster.propose(3, 'b');
  cluster.handOver(3);
  cluster.runFor(100);
  cluster.propose(2, 'c');
  cluster.settle();
  return cluster.trace;
});
