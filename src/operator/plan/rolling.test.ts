import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESTART_ANNOTATION } from '../resources/names.ts';
import { condition, live, readyWorld } from './fake-lives.ts';
import type { FakeWorld } from './fake-world.ts';
import type { PlannedEvent } from './model.ts';

function messagesOf(events: readonly PlannedEvent[], reason: string): string[] {
  return events.filter((event) => event.reason === reason).map(({ message }) => message);
}

const CHANGES: Readonly<Record<string, (world: FakeWorld) => void>> = {
  'another image': (world) => world.edit({ image: 'good:2' }),
  'a key of zoo.cfg': (world) => world.edit({ config: { snapCount: 1000 } }),
  'other resources': (world) => world.edit({ resources: { requests: { cpu: '1' } } }),
  'a label of the pods': (world) => world.edit({ podLabels: { team: 'books' } }),
  'kubectl rollout restart': (world) => world.rolloutRestart(),
  'the annotation of the cluster': (world) => world.annotate(RESTART_ANNOTATION, '2026-01-01'),
};

describe('a rolling change', () => {
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`by ${what} restarts every member once, the leader last`, () => {
      const world = readyWorld();
      assert.equal(world.leader, 1);
      change(world);
      const events = live(world);
      assert.deepEqual(world.restarted, ['test-2', 'test-1', 'test-0']);
      assert.deepEqual(world.outdated, []);
      assert.equal(condition(world, 'Ready').status, 'True');
      assert.equal(world.theCluster.status?.updatedReplicas, 3);
      assert.deepEqual(messagesOf(events, 'MemberRestarting'), [
        'Restarting test-2 (follower); 0 of 3 members are updated',
        'Restarting test-1 (follower); 1 of 3 members are updated',
        'Restarting test-0 (leader); 2 of 3 members are updated',
      ]);
      assert.equal(messagesOf(events, 'UpdateStarted').length, 1);
      assert.equal(messagesOf(events, 'UpdateCompleted').length, 1);
      assert.deepEqual(
        events.filter(({ type }) => type === 'Warning'),
        [],
      );
    });
  }

  test('is told while it goes on, and the ensemble stays available', () => {
    const world = readyWorld();
    world.edit({ image: 'good:2' });
    const seen = new Set<string>();
    for (let second = 0; second < 30 && world.restarted.length < 3; second++) {
      live(world, 1);
      const { phase, updatedReplicas } = world.theCluster.status ?? {};
      seen.add(`${phase} ${updatedReplicas}`);
      assert.equal(condition(world, 'Available').status, 'True');
      assert.equal(condition(world, 'Degraded').status, 'False');
    }
    assert.deepEqual([...seen], ['Ready 3', 'Updating 0', 'Updating 1', 'Updating 2'].slice(1));
  });

  test('an annotation that is taken away again restarts nothing', () => {
    const world = readyWorld();
    world.annotate(RESTART_ANNOTATION, '2026-01-01');
    live(world);
    const { metadata } = world.theCluster;
    world.cluster = { ...world.theCluster, metadata: { ...metadata, annotations: {} } };
    live(world);
    assert.equal(world.restarted.length, 3);
  });

  test('of a single member costs a pause, and says so', () => {
    const world = readyWorld({ replicas: 1 });
    world.edit({ image: 'good:2' });
    const events = live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
    const restart = events.find(({ reason }) => reason === 'MemberRestarting');
    assert.equal(restart?.type, 'Warning');
    assert.match(restart.message, /there is no quorum: clients wait until it is back$/);
    const warnings = events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason);
    assert.deepEqual(warnings, ['MemberRestarting'], 'nothing else is wrong');
  });

  test('of a single member is no trouble, wherever the operator dies', () => {
    const world = readyWorld({ replicas: 1 });
    world.rolloutRestart();
    const seen = new Set<string | undefined>();
    for (let life = 0; life < 40; life++) {
      world.reconcile(life % 9);
      world.tick();
      seen.add(world.theCluster.status?.phase);
    }
    assert.deepEqual(world.restarted, ['test-0']);
    assert.deepEqual([...seen], ['Ready', 'Updating']);
  });

  test('of zoo.cfg leaves the members that are not updated yet the one that they have', () => {
    const world = readyWorld();
    const configMaps = () =>
      [...world.objects.keys()].filter((name) => name.startsWith('ConfigMap/test-config-')).length;
    world.edit({ config: { snapCount: 1000 } });
    live(world, 1);
    assert.equal(configMaps(), 2);
    live(world);
    assert.equal(configMaps(), 1);
  });

  test('changed again in the middle goes on to the newest', () => {
    const world = readyWorld();
    world.edit({ image: 'good:2' });
    while (world.restarted.length < 2) live(world, 1);
    world.edit({ image: 'good:3' });
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.equal(world.outdated.length, 0);
  });
});

