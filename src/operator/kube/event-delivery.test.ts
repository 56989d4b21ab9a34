import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceEvent } from '@dot-i/k8s-operator';
import type { KubeObject } from '../../api/objects.ts';
import { EventDelivery } from './event-delivery.ts';
import { ObjectCache } from './object-cache.ts';

function pod(resourceVersion: string, uid = '1'): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default', uid, resourceVersion } };
}

/** A delivery whose handler is called until it has been told so many events. */
async function deliver(changes: (cache: ObjectCache<KubeObject>) => void, count: number, failures = 0) {
  const cache = new ObjectCache<KubeObject>();
  const told: string[] = [];
  let left = failures;
  const stop = new AbortController();
  const delivery = new EventDelivery(
    'pods',
    () => cache,
    async ({ type, object, meta }: ResourceEvent) => {
      if (left-- > 0) throw new Error('not now');
      told.push(`${type} ${meta.id} ${object.metadata?.resourceVersion}`);
      if (told.length === count) stop.abort();
    },
  );
  const observed = {
    put: (object: KubeObject) => cache.put(object).map(delivery.note),
    remove: (object: KubeObject) => cache.remove(object).map(delivery.note),
  };
  changes(observed as unknown as ObjectCache<KubeObject>);
  const failed: number[] = [];
  await delivery.run(stop.signal, (_, __, retryInMs) => failed.push(retryInMs));
  return { told, failed };
}

test('changes that the handler has not seen yet become one', async () => {
  const { told } = await deliver((cache) => {
    cache.put(pod('1'));
    cache.put(pod('2'));
    cache.put(pod('3'));
  }, 1);
  assert.deepEqual(told, ['ADDED pods.v1 3']);
});

test('a deletion is delivered, even if the object is there again', async () => {
  const { told } = await deliver((cache) => {
    cache.put(pod('1'));
    cache.remove(pod('2'));
    cache.put(pod('3', '2'));
  }, 2);
  assert.deepEqual(told, ['DELETED pods.v1 2', 'ADDED pods.v1 3']);
});

test('a handler that fails is called again', async () => {
  const { told, failed } = await deliver((cache) => cache.put(pod('1')), 1, 2);
  assert.deepEqual(told, ['ADDED pods.v1 1']);
  assert.equal(failed.length, 2);
});
