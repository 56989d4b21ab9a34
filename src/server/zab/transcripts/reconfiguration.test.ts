import type { ServerId } from '../../../common/types.ts';
import { makeZxid } from '../../../common/zxid.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { Agreement } from '../testing/agreement.ts';
import { startedCluster, type Cluster, type ClusterOptions } from '../testing/cluster.ts';
import { configurationText } from '../testing/configurations.ts';
import { transcriptsIn } from '../testing/transcript.ts';

const transcript = transcriptsIn('reconfiguration');

/** A cluster with a leader, whose configuration may be changed: these voters, and servers that learn without a vote. */
function changeable(
  voters: readonly ServerId[] = [1, 2, 3],
  { others = [4, 5], observers = [], ...options }: Partial<ClusterOptions> & { observers?: readonly ServerId[] } = {},
): Cluster {
  const membership = readMembership(configurationText(voters, makeZxid(1, 0), observers));
  const cluster = startedCluster({ membership, others, ...options });
  cluster.forgetTrace();
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

transcript('a reconfiguration is not committed by a quorum of the new configuration alone', () => {
  const agreement = new Agreement();
  const cluster = changeable([1, 2, 3], { check: (server, began) => agreement.check(server, began) });
  // All of the new configuration on one side, a quorum of the old one on the other: only one of them may acknowledge writes.
  for (const there of [3, 4, 5]) for (const here of [1, 2]) cluster.cut(here, there);
  cluster.reconfigure(3, [3, 4, 5]);
  cluster.propose(3, 'a');
  cluster.runFor(1_500);
  cluster.propose(2, 'b');
  cluster.settle();
  cluster.heal();
  cluster.runFor(5_000);
  return cluster.trace;
});

transcript(
  'who has logged a reconfiguration and was not told that it is committed does not lead without its quorum',
  () => {
    const agreement = new Agreement();
    const cluster = changeable([1, 2, 3], { check: (server, began) => agreement.check(server, began) });
    const leader = cluster.server(3);
    for (const id of [3, 5]) cluster.server(id).diskHeld = true;
    cluster.reconfigure(3, [2, 3, 4, 5]);
    cluster.settle();
    cluster.note('server 3 has it on disk, commits it, and cannot tell 1 and 2, a quorum of the old configuration');
    const ticket = leader.disk.work();
    if (ticket !== undefined) cluster.give(leader, { type: 'persisted', ticket });
    for (const there of [3, 4, 5]) for (const here of [1, 2]) cluster.cut(here, there);
    for (const id of [3, 5]) cluster.server(id).diskHeld = false;
    cluster.propose(3, 'a');
    cluster.runFor(1_500);
    cluster.heal();
    cluster.runFor(4_000);
    return cluster.trace;
  },
);

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
  const cluster = changeable([1], { others: [2] });
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
  const cluster = changeable([1, 2, 3], { others: [], observers: [4] });
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
