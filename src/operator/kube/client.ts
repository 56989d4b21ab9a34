import { HttpMethod, PatchStrategy } from '@kubernetes/client-node';
import { apiVersionOf, type KubeObject, type ResourceType } from '../../api/objects.ts';
import { CodedError } from '../../common/errors.ts';
import { ApiRefusal, isNotFound, type ApiStatus } from './errors.ts';
import { jsonLines } from './json-lines.ts';
import { describeRequest, type ApiRequest, type Transport } from './transport.ts';

/** Where to look, and for what. */
export interface Scope {
  /** All namespaces where it is not set. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** All objects at one moment. */
export interface Listing<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** One line of a watch. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

/** What must still be true of an object for it to be deleted. */
export interface DeletePreconditions {
  readonly uid: string;
  readonly resourceVersion?: string;
}

/** How long a request other than a watch may take, in milliseconds. Shorter than a lease, see {@link KubeClient}. */
const REQUEST_TIMEOUT_MS = 8_000;

/** The server ends a watch after this long, in seconds; the next one begins where it ended. */
const WATCH_SECONDS = 300;

/** The server sends a bookmark about once a minute: a connection that is silent for this long, in milliseconds, is dead. */
const WATCH_SILENCE_MAX_MS = 150_000;

/** Objects in one page of a list. */
const PAGE_SIZE = 500;

/**
 * The Kubernetes API over plain JSON. Before each write it asks its guard, which throws where this process must not
 * write; a write ends within {@link REQUEST_TIMEOUT_MS}, so that none outlives the lease that permitted it.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #fieldManager: string;
  readonly #guard: () => void;

  constructor(transport: Transport, fieldManager: string, guard: () => void = () => undefined) {
    this.#transport = transport;
    this.#fieldManager = fieldManager;
    this.#guard = guard;
  }

  /** The same client behind a guard. */
  guardedBy(guard: () => void): KubeClient {
    return new KubeClient(this.#transport, this.#fieldManager, guard);
  }

  /** The object as it is now, a quorum read; undefined where it does not exist. */
  async get<T extends KubeObject>(type: ResourceLocation, namespace: string, name: string): Promise<T | undefined> {
    try {
      return await this.#read<T>({ method: HttpMethod.GET, path: resourcePath(type, namespace, name) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All objects as they are now, a quorum read, in pages. */
  async list<T extends KubeObject>(type: ResourceLocation, scope: Scope): Promise<Listing<T>> {
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const page = await this.#read<RawList<T>>({
        method: HttpMethod.GET,
        path: resourcePath(type, scope.namespace),
        query: { labelSelector: scope.labelSelector, limit: String(PAGE_SIZE), continue: next },
      });
      // Items of a list carry neither; events of a watch do.
      const kind = page.kind.replace(/List$/, '');
      for (const item of page.items) items.push({ ...item, apiVersion: apiVersionOf(type), kind });
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
      if (next === undefined) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  /**
   * Every change after a resource version, until the server ends the watch, which it does every few minutes.
   *
   * @throws ApiRefusal where the server reports an error, {@link isExpired} among them
   * @throws CodedError ZK_API_UNREACHABLE where the connection breaks or goes silent
   */
  async *watch<T extends KubeObject>(
    type: ResourceLocation,
    scope: Scope,
    resourceVersion: string,
    stop: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const silence = new SilenceAlarm(WATCH_SILENCE_MAX_MS);
    const request: ApiRequest = {
      method: HttpMethod.GET,
      path: resourcePath(type, scope.namespace),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(WATCH_SECONDS),
        labelSelector: scope.labelSelector,
      },
      signal: AbortSignal.any([stop, silence.signal]),
    };
    try {
      const response = await this.#transport.send(request);
      const stream = response.body.stream();
      if (stream === null) return;
      for await (const line of jsonLines(stream, () => silence.heard())) {
        const event = line as WatchEvent<T> | { readonly type: 'ERROR'; readonly object: ApiStatus };
        if (event.type === 'ERROR')
          throw new ApiRefusal(describeRequest(request), event.object.code ?? 500, event.object);
        yield event;
      }
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof CodedError) throw error;
      const message = `${describeRequest(request)}: the watch broke off: ${String(error)}`;
      throw new CodedError('ZK_API_UNREACHABLE', message, { cause: error });
    } finally {
      silence.end();
    }
  }

