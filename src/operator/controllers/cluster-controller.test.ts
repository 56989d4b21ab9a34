import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Condition } from '../../api/common-schemas.ts';
import {
  COORDINATION_CLUSTER,
  coordinationClusterStatus,
  type CoordinationCluster,
  type CoordinationClusterStatus,
} from '../../api/coordination-cluster.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { DeletePreconditions, KubeClient } from '../kube/client.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { liveOn, readyWorld } from '../plan/fake-lives.ts';
import { FakeWorld } from '../plan/fake-world.ts';
import { KINDS, type PersistentVolumeClaim, type Pod } from '../resources/kubernetes.ts';
import { ClusterController } from './cluster-controller.ts';
import { fakeCaches } from './fake-caches.ts';
import type { CachedKind } from './observe.ts';

/** A cluster whose next look restarts a member: its manifest was changed, and everybody serves. */
function worldBeforeRestart(): FakeWorld {
  const world = new FakeWorld();
  const live = () => {
    world.reconcile();
    world.tick();
  };
  for (let second = 0; second < 8; second++) live();
  world.edit({ image: 'good:2' });
  live();
  return world;
}

/** A controller whose caches show the world as it is, and whose API server lists these. */
function controllerOf(world: FakeWorld, listed: readonly (Pod | PersistentVolumeClaim)[], refusal?: ApiRefusal) {
  const deleted: (DeletePreconditions & { readonly name: string })[] = [];
  const told: string[] = [];
  const statuses: CoordinationClusterStatus[] = [];
  const applied: KubeObject[] = [];
  const { statefulSet, superUser, existing, pods, claims, reports } = world.observe();
  const secret = existing.find(({ kind }) => kind === 'Secret');
  const cached = (kind: CachedKind): Map<string, KubeObject> => {
    const objects: KubeObject[] = [...existing, ...pods, ...claims]
      .filter((object) => object.kind === kind)
      .map((object) => Object.assign({}, object, { metadata: { ...object.metadata, namespace: 'default' } }));
    return new Map(objects.map((object) => [`default/${object.metadata.name}`, object]));
  };
  const client = {
    now: () => new Date(),
    get: async ({ plural }: ResourceType, _: string, name: string) => {
      if (plural === COORDINATION_CLUSTER.plural) return world.theCluster;
      // Of another version of the operator.
      if (plural === KINDS.CoordinationBackup.plural) return { metadata: { name }, spec: 'in other words' };
      if (plural === KINDS.Secret.plural)
        return secret && { ...secret, data: { password: btoa(superUser?.password ?? '') } };
      return plural === KINDS.StatefulSet.plural && name === 'test' ? statefulSet : undefined;
    },
    list: async () => ({ items: listed, resourceVersion: '1' }),
    apply: async (_: unknown, object: KubeObject) => {
      if (refusal !== undefined) throw refusal;
      applied.push(object);
      return object;
    },
    create: async ({ plural }: ResourceType, object: KubeObject & { readonly reason?: string }) => {
      if (plural === 'events') told.push(object.reason ?? '');
      return object;
    },
    mergePatch: async () => {
      throw new ApiRefusal('patch', 403, { message: 'this class cannot expand volumes' });
    },
    delete: async (_: unknown, __: string, name: string, preconditions: DeletePreconditions) =>
      void deleted.push({ name, ...preconditions }),
  } as unknown as KubeClient;
  const controller = new ClusterController({
    sources: {
      client,
      caches: fakeCaches(cached),
      readMembers: async () => reports,
    },
    client,
    resource: {
      setStatus: async (_, status) => (statuses.push(status), '2'),
      setFinalizers: async () => '2',
      confirm: async () => '1',
    },
    events: new EventRecorder(client, 'operator', 'operator-0', silentLogger),
    reconfigure: async () => ({ result: 'done' }),
    settings: { defaultImage: 'zabkeeper:test' },
    logger: silentLogger,
  });
  return { controller, deleted, told, statuses, applied };
}

test('restarts exactly the pod that the API server has', async () => {
  const world = worldBeforeRestart();
  const { controller, deleted } = controllerOf(world, [...world.pods.values()]);
  await controller.reconcile('default/test');
  const { uid, resourceVersion } = world.pods.get('test-2')?.metadata ?? {};
  assert.deepEqual(deleted, [{ name: 'test-2', uid, resourceVersion }]);
});

test('restarts nobody on what only a stale cache says', async () => {
  const world = worldBeforeRestart();
  // Somebody else has deleted this one a moment ago, and the cache does not know.
  const listed = [...world.pods.values()].filter(({ metadata }) => metadata.name !== 'test-1');
  const { controller, deleted } = controllerOf(world, listed);
  await controller.reconcile('default/test');
  assert.deepEqual(deleted, []);
});

test('ends no pod on what only a stale cache says of its volume', async () => {
  const world = readyWorld();
  world.edit({ hibernated: true });
  // Somebody has deleted them a moment ago: they would go with their pods.
  const listed = [...world.claims.values()].map((claim) =>
    Object.assign({}, claim, { metadata: { ...claim.metadata, deletionTimestamp: world.now } }),
  );
  const { controller, applied, statuses } = controllerOf(world, [...world.pods.values(), ...listed]);
  await controller.reconcile('default/test');
  assert.deepEqual(applied, []);
  assert.equal(statuses[0]?.phase, 'Refused');
});

