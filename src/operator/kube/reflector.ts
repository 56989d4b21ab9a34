import type { KubeObject } from '../../api/objects.ts';
import type { Logger } from '../../common/types.ts';
import { Backoff } from './backoff.ts';
import type { KubeClient, ResourceLocation, Scope } from './client.ts';
import { delay } from './delay.ts';
import { refusesVersion, retryAfterMs } from './errors.ts';
import { ObjectCache, type CacheChange, type ReadableCache } from './object-cache.ts';

/** What a {@link Reflector} needs. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly type: ResourceLocation;
  readonly scope: Scope;
  readonly logger: Logger;
  /** Told of every change, in order. Must not throw: it only notes what is to be looked at. */
  readonly onChange: (change: CacheChange<T>) => void;
  /** Told of every failure, to be counted. */
  readonly onFailure: () => void;
}

/** After this many watches in a row that failed without a word it lists again: the server may be another one now. */
const FAILED_WATCHES_MAX = 5;

/**
 * Keeps a cache of one kind true: lists once, then watches from there for good. After a broken connection it watches on
 * from the last version it knows; only where the server has forgotten that version, or does not know it yet, it lists
 * again and reports what was deleted meanwhile. No failure ends it.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #cache = new ObjectCache<T>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #backoff = new Backoff(200, 15_000);
  #hasSynced = false;
  #resourceVersion: string | undefined;
  #failuresInARow = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** The objects as last seen. */
  get cache(): ReadableCache<T> {
    return this.#cache;
  }

  /** Whether the first list has come. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves once the first list has come. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Runs until the signal aborts; never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { type, logger, onFailure } = this.#options;
    while (!stop.aborted) {
      let waitAtLeastMs = 0;
      try {
        this.#resourceVersion ??= await this.#list();
        await this.#watch(this.#resourceVersion, stop);
      } catch (error) {
        this.#failuresInARow += 1;
        if (refusesVersion(error) || this.#failuresInARow >= FAILED_WATCHES_MAX) this.#resourceVersion = undefined;
        waitAtLeastMs = retryAfterMs(error);
        onFailure();
        logger.warn(`watch of ${type.plural} failed, going on`, { error: String(error) });
      }
      // After a watch that the server ended by itself the delay is short, because a watch that delivers resets it.
      if (!stop.aborted) await delay(Math.max(this.#backoff.next(), waitAtLeastMs), stop);
    }
  }

  async #list(): Promise<string> {
    const { client, type, scope } = this.#options;
    const listing = await client.list<T>(type, scope);
    this.#report(this.#cache.replace(listing.items));
    this.#hasSynced = true;
    this.#synced.resolve();
    return listing.resourceVersion;
  }

  async #watch(from: string, stop: AbortSignal): Promise<void> {
    const { client, type, scope } = this.#options;
    for await (const event of client.watch<T>(type, scope, from, stop)) {
      this.#backoff.reset();
      this.#failuresInARow = 0;
      if (event.type !== 'BOOKMARK') {
        const { object } = event;
        this.#report(event.type === 'DELETED' ? this.#cache.remove(object) : this.#cache.put(object));
      }
      this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
    }
  }

  #report(changes: readonly CacheChange<T>[]): void {
    for (const change of changes) this.#options.onChange(change);
  }
}
