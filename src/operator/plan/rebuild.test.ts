import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mayBegin } from '../resources/backup/restore.ts';
import { condition, conditionOf, liveOn, liveUnderWrites as live, readyWorld } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';

const LOSSES: Readonly<Record<string, (world: FakeWorld, name: string) => void>> = {
  'whose volume is lost': (world, name) => world.losePersistentVolume(`data-${name}`),
  'whose data are damaged': (world, name) => world.damage(name),
};

for (const [what, lose] of Object.entries(LOSSES)) {
  describe(`a member ${what}`, () => {
    test('is rebuilt from the others', () => {
      const world = readyWorld({ replicas: 3 });
      const uid = world.claims.get('data-test-1')?.metadata.uid;
      lose(world, 'test-1');
      live(world);
      assert.notEqual(world.claims.get('data-test-1')?.metadata.uid, uid);
      assert.equal(conditionOf(world, 'Ready')?.status, 'True');
    });

    test('is rebuilt wherever the operator dies', () => {
      for (let writes = 1; writes < 15; writes++) {
        const world = readyWorld({ replicas: 3 });
        lose(world, 'test-1');
        // Kubernetes has made another pod by then.
        world.tick();
        world.reconcile(writes);
        live(world);
        assert.equal(conditionOf(world, 'Ready')?.status, 'True', `it dies after ${writes} writes`);
      }
    });

    test('waits until there is a quorum of others, so that nothing that was acknowledged is lost', () => {
      const world = readyWorld({ replicas: 5 });
      for (const name of ['test-0', 'test-2']) world.hang(name);
      lose(world, 'test-1');
      live(world);
      assert.equal(world.serving.length, 0);
      assert.match(conditionOf(world, 'Degraded')?.message ?? '', /^test-1 cannot be rebuilt .*: no leader serves/);
      world.killPod('test-0');
      live(world);
      assert.ok(world.serving.includes('test-1'), 'three others are a quorum of five');
    });

    test('that is the only one is left alone: there is nobody to have its data from', () => {
      const world = readyWorld({ replicas: 1 });
      lose(world, 'test-0');
      live(world);
      assert.match(
        conditionOf(world, 'Degraded')?.message ?? '',
        /there is no other voter to have its data from; bring the volume back, or make the cluster anew from a backup$/,
      );
      assert.equal(world.claims.size, 1);
    });
  });
}

test('a member whose data are damaged is rebuilt also where a proxy runs beside it that has ended before', () => {
  const world = readyWorld({ replicas: 3 });
  const observe = world.observe.bind(world);
  const proxy = { name: 'proxy', state: { running: {} }, lastState: { terminated: { exitCode: 137 } } };
  world.observe = () => {
    const observed = observe();
    const pods = observed.pods.map((pod) => ({
      ...pod,
      spec: { ...pod.spec, initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] },
      status: { ...pod.status, initContainerStatuses: [proxy] },
    }));
    return { ...observed, pods };
  };
  world.damage('test-1');
  live(world);
  assert.equal(condition(world, 'Ready').status, 'True', condition(world, 'Ready').message);
});

test('two that are lost in five are rebuilt one after the other', () => {
  const world = readyWorld({ replicas: 5 });
  world.damage('test-1');
  world.losePersistentVolume('data-test-3');
  const missing: number[] = [];
  for (let second = 0; second < 40; second++) {
    live(world, 1);
    missing.push([...world.disks.values()].filter(({ newest }) => newest === undefined).length);
  }
  assert.equal(Math.max(...missing), 1);
  assert.equal(conditionOf(world, 'Ready')?.status, 'True');
});

test('no volume is made anew while Kubernetes would make a pod for it that may begin with an empty tree', () => {
  const world = new FakeWorld();
  // The operator has died right after it recorded the end of the bootstrap.
  while (world.theCluster.status?.bootstrap?.phase !== 'Completed') liveOn(world, 1);
  assert.ok(world.statefulSet !== undefined && mayBegin(world.statefulSet.spec.template));
  world.damage('test-1');
  assert.ok(!world.plan().steps.some((step) => step.do === 'delete'));
  world.reconcile();
  assert.match(condition(world, 'Degraded').message, /^test-1 is rebuilt .* once Kubernetes has the new template/);
  live(world);
  assert.equal(condition(world, 'Ready').status, 'True');
});

test('a volume that somebody deletes is only made anew once its member does not serve', () => {
  const world = readyWorld({ replicas: 3 });
  const uid = world.claims.get('data-test-1')?.metadata.uid;
  world.deleteClaim('data-test-1');
  live(world);
  assert.equal(world.claims.get('data-test-1')?.metadata.uid, uid);
  world.hang('test-1');
  live(world, 30);
  assert.notEqual(world.claims.get('data-test-1')?.metadata.uid, uid);
  assert.equal(conditionOf(world, 'Ready')?.status, 'True');
});

test('a volume that no node can use now is kept, with what would help, until somebody gives it up', () => {
  const world = readyWorld({ replicas: 3 });
  const uid = world.claims.get('data-test-1')?.metadata.uid;
  const observe = world.observe.bind(world);
  world.observe = () => ({ ...observe(), unreachableClaims: new Set(['data-test-1']) });
  world.hang('test-1');
  live(world, 30);
  assert.equal(world.claims.get('data-test-1')?.metadata.uid, uid);
  const { reason, message } = condition(world, 'Degraded');
  assert.equal(reason, 'RebuildingMember');
  assert.match(
    message,
    /^test-1 waits for a node that can use .*: bring one back, or .*\(kubectl delete pvc data-test-1\)/,
  );
  world.deleteClaim('data-test-1');
  world.observe = observe;
  live(world, 30);
  assert.notEqual(world.claims.get('data-test-1')?.metadata.uid, uid);
  assert.equal(condition(world, 'Ready').status, 'True');
});

test('a volume whose labels somebody took away is not lost: no pod that waits for it is deleted again and again', () => {
  const world = readyWorld({ replicas: 3 });
  const observe = world.observe.bind(world);
  world.kubernetes.pods.set('test-1', { ...podOf(world, 'test-1'), status: { phase: 'Pending' }, fate: 'pending' });
  const uid = podOf(world, 'test-1').metadata.uid;
  world.observe = () => {
    const observed = observe();
    const claims = observed.claims.filter(({ metadata }) => metadata.name !== 'data-test-1');
    return { ...observed, claims, foreignClaims: new Set(['data-test-1']) };
  };
  live(world, 10);
  assert.equal(podOf(world, 'test-1').metadata.uid, uid);
});

function podOf(world: FakeWorld, name: string) {
  const pod = world.pods.get(name);
  assert.ok(pod, `${name} exists`);
  return pod;
}
