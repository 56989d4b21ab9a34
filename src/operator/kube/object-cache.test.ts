import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { KubeObject } from '../../api/objects.ts';
import { keyOf, ObjectCache, type CacheChange } from './object-cache.ts';

function object(name: string, uid: string, resourceVersion: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', uid, resourceVersion } };
}

function summary(changes: readonly CacheChange<KubeObject>[]): string[] {
  return changes.map(({ type, object: { metadata } }) => `${type} ${metadata.name} ${metadata.uid}`);
}

test('a list reports what was deleted while nobody watched', () => {
  const cache = new ObjectCache();
  cache.replace([object('a', '1', '1'), object('b', '2', '1')]);
  assert.deepEqual(summary(cache.replace([object('b', '2', '1'), object('c', '3', '2')])), [
    'DELETED a 1',
    'ADDED c 3',
  ]);
});

test('an object made anew under the same name is a deletion and an addition', () => {
  const cache = new ObjectCache();
  cache.put(object('a', '1', '1'));
  assert.deepEqual(summary(cache.put(object('a', '2', '5'))), ['DELETED a 1', 'ADDED a 2']);
});

test('the same version again is no change', () => {
  const cache = new ObjectCache();
  cache.put(object('a', '1', '1'));
  assert.deepEqual(cache.put(object('a', '1', '1')), []);
});

test('whoever follows the changes of any lists knows exactly what exists', () => {
  const objects = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      uid: fc.constantFrom('1', '2'),
      version: fc.nat({ max: 3 }),
    }),
    { selector: ({ name }) => name },
  );
  fc.assert(
    fc.property(fc.array(objects), (lists) => {
      const cache = new ObjectCache();
      const followed = new Map<string, KubeObject>();
      for (const list of lists) {
        const items = list.map(({ name, uid, version }) => object(name, uid, String(version)));
        for (const change of cache.replace(items)) {
          const key = keyOf(change.object);
          assert.equal(followed.has(key), change.type !== 'ADDED');
          if (change.type === 'DELETED') followed.delete(key);
          else followed.set(key, change.object);
        }
        assert.deepEqual(new Map(items.map((item) => [keyOf(item), item])), followed);
      }
    }),
  );
});
