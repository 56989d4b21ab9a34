import type { KubeObject } from '../../api/objects.ts';

/** `namespace/name`. */
export type ObjectKey = string;

/** The key of an object. */
export function keyOf({ metadata }: Pick<KubeObject, 'metadata'>): ObjectKey {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** The two parts of a key. */
export function splitKey(key: ObjectKey): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** How an object differs from what the cache had. */
export interface CacheChange<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The object as it is, or as it was last seen where it is deleted. */
  readonly object: T;
}

/** The objects of one kind as last seen. Not to be modified by whoever reads them. */
export interface ReadableCache<T extends KubeObject> {
  get(key: ObjectKey): T | undefined;
  values(): IterableIterator<T>;
}

/** A cache that turns lists and watch events into what really changed. */
export class ObjectCache<T extends KubeObject> implements ReadableCache<T> {
  readonly #objects = new Map<ObjectKey, T>();

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Takes a full list over. What is missing in it was deleted while nobody watched. */
  replace(items: readonly T[]): CacheChange<T>[] {
    const present = new Set(items.map(keyOf));
    const deleted = [...this.#objects.values()].filter((object) => !present.has(keyOf(object)));
    return [...deleted.flatMap((object) => this.remove(object)), ...items.flatMap((object) => this.put(object))];
  }

  /** Takes an object over. One that was made anew under the same name is a deletion and an addition. */
  put(object: T): CacheChange<T>[] {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    if (before === undefined) return [{ type: 'ADDED', object }];
    if (before.metadata.uid !== object.metadata.uid) {
      return [
        { type: 'DELETED', object: before },
        { type: 'ADDED', object },
      ];
    }
    return before.metadata.resourceVersion === object.metadata.resourceVersion ? [] : [{ type: 'MODIFIED', object }];
  }

  /** Forgets an object. */
  remove(object: T): CacheChange<T>[] {
    return this.#objects.delete(keyOf(object)) ? [{ type: 'DELETED', object }] : [];
  }
}
