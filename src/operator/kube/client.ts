import { HttpMethod, PatchStrategy } from '@kubernetes/client-node';
import { apiVersionOf, type KubeObject, type ResourceType } from '../../api/objects.ts';
import { CodedError } from '../../common/errors.ts';
import { ApiRefusal, isNotFound, type ApiStatus } from './errors.ts';
import { Freshness } from './freshness.ts';
import { jsonLines } from './json-lines.ts';
import { readTwice } from './repeated-read.ts';
import { describeRequest, type ApiRequest, type Transport } from './transport.ts';

/** Where to look, and for what. */
export interface Scope {
  /** All namespaces where it is not set. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
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

/** A write that the API server has confirmed. */
export interface ConfirmedWrite {
  readonly request: ApiRequest;
  /** The object as it is now; of a deletion, what is still there of it. */
  readonly answer: unknown;
}

/** What stands before and behind each write. */
export interface WriteGate {
  /** Throws where this process must not write. Asked last thing before the request is sent. */
  readonly before: () => void;
  readonly after: (write: ConfirmedWrite) => void;
}

/** How long a read other than a watch may take, in milliseconds. */
const READ_TIMEOUT_MS = 8_000;

/** How long a write may take, in milliseconds. So short that none outlives the lease that permitted it. */
export const WRITE_TIMEOUT_MS = 4_000;

/** The server ends a watch after this long, in seconds; the next one begins where it ended. */
const WATCH_SECONDS = 300;

/** The server sends a bookmark about once a minute: a connection that is silent for this long, in milliseconds, is dead. */
const WATCH_SILENCE_MAX_MS = 150_000;

/** Objects in one page of a list. */
const PAGE_SIZE = 500;

/** Lets every write through. */
export const OPEN_GATE: WriteGate = { before: () => undefined, after: () => undefined };

/** What a {@link KubeClient} is made of. */
interface ClientParts {
  readonly transport: Transport;
  readonly fieldManager: string;
  readonly freshness: Freshness;
  readonly gate: WriteGate;
  readonly timeoutMaxMs: number;
}

/**
 * The Kubernetes API over plain JSON. All writes go through its gate; a write ends within {@link WRITE_TIMEOUT_MS}.
 * A read that fails for a reason that passes is repeated once, see {@link readTwice}; a write never is.
 * Lists that are older than what this process has seen are refused, see {@link Freshness}.
 */
export class KubeClient {
  readonly #parts: ClientParts;

  private constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** A client without a gate. */
  static over(transport: Transport, fieldManager: string): KubeClient {
    const freshness = new Freshness();
    return new KubeClient({ transport, fieldManager, freshness, gate: OPEN_GATE, timeoutMaxMs: Infinity });
  }

  /** The same client behind a gate. */
  behind(gate: WriteGate): KubeClient {
    return new KubeClient({ ...this.#parts, gate });
  }

  /** The same client, for those who would rather ask again than wait longer than so many milliseconds. */
  within(timeoutMaxMs: number): KubeClient {
    return new KubeClient({ ...this.#parts, timeoutMaxMs });
  }

  /** What time it is by the API server's clock, by which the times in objects are. */
  now(): Date {
    return new Date(Date.now() + this.#parts.transport.clockOffsetMs);
  }

  /** The object as it is now, a quorum read; undefined where it does not exist. */
  async get<T extends KubeObject>(
    type: ResourceLocation,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.#read<T>({ method: HttpMethod.GET, path: resourcePath(type, namespace, name) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * All objects as they are now, a quorum read, in pages.
   *
   * @throws CodedError ZK_API_STALE where the API server has told of something newer before it was asked
   */
  async list<T extends KubeObject>(type: ResourceLocation, scope: Scope): Promise<Listing<T>> {
    const items: T[] = [];
    const known = this.#parts.freshness.newest(resourcePath(type));
    let next: string | undefined;
    for (;;) {
      const request: ApiRequest = {
        method: HttpMethod.GET,
        path: resourcePath(type, scope.namespace),
        query: {
          labelSelector: scope.labelSelector,
          fieldSelector: scope.fieldSelector,
          limit: String(PAGE_SIZE),
          continue: next,
        },
      };
      const page = await this.#read<RawList<T>>(request);
      // The pages after the first are of the first one's moment.
      if (next === undefined) this.#refuseStale(request, type, page.metadata.resourceVersion, known);
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
   * @throws ApiRefusal where the server reports an error, {@link refusesVersion} among them
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
        fieldSelector: scope.fieldSelector,
      },
      signal: AbortSignal.any([stop, silence.signal]),
    };
    try {
      const response = await this.#parts.transport.send(request);
      const stream = response.body.stream();
      if (stream === null) return;
      for await (const line of jsonLines(stream, () => silence.heard())) {
        const event = line as WatchEvent<T> | { readonly type: 'ERROR'; readonly object: ApiStatus };
        if (event.type === 'ERROR')
          throw new ApiRefusal(describeRequest(request), event.object.code ?? 500, event.object);
        this.#parts.freshness.note(resourcePath(type), event.object.metadata.resourceVersion);
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
      query: { fieldManager: this.#parts.fieldManager },
      contentType: PatchStrategy.MergePatch,
      body: patch,
    });
  }

  /** @throws ApiRefusal 409 where it exists */
  async create<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    const path = resourcePath(type, object.metadata.namespace);
    const query = { fieldManager: this.#parts.fieldManager };
    return await this.#write<T>({ method: HttpMethod.POST, path, query, body: object });
  }

  /** @throws ApiRefusal 409 where the object is no longer at the resource version in its metadata */
  async replace<T extends KubeObject>(type: ResourceLocation, object: T): Promise<T> {
    const path = resourcePath(type, object.metadata.namespace, object.metadata.name);
    const query = { fieldManager: this.#parts.fieldManager };
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
      query: { fieldManager: this.#parts.fieldManager, force: 'true' },
      contentType: PatchStrategy.ServerSideApply,
      body: object,
    });
  }

  async #write<T>(request: ApiRequest): Promise<T> {
    const { gate, transport } = this.#parts;
    const signal = this.#deadline(WRITE_TIMEOUT_MS);
    const answer = await transport.json<T>({ ...request, signal, checkLast: gate.before });
    gate.after({ request, answer });
    return answer;
  }

  async #read<T>(request: ApiRequest): Promise<T> {
    const signal = this.#deadline(READ_TIMEOUT_MS);
    return await readTwice(async () => await this.#parts.transport.json<T>({ ...request, signal }), signal);
  }

  #deadline(timeoutMs: number): AbortSignal {
    return AbortSignal.timeout(Math.min(timeoutMs, this.#parts.timeoutMaxMs));
  }

  #refuseStale(request: ApiRequest, type: ResourceLocation, resourceVersion: string, known: bigint): void {
    if (!this.#parts.freshness.isStale(resourcePath(type), resourceVersion, performance.now(), known)) return;
    const message = `${describeRequest(request)}: the answer is of ${resourceVersion}, and newer states are known`;
    throw new CodedError('ZK_API_STALE', message);
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
