import type { KubeObject } from '../../api/objects.ts';
import type { CachedKind, Sources } from './observe.ts';

/** For tests: caches that show whatever objects there are of a kind at the moment, by `namespace/name`. */
export function fakeCaches(objectsOf: (kind: CachedKind) => ReadonlyMap<string, KubeObject>): Sources['caches'] {
  const cacheOf = (kind: CachedKind) => ({
    get: (key: string) => objectsOf(kind).get(key),
    values: () => objectsOf(kind).values(),
  });
  return {
    Service: cacheOf('Service'),
    ConfigMap: cacheOf('ConfigMap'),
    Pod: cacheOf('Pod'),
    PersistentVolumeClaim: cacheOf('PersistentVolumeClaim'),
    PodDisruptionBudget: cacheOf('PodDisruptionBudget'),
  };
}