describe('a rolling change waits', () => {
  test('for a member that is down, whatever the reason', () => {
    const world = readyWorld();
    world.setNode(1, true);
    world.edit({ image: 'good:2' });
    live(world);
    assert.deepEqual(world.restarted, []);
    assert.match(condition(world, 'Progressing').message, /^0 of 2 members are updated|waiting for test-1 \(no pod\)$/);
    world.setNode(1, false);
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('for a member that is far behind', () => {
    const world = readyWorld();
    world.edit({ image: 'good:2' });
    live(world, 1);
    const observed = world.observe();
    const reports = new Map(
      [...observed.reports].map(([name, report]) => [
        name,
        { ...report, lastZxid: name === 'test-1' ? '0x100000001' : '0x10000ffff' },
      ]),
    );
    world.observe = () => ({ ...observed, reports });
    const plan = world.plan();
    assert.ok(!plan.steps.some((step) => step.do === 'delete'));
    const progressing = plan.status?.conditions?.find(({ type }) => type === 'Progressing');
    assert.match(progressing?.message ?? '', /waiting for test-1 \(serving, behind the leader\)$/);
  });

  test('until it is known who leads', () => {
    const world = readyWorld();
    world.edit({ image: 'good:2' });
    live(world, 1);
    const observed = world.observe();
    world.observe = () => ({ ...observed, reports: new Map() });
    assert.ok(!world.plan().steps.some((step) => step.do === 'delete'));
  });

  test('until Kubernetes has the new template', () => {
    const world = readyWorld();
    world.edit({ image: 'good:2' });
    world.reconcile();
    world.reconcile();
    assert.deepEqual(world.restarted, []);
    world.tick();
    world.reconcile();
    assert.deepEqual(world.restarted, ['test-2']);
  });
});

describe('a change that does not work', () => {
  for (const [image, reason] of [
    ['missing:1', 'not ready for over a minute'],
    ['crashing:1', 'CrashLoopBackOff'],
  ] as const) {
    test(`${image} stops at the first member, and heals when the manifest is corrected`, () => {
      const world = readyWorld();
      world.edit({ image });
      const events = live(world, 90);
      assert.deepEqual(world.restarted, ['test-2']);
      assert.equal(condition(world, 'Available').status, 'True');
      assert.equal(condition(world, 'Progressing').reason, 'UpdateStopped');
      assert.equal(condition(world, 'Degraded').status, 'True');
      assert.equal(
        condition(world, 'Degraded').message,
        `1 of 3 members are updated; stopped until test-2 is back (${reason}): correct the manifest or what it needs`,
      );
      assert.equal(messagesOf(events, 'UpdateStopped').length, 1);
      assert.equal(world.theCluster.status?.phase, 'Degraded');

      world.edit({ image: 'good:2' });
      const after = live(world);
      assert.deepEqual(messagesOf(after, 'MemberReplaced').length, 1);
      assert.deepEqual(world.restarted, ['test-2', 'test-1', 'test-0']);
      assert.equal(condition(world, 'Ready').status, 'True');
    });
  }

  test('does not reach a member whose process is only just being started again', () => {
    const world = readyWorld();
    world.edit({ image: 'crashing:1' });
    live(world, 10);
    world.hang('test-1');
    live(world, 20);
    assert.deepEqual([world.restarted, world.outdated.length], [['test-2'], 2]);
  });

  test('everywhere, it heals too: members that serve nobody are all replaced', () => {
    const world = readyWorld();
    world.edit({ image: 'crashing:1' });
    live(world, 4);
    for (const ordinal of [0, 1]) world.killPod(`test-${ordinal}`);
    live(world);
    assert.equal(world.theCluster.status?.phase, 'Unavailable');
    world.edit({ image: 'good:2' });
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('a member that hangs is replaced before all others', () => {
    const world = readyWorld();
    world.hang('test-0');
    world.edit({ image: 'good:2' });
    const events = live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
    assert.match(messagesOf(events, 'MemberRestarting')[0] ?? '', /^Restarting test-0/);
    assert.deepEqual(world.restarted, ['test-2', 'test-1']);
  });

  test('where too few serve, nobody is restarted before it had time to serve again by itself', () => {
    const world = readyWorld();
    world.hang('test-0');
    world.hang('test-1');
    world.edit({ image: 'good:2' });
    live(world, 5);
    assert.equal(world.outdated.length, 3);
    live(world);
    assert.equal(condition(world, 'Ready').status, 'True');
  });
});

test('a member that does not end, as on a lost node, is told of with what would help, and the update as stopped', () => {
  const world = readyWorld();
  const pod = world.pods.get('test-1');
  assert.ok(pod);
  const metadata = { ...pod.metadata, deletionTimestamp: world.now };
  world.pods.set('test-1', { ...pod, metadata, spec: { ...pod.spec, nodeName: 'worker-2' }, fate: 'hangs' });
  world.edit({ image: 'good:2' });
  live(world, 50);
  assert.equal(condition(world, 'Degraded').reason, 'Updating');
  live(world, 30);
  assert.deepEqual(world.restarted, []);
  assert.equal(world.theCluster.status?.phase, 'Degraded');
  const { status, reason, message } = condition(world, 'Degraded');
  assert.deepEqual([status, reason], ['True', 'UpdateStopped']);
  assert.match(message, /test-1 is back \(does not end, as on a node that is lost: .* kubectl delete node worker-2\)/);
  // That ends the pod.
  world.killPod('test-1');
  live(world, 60);
  assert.equal(condition(world, 'Ready').status, 'True');
});
