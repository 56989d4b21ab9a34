import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COORDINATION_CLUSTER } from '../../api/coordination-cluster.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { DeletePreconditions, KubeClient } from '../kube/client.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { FakeWorld } from '../plan/fake-world.ts';
import { KINDS, type Pod } from '../resources/kubernetes.ts';
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

/** A controller whose caches show the world as it is, and whose API server lists these pods. */
function controllerOf(world: FakeWorld, listedPods: readonly Pod[]) {
  const deleted: (DeletePreconditions & { readonly name: string })[] = [];
  const { statefulSet, superUser, existing, pods, claims, reports } = world.observe();
  const secret = existing.find(({ kind }) => kind === 'Secret');
  const cached = (kind: CachedKind): Map<string, KubeObject> => {
    const objects: KubeObject[] = [...existing, ...pods, ...claims]
      .filter((object) => object.kind === kind)
      .map((object) => Object.assign({}, object, { metadata: { ...object.metadata, namespace: 'default' } }));
    return new Map(objects.map((object) => [`default/${object.metadata.name}`, object]));
  };
  const client = {
    get: async ({ plural }: ResourceType, _: string, name: string) => {
      if (plural === COORDINATION_CLUSTER.plural) return world.theCluster;
      if (plural === KINDS.Secret.plural) return { ...secret, data: { password: btoa(superUser?.password ?? '') } };
      return plural === KINDS.StatefulSet.plural && name === 'test' ? statefulSet : undefined;
    },
    list: async () => ({ items: listedPods, resourceVersion: '1' }),
    apply: async (_: unknown, object: KubeObject) => object,
    create: async (_: unknown, object: KubeObject) => object,
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
    resource: { setStatus: async () => '2', setFinalizers: async () => '2', confirm: async () => '1' },
    events: new EventRecorder(client, 'operator', 'operator-0', silentLogger),
    reconfigure: async () => ({ result: 'done' }),
    settings: { defaultImage: 'zabkeeper:test' },
    logger: silentLogger,
  });
  return { controller, deleted };
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
