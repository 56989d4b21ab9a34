import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MembershipStatus } from '../../api/coordination-cluster.ts';
import { TEMPLATE_ANNOTATION } from '../resources/names.ts';
import { condition, liveUnderWrites as live, readyWorld } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';
import type { MemberReport, PlannedEvent } from './model.ts';

const storage = { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Delete' } as const;

const claimsOf = (world: FakeWorld): string[] => [...world.claims.keys()].sort();

describe('scaling', () => {
  test('up, down and up again: by the ensemble’s agreement, one voter at a time, onto the kept volumes', () => {
    const world = readyWorld({ replicas: 1 });
    for (const replicas of [3, 5, 3, 1, 5]) {
      world.edit({ replicas });
      const events = live(world);
      assert.deepEqual(world.voters, [1, 2, 3, 4, 5].slice(0, replicas));
      assert.equal(world.pods.size, replicas);
      assert.equal(condition(world, 'Ready').status, 'True');
      assert.equal(condition(world, 'Scaling').reason, 'AsDeclared');
      assert.equal(world.theCluster.status?.readiness, `${replicas}/${replicas}`);
      assert.deepEqual(world.theCluster.status.membership?.voters, world.voters);
      assert.deepEqual(
        events.filter(({ type }) => type === 'Warning'),
        [],
      );
    }
    assert.deepEqual(world.restarted, []);
    assert.equal(world.claims.size, 5);
  });

  test('down right behind a write leaves a voter that has it', () => {
    const world = readyWorld();
    assert.ok(world.write());
    world.edit({ replicas: 1 });
    for (let look = 0; look < 4; look++) world.reconcile();
    assert.deepEqual(world.voters, [1]);
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('works for an ensemble of an earlier operator, once its members are updated', () => {
    const world = readyWorld({ replicas: 3 });
    const { membership: _, ...status } = world.theCluster.status ?? {};
    world.cluster = { ...world.theCluster, status };
    const set = world.statefulSet;
    assert.ok(set);
    world.kubernetes.changeSet({ ...set, metadata: { ...set.metadata, annotations: {} } });
    for (const [name, pod] of world.pods) {
      world.pods.set(name, {
        ...pod,
        metadata: { ...pod.metadata, annotations: { [TEMPLATE_ANNOTATION]: 'earlier' } },
      });
    }
    const observe = world.observe.bind(world);
    world.observe = () => {
      const observed = observe();
      const withoutConfiguration = ([name, report]: [string, MemberReport]): [string, MemberReport] =>
        world.outdated.includes(name) ? [name, { ...report, configuration: undefined }] : [name, report];
      return { ...observed, reports: new Map([...observed.reports].map(withoutConfiguration)) };
    };
    world.edit({ replicas: 5 });
    live(world);
    assert.deepEqual(world.restarted.toSorted(), ['test-0', 'test-1', 'test-2']);
    assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('of a server that is too old is refused, with what to write', () => {
    const world = readyWorld({ replicas: 3 });
    const { membership: _, ...status } = world.theCluster.status ?? {};
    world.cluster = { ...world.theCluster, status };
    const observe = world.observe.bind(world);
    world.observe = () => {
      const observed = observe();
      const reports = [...observed.reports].map(
        ([name, report]) => [name, { ...report, configuration: undefined }] as const,
      );
      return { ...observed, reports: new Map(reports) };
    };
    world.edit({ replicas: 5 });
    live(world, 5);
    assert.equal(condition(world, 'Accepted').reason, 'ServerTooOld');
    assert.match(condition(world, 'Scaling').message, /version 0\.1\.0, .* take spec\.image away or name a newer one/);
    assert.equal(world.statefulSet?.spec.replicas, 3);
  });

  test('tells each step, and that it is under way', () => {
    const world = readyWorld({ replicas: 1 });
    world.edit({ replicas: 3 });
    const phases = new Set<string>();
    const events: PlannedEvent[] = [];
    for (let second = 0; second < 30; second++) {
      events.push(...live(world, 1));
      phases.add(world.theCluster.status?.phase ?? '');
    }
    assert.deepEqual([...phases], ['Scaling', 'Ready']);
    assert.deepEqual(
      events.filter(({ reason }) => reason === 'MemberJoining').map(({ message }) => message),
      ['test-1 has synchronized and gets a vote: 2 voters', 'test-2 has synchronized and gets a vote: 3 voters'],
    );
  });

  test('the target may change in the middle, in either direction', () => {
    const world = readyWorld({ replicas: 3 });
    world.edit({ replicas: 5 });
    for (let second = 0; second < 20 && world.voters.length < 4; second++) live(world, 1);
    live(world, 1);
    assert.ok(world.pods.has('test-4'), 'the fifth is on its way');
    world.edit({ replicas: 3 });
    live(world);
    assert.deepEqual([world.voters, world.pods.size], [[1, 2, 3], 3]);
    world.edit({ replicas: 1 });
    live(world, 2);
    world.edit({ replicas: 5 });
    live(world);
    assert.deepEqual([world.voters, world.pods.size], [[1, 2, 3, 4, 5], 5]);
  });

  test('a request that was lost is made again, one that was not is not repeated', () => {
    const world = readyWorld({ replicas: 3 });
    world.requestsLost = 3;
    world.edit({ replicas: 5 });
    live(world);
    assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
  });

  test('the leader leaves like any other', () => {
    const world = readyWorld({ replicas: 3 });
    world.tick();
    world.ensemble.leader = 3;
    world.tick();
    assert.equal(world.leader, 3);
    world.edit({ replicas: 1 });
    live(world);
    assert.deepEqual([world.voters, world.pods.size], [[1], 1]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('deletes the volumes of who left, where the manifest says so, and waits for it before one comes back', () => {
    const world = readyWorld({ replicas: 5, storage });
    world.edit({ replicas: 1 });
    live(world);
    assert.deepEqual(claimsOf(world), ['data-test-0']);
    world.edit({ replicas: 3 });
    live(world);
    assert.deepEqual(world.voters, [1, 2, 3]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('a member that does not synchronize gets no vote, and is taken back', () => {
    const world = readyWorld({ replicas: 3 });
    world.edit({ replicas: 5 });
    for (let second = 0; second < 20 && !world.pods.has('test-3'); second++) live(world, 1);
    world.hang('test-3');
    live(world, 90);
    assert.deepEqual(world.voters, [1, 2, 3]);
    const { status, reason, message } = condition(world, 'Scaling');
    assert.deepEqual([status, reason], ['False', 'JoinStalled']);
    assert.match(message, /^test-3 does not get in \(not ready for over a minute\); .*, or set replicas back to 3$/);
    assert.equal(world.theCluster.status?.phase, 'Scaling');
    assert.equal(condition(world, 'Available').status, 'True');
    assert.equal(condition(world, 'Degraded').status, 'False');
    world.edit({ replicas: 3 });
    live(world);
    assert.equal(world.statefulSet?.spec.replicas, 3);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('goes on with the update first, and then by itself', () => {
    const world = readyWorld({ replicas: 3 });
    world.edit({ replicas: 5, image: 'good:2' });
    live(world, 3);
    assert.equal(world.statefulSet?.spec.replicas, 3);
    live(world);
    assert.deepEqual([world.restarted.length, world.voters.length], [3, 5]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('does not shrink because nobody answers', () => {
    const world = readyWorld({ replicas: 5 });
    world.edit({ replicas: 3 });
    const observe = world.observe.bind(world);
    world.observe = () => ({ ...observe(), reports: new Map() });
    live(world);
    assert.equal(world.statefulSet?.spec.replicas, 5);
    assert.match(condition(world, 'Scaling').message, /waiting for a leader/);
  });

  test('does not take a member’s pod away that joined right before the operator died and everybody fell silent', () => {
    const world = readyWorld({ replicas: 3 });
    world.edit({ replicas: 5 });
    for (let second = 0; second < 20 && world.voters.length < 4; second++) {
      world.tick();
      const { steps } = world.plan();
      const joining = steps.findIndex((step) => step.do === 'reconfigure' && step.joining?.includes('server.4='));
      world.reconcile(joining === -1 ? Infinity : joining + 1);
    }
    assert.deepEqual([world.voters.length, world.theCluster.status?.membership?.voters.length], [4, 3]);
    const observe = world.observe.bind(world);
    world.observe = () => ({ ...observe(), reports: new Map() });
    live(world);
    assert.equal(world.statefulSet?.spec.replicas, 4);
    world.observe = observe;
    live(world);
    assert.equal(world.voters.length, 5);
  });

  test('survives hibernation in the middle', () => {
    const world = readyWorld({ replicas: 1 });
    world.edit({ replicas: 3 });
    for (let second = 0; second < 20 && world.voters.length < 2; second++) {
      world.reconcile();
      world.tick();
    }
    world.edit({ hibernated: true });
    live(world);
    assert.equal(world.pods.size, 0);
    world.edit({ hibernated: false });
    live(world);
    assert.deepEqual(world.voters, [1, 2, 3]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('a cluster that is made again goes on with every volume, and has the size of its manifest in the end', () => {
    const world = readyWorld({ replicas: 5 });
    world.edit({ replicas: 3 });
    live(world);
    world.delete();
    world.reconcile();
    world.create({ replicas: 3 });
    live(world);
    assert.deepEqual([world.voters, world.pods.size], [[1, 2, 3], 3]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });
});

describe('a step that would endanger the quorum', () => {
  for (const replicas of [1, 5]) {
    test(`to ${replicas} is refused while a member that stays is missing, and done once it is back`, () => {
      const world = readyWorld({ replicas: 3 });
      world.hang('test-0');
      live(world, 15);
      world.edit({ replicas });
      const events = live(world, 15);
      assert.deepEqual(world.voters, [1, 2, 3]);
      assert.equal(condition(world, 'Accepted').reason, 'QuorumEndangered');
      assert.match(condition(world, 'Scaling').message, /test-0 .* is missing: .* or set replicas back to 3$/);
      assert.equal(events.filter(({ reason }) => reason === 'QuorumEndangered').length, 1);
      world.killPod('test-0');
      live(world);
      assert.equal(world.voters.length, replicas);
      assert.equal(condition(world, 'Ready').status, 'True');
    });
  }

  test('also where those who remain would still be a quorum, with nobody to spare', () => {
    const world = readyWorld({ replicas: 5 });
    world.hang('test-0');
    live(world, 15);
    world.edit({ replicas: 3 });
    live(world, 15);
    assert.equal(world.voters.length, 5);
    assert.match(condition(world, 'Scaling').message, /^taking test-4 out .* test-0 .* or set replicas back to 5$/);
  });

  test('is none where those leave who are missing: they go first', () => {
    const world = readyWorld({ replicas: 5 });
    world.setNode(3, true);
    live(world, 15);
    world.edit({ replicas: 3 });
    const events = live(world);
    assert.deepEqual([world.voters, world.pods.size], [[1, 2, 3], 3]);
    const left = events.filter(({ reason }) => reason === 'MemberLeaving').map(({ message }) => message);
    assert.match(left[0] ?? '', /^Taking test-3 out of the ensemble, which is missing \(no pod\): 4 voters remain/);
  });
});

describe('observers', () => {
  test('come and go on their own, and count in no quorum', () => {
    const world = readyWorld({ replicas: 3 });
    world.edit({ observers: { replicas: 2 } });
    live(world);
    assert.deepEqual(world.ensemble.committed?.observers, [10, 11]);
    assert.equal(world.theCluster.status?.observerReadiness, '2/2');
    assert.deepEqual(
      world.theCluster.status?.members?.map(({ name, id, role, voting, ready }) =>
        voting === true ? [name, id, ready] : [name, id, ready, role],
      ),
      [
        ['test-0', 1, true],
        ['test-1', 2, true],
        ['test-2', 3, true],
        ['test-observer-9', 10, true, 'observer'],
        ['test-observer-10', 11, true, 'observer'],
      ],
    );
    world.edit({ replicas: 5, observers: { replicas: 1 } });
    live(world);
    assert.deepEqual([world.voters.length, world.ensemble.committed.observers], [5, [10]]);
    world.edit({ observers: { replicas: 0 } });
    live(world);
    assert.deepEqual([world.pods.size, world.objects.has('StatefulSet/test-observer')], [5, false]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('leave once an update that goes on is over: members that do not know a new password yet would refuse it', () => {
    const world = readyWorld({ replicas: 3, observers: { replicas: 1 } });
    world.deleteSecret();
    world.edit({ observers: { replicas: 0 } });
    for (let second = 0; second < 60; second++) {
      if (world.plan().steps.some((step) => step.do === 'reconfigure')) assert.equal(world.restarted.length, 4);
      live(world, 1);
    }
    assert.equal(world.pods.size, 3);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('leave during an update that does not go on', () => {
    const world = readyWorld({ replicas: 3, observers: { replicas: 1 } });
    world.edit({ image: 'crashing:1', observers: { replicas: 0 } });
    live(world, 60);
    assert.equal(world.objects.has('StatefulSet/test-observer'), false);
    assert.equal(world.theCluster.status?.phase, 'Degraded');
  });

  test('are updated before the voters', () => {
    const world = readyWorld({ replicas: 3, observers: { replicas: 1 } });
    world.edit({ image: 'good:2' });
    live(world);
    assert.deepEqual(world.restarted, ['test-observer-9', 'test-2', 'test-1', 'test-0']);
  });

  test('that are missing keep no voter from joining', () => {
    const world = readyWorld({ replicas: 3, observers: { replicas: 1 } });
    world.setNode(9, true);
    world.edit({ replicas: 5 });
    live(world);
    assert.equal(world.voters.length, 5);
    assert.equal(condition(world, 'Degraded').status, 'True');
    world.edit({ observers: { replicas: 0 } });
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });
});

describe('a configuration in the status that is newer than what the leader tells', () => {
  const recorded = (world: FakeWorld, membership: MembershipStatus): void => {
    const { status = {} } = world.theCluster;
    world.cluster = { ...world.theCluster, status: { ...status, membership } };
  };

  test('is no longer believed once its own voters serve by an older one: their volumes were put back', () => {
    const world = readyWorld();
    recorded(world, { version: 'ffff', voters: [1, 2, 3, 4, 5], observers: [] });
    world.edit({ replicas: 5 });
    live(world, 60);
    assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('is believed as long as too few of its voters serve: the others may know it', () => {
    const world = readyWorld();
    recorded(world, { version: 'ffff', voters: [1, 4, 5], observers: [] });
    for (const ordinal of [3, 4]) world.setNode(ordinal, true);
    world.edit({ replicas: 5 });
    live(world, 20);
    assert.deepEqual(world.voters, [1, 2, 3]);
    assert.match(condition(world, 'Scaling').message, /^waiting for a leader/);
    for (const ordinal of [3, 4]) world.setNode(ordinal, false);
    live(world, 60);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('means nothing where it came along with the status of another life', () => {
    const before = readyWorld();
    recorded(before, { version: 'ffff', voters: [1, 2, 3], observers: [] });
    const { bootstrap, ...status } = before.theCluster.status ?? {};
    assert.ok(bootstrap);
    const world = new FakeWorld({ replicas: 1 });
    world.cluster = { ...world.theCluster, status: { ...status, bootstrap: { ...bootstrap, id: 'another' } } };
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.deepEqual(world.theCluster.status?.membership?.voters, [1]);
  });

  test('means nothing where it is no version', () => {
    const world = readyWorld();
    recorded(world, { version: 'of tomorrow', voters: [1], observers: [] });
    world.edit({ replicas: 5 });
    live(world, 60);
    assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
  });
});