  /**
   * Server-side apply: afterwards the object has what is given here, and no longer what this manager gave it before.
   * Takes over fields that others set, since what the operator applies is its own. With a resource version in the
   * metadata, only if that is still current (409 otherwise).
   */
  async apply<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    return await this.#apply(resourcePath(type, object.metadata.namespace, object.metadata.name), object);
  }

  /** As {@link KubeClient.apply}, of the status subresource. */
  async applyStatus<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    return await this.#apply(`${resourcePath(type, object.metadata.namespace, object.metadata.name)}/status`, object);
  }

  /** JSON merge patch, for fields that cannot be applied. */
  async mergePatch<T extends KubeObject>(
    type: ResourceLocation,
    namespace: string,
    name: string,
    patch: unknown,
    subresource?: 'status',
  ): Promise<T> {
    const path = resourcePath(type, namespace, name);
    return await this.#write<T>({
      method: HttpMethod.PATCH,
      path: subresource === undefined ? path : `${path}/${subresource}`,
      query: { fieldManager: this.#fieldManager },
      contentType: PatchStrategy.MergePatch,
      body: patch,
    });
  }

  /** @throws ApiRefusal 409 where it exists */
  async create<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    const path = resourcePath(type, object.metadata.namespace);
    const query = { fieldManager: this.#fieldManager };
    return await this.#write<T>({ method: HttpMethod.POST, path, query, body: object });
  }

  /** @throws ApiRefusal 409 where the object is no longer at the resource version in its metadata */
  async replace<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    const path = resourcePath(type, object.metadata.namespace, object.metadata.name);
    const query = { fieldManager: this.#fieldManager };
    return await this.#write<T>({ method: HttpMethod.PUT, path, query, body: object });
  }

  /** Deletes exactly the object that was observed, never one that took its name since. Gone already is fine. */
  async delete(
    type: ResourceLocation,
    namespace: string,
    name: string,
    preconditions: DeletePreconditions,
  ): Promise<void> {
    try {
      await this.#write({
        method: HttpMethod.DELETE,
        path: resourcePath(type, namespace, name),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #apply<T extends KubeObject>(path: string, object: T): Promise<T> {
    return await this.#write<T>({
      method: HttpMethod.PATCH,
      path,
      query: { fieldManager: this.#fieldManager, force: 'true' },
      contentType: PatchStrategy.ServerSideApply,
      body: object,
    });
  }

  async #write<T>(request: ApiRequest): Promise<T> {
    this.#guard();
    return await this.#read<T>(request);
  }

  async #read<T>(request: ApiRequest): Promise<T> {
    return await this.#transport.json<T>({ ...request, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  }
}

/** What paths are made of; a {@link ResourceType} without what only manifests name. */
export type ResourceLocation = Omit<ResourceType, 'kind'>;

interface RawList<T> {
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

/** The API server's path of a kind, of a namespace's objects of it, or of one object. */
export function resourcePath(type: ResourceLocation, namespace?: string, name?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const one = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${within}/${type.plural}${one}`;
}

/** Aborts where nothing was heard for too long: a half-open connection never says so itself. */
class SilenceAlarm {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(silenceMaxMs: number) {
    const silent = new CodedError('ZK_API_UNREACHABLE', `the API server was silent for ${silenceMaxMs} ms`);
    this.#timer = setTimeout(() => this.#controller.abort(silent), silenceMaxMs);
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
