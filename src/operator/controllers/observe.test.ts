import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { readyWorld } from '../plan/fake-lives.ts';
import { FakeWorld } from '../plan/fake-world.ts';
import type { Observed } from '../plan/model.ts';
import { KINDS } from '../resources/kubernetes.ts';
import { selectorLabels } from '../resources/names.ts';
import { fakeCaches } from './fake-caches.ts';
import { observe, type Sources } from './observe.ts';

/** What is observed of a world. */
async function observed(
  { theCluster, objects }: FakeWorld,
  cached: readonly KubeObject[],
  claims: readonly KubeObject[] = [],
): Promise<Observed> {
  const known = (kind: string) =>
    new Map(cached.filter((one) => one.kind === kind).map((one) => [`default/${one.metadata.name}`, one]));
  const client = {
    now: () => new Date(0),
    get: async ({ kind }: ResourceType, _: string, name: string) => objects.get(`${kind}/${name}`),
    list: async ({ plural }: ResourceType) => ({
      items: plural === KINDS.PersistentVolumeClaim.plural ? claims : [],
      resourceVersion: '1',
    }),
  } as unknown as Sources['client'];
  const sources = { client, caches: fakeCaches(known), readMembers: async () => new Map() };
  return await observe(theCluster, sources, 'cache');
}

/** Of the objects of a world, those that a cluster's own names and ConfigMaps lead to, as `Kind/name`. */
async function existing(world: FakeWorld, cached: readonly KubeObject[]): Promise<string[]> {
  const { existing: objects } = await observed(world, cached);
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
}

test('every object of a cluster’s own is seen once', async () => {
  const world = readyWorld();
  const own = [...world.objects.values()];
  assert.ok(own.some(({ metadata }) => metadata.name === 'test-formed'));
  assert.deepEqual(await existing(world, own), [...world.objects.keys()].toSorted());
});

test('what has a name that a cluster’s own objects have is seen, whoever made it, although no cache holds it', async () => {
  const world = new FakeWorld();
  for (const [kind, name] of [
    ['ConfigMap', 'test-formed'],
    ['Service', 'test-client'],
  ] as const) {
    const metadata = { name, namespace: 'default' };
    world.objects.set(`${kind}/${name}`, { apiVersion: 'v1', kind, metadata });
  }
  assert.deepEqual(await existing(world, []), ['ConfigMap/test-formed', 'Service/test-client']);
});

test('an operator of one namespace that may not read the backup of another is told so, and goes on', async () => {
  const { theCluster } = new FakeWorld({ bootstrap: { restore: { backup: { name: 'monday', namespace: 'other' } } } });
  const client = {
    now: () => new Date(0),
    get: async (_: ResourceType, namespace: string) => {
      if (namespace === 'other') throw new ApiRefusal('GET monday', 403, { reason: 'Forbidden' });
    },
    list: async () => ({ items: [], resourceVersion: '1' }),
  } as unknown as Sources['client'];
  const sources = { client, caches: fakeCaches(() => new Map()), readMembers: async () => new Map() };
  const { restoreBackup, restoreBackupForbidden } = await observe(theCluster, sources, 'cache');
  assert.deepEqual([restoreBackup, restoreBackupForbidden], [undefined, true]);
});

test('volumes with names of a cluster’s own are foreign to it, and those of one called as its observers only where it could take them', async () => {
  const claim = (name: string, instance?: string): KubeObject => {
    const labels = { ...selectorLabels(world.theCluster), 'app.kubernetes.io/instance': instance ?? '' };
    const metadata = { name, namespace: 'default', ...(instance === undefined ? {} : { labels }) };
    return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata };
  };
  const world = new FakeWorld();
  const claims = [
    claim('data-test-0', 'test'),
    claim('data-test-1'),
    claim('data-test-observer-1'),
    claim('data-test-observer-0', 'test-observer'),
    claim('data-test-observer-9', 'test-observer'),
    claim('data-others-0', 'others'),
  ];
  const { foreignClaims, claims: own } = await observed(world, [], claims);
  assert.deepEqual([...(foreignClaims ?? [])], ['data-test-1', 'data-test-observer-1', 'data-test-observer-9']);
  assert.deepEqual(
    own.map(({ metadata }) => metadata.name),
    ['data-test-0'],
  );
});
