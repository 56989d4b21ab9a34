import { ResourceEventType, ResourceMetaImpl, type ResourceEvent } from '@dot-i/k8s-operator';
import type { KubeObject } from '../../api/objects.ts';
import { keyOf, type CacheChange, type ObjectKey, type ReadableCache } from './object-cache.ts';
import { WorkQueue } from './work-queue.ts';
import { runWorkers } from './workers.ts';

/** Told of each event, as `Operator` of `@dot-i/k8s-operator` does it. */
export type OnEvent = (event: ResourceEvent) => Promise<void>;

/**
 * Delivers the changes of a cache as events, one at a time. A handler that fails is called again, later and later, with
 * the object's latest state; changes that it has not seen yet become one. A deletion is always delivered.
 */
export class EventDelivery {
  readonly #plural: string;
  readonly #cache: () => ReadableCache<KubeObject>;
  readonly #onEvent: OnEvent;
  readonly #queue = new WorkQueue();
  /** Deleted objects whose deletion has not been delivered. */
  readonly #deleted = new Map<ObjectKey, KubeObject>();
  /** Objects whose addition has been delivered. */
  readonly #known = new Set<ObjectKey>();

  constructor(plural: string, cache: () => ReadableCache<KubeObject>, onEvent: OnEvent) {
    this.#plural = plural;
    this.#cache = cache;
    this.#onEvent = onEvent;
  }

  /** Notes a change; delivered by {@link EventDelivery.run}. */
  readonly note = ({ type, object }: CacheChange<KubeObject>): void => {
    if (type === 'DELETED') this.#deleted.set(keyOf(object), object);
    this.#queue.add(keyOf(object));
  };

  /** Delivers until the signal aborts; resolves when the handler is through. */
  async run(stop: AbortSignal, onFailure: (key: string, error: unknown, retryInMs: number) => void): Promise<void> {
    stop.addEventListener('abort', () => this.#queue.close(), { once: true });
    await runWorkers({ queue: this.#queue, concurrency: 1, work: async (key) => await this.#deliver(key), onFailure });
  }

  async #deliver(key: ObjectKey): Promise<Record<string, never>> {
    const deleted = this.#deleted.get(key);
    if (deleted !== undefined) {
      await this.#onEvent(this.#event(ResourceEventType.Deleted, deleted));
      this.#known.delete(key);
      if (this.#deleted.get(key) === deleted) this.#deleted.delete(key);
    }
    const object = this.#cache().get(key);
    if (object !== undefined) {
      await this.#onEvent(
        this.#event(this.#known.has(key) ? ResourceEventType.Modified : ResourceEventType.Added, object),
      );
      this.#known.add(key);
    }
    return {};
  }

  #event(type: ResourceEventType, object: KubeObject): ResourceEvent {
    // A copy: handlers of the base class modify what they are given, and the cache is everybody's.
    const copy: unknown = structuredClone(object);
    const given = copy as ResourceEvent['object'];
    return { meta: ResourceMetaImpl.createWithPlural(this.#plural, given), object: given, type };
  }
}
