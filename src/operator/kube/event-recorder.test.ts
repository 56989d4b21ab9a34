import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from './client.ts';
import { ApiRefusal } from './errors.ts';
import { EventRecorder } from './event-recorder.ts';
import { silentLogger } from './silent-logger.ts';

const CLUSTER: ResourceType = {
  group: 'zabkeeper.dev',
  version: 'v1',
  plural: 'coordinationclusters',
  kind: 'Cluster',
};
const restarting = { type: 'Normal', reason: 'MemberRestarting', message: 'Restarting zoo-2' } as const;

function atVersion(resourceVersion: string): KubeObject {
  return {
    apiVersion: 'zabkeeper.dev/v1',
    kind: 'Cluster',
    metadata: { name: 'zoo', namespace: 'default', uid: 'uid-1', resourceVersion },
  };
}

/** The Events that an API server has, and recorders that write to it: one for each life of an operator. */
function eventStore() {
  const events = new Map<string, { count: number }>();
  const client = {
    create: async (_: unknown, event: KubeObject) => {
      if (events.has(event.metadata.name)) throw new ApiRefusal('POST', 409, { reason: 'AlreadyExists' });
      events.set(event.metadata.name, { count: 1 });
      return event;
    },
    mergePatch: async (_: unknown, __: string, name: string, patch: { count: number }) => {
      if (!events.has(name)) throw new ApiRefusal('PATCH', 404, { reason: 'NotFound' });
      events.set(name, patch);
    },
  } as unknown as KubeClient;
  return { events, life: () => new EventRecorder(client, 'operator', 'operator-0', silentLogger) };
}

test('what a life told, the next one that decides the same does not tell again', async () => {
  const { events, life } = eventStore();
  await life().record(CLUSTER, atVersion('1'), restarting);
  await life().record(CLUSTER, atVersion('1'), restarting);
  assert.deepEqual([...events.values()], [{ count: 1 }]);
});

test('nor does a life itself that decides the same again', async () => {
  const { events, life } = eventStore();
  const recorder = life();
  await recorder.record(CLUSTER, atVersion('1'), restarting);
  await recorder.record(CLUSTER, atVersion('1'), restarting);
  assert.deepEqual([...events.values()], [{ count: 1 }]);
});

test('what happens again later is counted, and told anew once Kubernetes has forgotten it', async () => {
  const { events, life } = eventStore();
  const recorder = life();
  await recorder.record(CLUSTER, atVersion('1'), restarting);
  await recorder.record(CLUSTER, atVersion('2'), restarting);
  assert.deepEqual(
    [...events.values()].map(({ count }) => count),
    [2],
  );
  events.clear();
  await recorder.record(CLUSTER, atVersion('3'), restarting);
  assert.deepEqual([...events.values()], [{ count: 1 }]);
});
