import { Cluster, startedCluster } from '../testing/cluster.ts';
import { membershipOf, threeVotersAndAnObserver, voters } from '../testing/memberships.ts';
import { transcriptsIn } from '../testing/transcript.ts';

const transcript = transcriptsIn('synchronization');

transcript('what the old leader has logged on a quorum is kept', () => {
  const cluster = startedCluster();
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.forgetTrace();
  cluster.server(1).diskHeld = true;
  cluster.server(3).diskHeld = true;
  cluster.propose(3, 'b');
  cluster.settle();
  cluster.crash(3);
  cluster.server(1).diskHeld = false;
  cluster.runFor(1_000);
  return cluster.trace;
});

transcript('what only the old leader has logged is cut off', () => {
  const cluster = startedCluster();
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.forgetTrace();
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
  const cluster = startedCluster();
  cluster.isolate(3);
  cluster.propose(3, 'lost');
  cluster.runFor(3_000);
  cluster.propose(2, 'a');
  cluster.settle();
  cluster.forgetTrace();
  cluster.heal();
  cluster.runFor(5_000);
  return cluster.trace;
});

transcript('a snapshot of a leader that was never established is replaced by the next', () => {
  const cluster = startedCluster({ membership: threeVotersAndAnObserver, committedLogEntries: 1 });
  cluster.crash(4);
  for (const payload of ['a', 'b', 'c']) {
    cluster.propose(3, payload);
    cluster.settle();
  }
  for (const id of [1, 2]) cluster.server(id).diskHeld = true;
  cluster.propose(3, 'lost');
  cluster.settle();
  for (const id of [1, 2, 3]) cluster.crash(id);
  cluster.forgetTrace();
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
  const cluster = startedCluster({ committedLogEntries: 1 });
  cluster.crash(1);
  for (const payload of ['a', 'b', 'c', 'd']) {
    cluster.propose(3, payload);
    cluster.settle();
  }
  cluster.forgetTrace();
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
  cluster.forgetTrace();
  cluster.start(2);
  cluster.runFor(2_000);
  cluster.propose(1, 'b', 'c');
  cluster.settle();
  return cluster.trace;
});

transcript('a crash between history and current epoch', () => {
  const cluster = startedCluster();
  cluster.crash(1);
  cluster.propose(3, 'a');
  cluster.settle();
  cluster.server(3).diskHeld = false;
  cluster.give(cluster.server(3), { type: 'stepDown', reason: 'a new epoch is wanted' });
  cluster.runFor(1_000);
  cluster.propose(3, 'b');
  cluster.settle();
  cluster.forgetTrace();
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
