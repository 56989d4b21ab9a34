import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus } from '../resources/kubernetes.ts';
import { condition, live, readyWorld } from './fake-lives.ts';
import type { FakeWorld } from './fake-world.ts';
import type { PlannedEvent } from './model.ts';

/** A world of three that is to have five; the pod of the fourth is there, and does not work. */
function worldWithJoiner(): FakeWorld {
  const world = readyWorld({ replicas: 3 });
  world.edit({ replicas: 5 });
  for (let second = 0; second < 20 && !world.pods.has('test-3'); second++) live(world, 1);
  world.hang('test-3');
  return world;
}

/** Kubernetes says of the joiner's pod from now on that it fares like this. */
function reportContainer(world: FakeWorld, status: Omit<ContainerStatus, 'name'>): void {
  const observe = world.observe.bind(world);
  world.observe = () => {
    const observed = observe();
    const pods = observed.pods.map((pod) =>
      pod.metadata.name === 'test-3'
        ? { ...pod, status: { ...pod.status, containerStatuses: [{ name: 'server', ...status }] } }
        : pod,
    );
    return { ...observed, pods };
  };
}

function warnings(events: readonly PlannedEvent[]): string[] {
  return events.flatMap(({ type, reason, message }) => (type === 'Warning' ? [`${reason}: ${message}`] : []));
}

const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const ended = (message: string) => ({ lastState: { terminated: { exitCode: 3, message } } });

const CAUSES: Readonly<Record<string, readonly [status: Omit<ContainerStatus, 'name'>, told: RegExp]>> = {
  'whose disk is full': [
    { ...waiting('CrashLoopBackOff'), ...ended('ZK_STORAGE_FAILED: write: ENOSPC: no space left on device') },
    /ENOSPC.*raise spec\.storage\.size, where the StorageClass can expand volumes, or set replicas back to 3$/,
  ],
  'whose image cannot be pulled': [
    { ...waiting('ImagePullBackOff'), image: 'missing:1' },
    /ImagePullBackOff of missing:1.*name an image in spec\.image that the nodes can pull/,
  ],
  'that ends for another reason': [
    { ...waiting('CrashLoopBackOff'), ...ended('ZK_SOMETHING: went wrong') },
    /went wrong.*see kubectl logs test-3, or set replicas back to 3$/,
  ],
};

for (const [what, [status, told]] of Object.entries(CAUSES)) {
  test(`a joiner ${what} is told of, once, with what would help`, () => {
    const world = worldWithJoiner();
    reportContainer(world, status);
    const [event, ...more] = warnings(live(world));
    assert.match(event ?? '', /^JoinStalled: Test-3 does not get in \(/);
    assert.match(event ?? '', told);
    assert.deepEqual(more, []);
    for (const type of ['Scaling', 'Ready', 'Accepted'] as const) {
      const { status: value, reason, message } = condition(world, type);
      assert.deepEqual([value, reason], ['False', 'JoinStalled']);
      assert.match(message, told);
    }
    assert.deepEqual([condition(world, 'Available').status, condition(world, 'Degraded').status], ['True', 'False']);
  });
}

test('a joiner that hangs is given as long as a leader waits for it, and a minute', () => {
  const world = worldWithJoiner();
  assert.deepEqual(warnings(live(world, 70)), []);
  assert.equal(condition(world, 'Scaling').status, 'True');
  assert.match(warnings(live(world, 20))[0] ?? '', /^JoinStalled: .*\(not ready for over a minute\)/);
});

test('a joiner without a pod is told of as Kubernetes tells why', () => {
  const world = readyWorld({ replicas: 3 });
  world.setNode(3, true);
  const observe = world.observe.bind(world);
  const refusals = new Map([['test-3', 'pods "test-3" is forbidden: exceeded quota: small']]);
  world.observe = () => ({ ...observe(), refusals });
  world.edit({ replicas: 5 });
  assert.match(
    warnings(live(world))[0] ?? '',
    /^JoinStalled: .*\(no pod: .*exceeded quota: small\).*raise the ResourceQuota/,
  );
});

test('an observer that does not get in is told of too', () => {
  const world = readyWorld({ replicas: 3 });
  world.edit({ observers: { replicas: 1 } });
  live(world, 1);
  world.tick();
  world.hang('test-observer-9');
  assert.match(warnings(live(world, 100))[0] ?? '', /^JoinStalled: .*or lower observers\.replicas \(1\)$/);
});

test('put right, it goes on by itself', () => {
  const world = worldWithJoiner();
  live(world, 100);
  assert.equal(condition(world, 'Scaling').reason, 'JoinStalled');
  world.killPod('test-3');
  live(world);
  assert.deepEqual(world.voters, [1, 2, 3, 4, 5]);
  assert.equal(condition(world, 'Ready').status, 'True');
});