test('a cluster is not begun with a backup that is not understood, and says so', async () => {
  const world = new FakeWorld({ bootstrap: { restore: { backup: { name: 'monday' } } } });
  const { controller, told, statuses } = controllerOf(world, []);
  await controller.reconcile('default/test');
  assert.deepEqual(told, ['RestoreRefused']);
  const accepted = statuses[0]?.conditions?.find(({ type }) => type === 'Accepted');
  assert.match(
    accepted?.message ?? '',
    /does not understand CoordinationBackup monday \(.*spec: .*\): install operator/,
  );
});

test('a step that is refused for good is told once, and no condition says that anything goes on', async () => {
  const world = new FakeWorld();
  liveOn(world, 2);
  const refusal = new ApiRefusal('apply', 422, { message: 'StatefulSet "test" is invalid: affinity' });
  const first = controllerOf(world, [], refusal);
  const { requeueAfterMs } = await first.controller.reconcile('default/test');
  assert.equal(requeueAfterMs, 15_000);
  assert.deepEqual(first.told, ['StepRefused']);
  const [status] = first.statuses;
  assert.ok(status);
  assert.equal(status.phase, 'Refused');
  for (const type of ['Ready', 'Accepted', 'Progressing']) {
    const condition: Condition | undefined = status.conditions?.find((one) => one.type === type);
    assert.equal(condition?.status, 'False', type);
    assert.match(
      condition.message,
      /^applying Service test-peers was refused: StatefulSet "test" is invalid: affinity$/,
      type,
    );
  }
  world.cluster = { ...world.theCluster, status };
  const second = controllerOf(world, [], refusal);
  await second.controller.reconcile('default/test');
  assert.deepEqual([second.told, second.statuses], [[], []]);
});

test('whatever the API server says of a step, and members of themselves, the status is one that it takes', async () => {
  const world = new FakeWorld();
  liveOn(world, 2);
  const words = 'spec.template.spec.affinity: Invalid value '.repeat(200);
  const { controller, statuses } = controllerOf(world, [], new ApiRefusal('apply', 422, { message: words }));
  await controller.reconcile('default/test');
  coordinationClusterStatus.parse(statuses[0]);

  const large = new FakeWorld({ replicas: 9, observers: { replicas: 16 } });
  liveOn(large, 60);
  for (const [name, pod] of large.pods) {
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: words };
    large.pods.set(name, { ...pod, fate: 'hangs', status: { phase: 'Pending', conditions: [unscheduled] } });
  }
  coordinationClusterStatus.parse(large.plan().status);
});

describe('volumes that cannot grow', () => {
  const larger = { size: '2Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } as const;

  test('are told of once; the status says so, and that something is wrong', async () => {
    const world = readyWorld({ storage: { size: '1Gi' } });
    world.edit({ storage: larger });
    const first = controllerOf(world, []);
    await first.controller.reconcile('default/test');
    const [status] = first.statuses;
    assert.ok(status);
    assert.equal(status.phase, 'Refused');
    const ready = status.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(ready?.reason, 'VolumeExpansionRefused');
    assert.match(ready.message, /^expanding volume data-test-0 to 2Gi was refused: this class cannot expand volumes; /);
    assert.deepEqual(
      first.told,
      Array.from({ length: 3 }, () => 'VolumeExpansionRefused'),
    );
    world.cluster = { ...world.theCluster, status };
    const second = controllerOf(world, []);
    await second.controller.reconcile('default/test');
    assert.deepEqual([second.told, second.statuses], [[], []]);
  });

  test('keep no bootstrap from coming to its end, and no look from following soon', async () => {
    const world = new FakeWorld({ storage: { size: '1Gi' } });
    for (let second = 0; second < 10 && world.serving.length < 3; second++) liveOn(world, 1);
    assert.equal(world.theCluster.status?.bootstrap?.phase, 'Started');
    world.edit({ storage: larger });
    const { controller, statuses } = controllerOf(world, [...world.claims.values()]);
    const { requeueAfterMs } = await controller.reconcile('default/test');
    assert.equal(statuses[0]?.bootstrap?.phase, 'Completed');
    assert.equal(requeueAfterMs, 0);
  });
});

test('what another version has written into the status keeps it from nothing, but for what it must not misunderstand', async () => {
  const changed = (status: object): FakeWorld => {
    const world = worldBeforeRestart();
    const before = world.theCluster;
    const newer: unknown = { ...before, status: { ...before.status, ...status } };
    world.cluster = newer as CoordinationCluster;
    return world;
  };
  const world = changed({ phase: 'Pondering', members: [{ name: 'test-0', id: 1, role: 'witness', ready: true }] });
  const { controller, statuses } = controllerOf(world, [...world.pods.values()]);
  await controller.reconcile('default/test');
  assert.equal(statuses[0]?.phase, 'Updating');

  const odd = changed({ bootstrap: { ...world.theCluster.status?.bootstrap, phase: 'Halfway' } });
  const other = controllerOf(odd, [...odd.pods.values()]);
  const { requeueAfterMs } = await other.controller.reconcile('default/test');
  assert.deepEqual([other.told, other.statuses, other.deleted], [['NotUnderstood'], [], []]);
  assert.equal(requeueAfterMs, 15_000);
});
