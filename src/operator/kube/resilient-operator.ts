import operatorModule, { ResourceMetaImpl, type ResourceEvent, type ResourceMeta } from '@dot-i/k8s-operator';
import type { KubeObject } from '../../api/objects.ts';
import { CodedError } from '../../common/errors.ts';
import type { Logger } from '../../common/types.ts';
import { KubeClient, OPEN_GATE, resourcePath, type ResourceLocation, type WriteGate } from './client.ts';
import { EventDelivery, type OnEvent } from './event-delivery.ts';
import type { Metrics } from './metrics.ts';
import type { ReadableCache } from './object-cache.ts';
import { Reflector } from './reflector.ts';
import { Transport } from './transport.ts';

/** What a {@link ResilientOperator} is made with. */
export interface ResilientOperatorOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The name that the API server keeps of who set which field. */
  readonly fieldManager: string;
  /** A context of the kubeconfig; its current one where it is not set. */
  readonly context?: string | undefined;
  /** What is in these namespaces it does not see. */
  readonly ignoreNamespaces?: readonly string[] | undefined;
}

/**
 * `Operator` of `@dot-i/k8s-operator` as one can leave it alone: `init` adds watches with `watchResource`, `start` and
 * `stop` bound its life. Overridden is all that would lose events (watches that replay or skip), swallow errors (status
 * and finalizer writes) or end the process (a failed or closed watch).
 */
export abstract class ResilientOperator extends operatorModule.default {
  /** Reads and writes as this operator. */
  protected readonly client: KubeClient;
  protected readonly metrics: Metrics;
  readonly #log: Logger;
  readonly #fieldSelector: string | undefined;
  readonly #writer: KubeClient;
  readonly #stop = new AbortController();
  readonly #reflectors = new Map<string, Reflector<KubeObject>>();
  readonly #running: Promise<void>[] = [];

  constructor({ logger, metrics, fieldManager, context, ignoreNamespaces = [] }: ResilientOperatorOptions) {
    super(logger);
    if (context !== undefined) this.kubeConfig.setCurrentContext(context);
    this.#log = logger;
    const others = ignoreNamespaces.map((name) => `metadata.namespace!=${name}`);
    this.#fieldSelector = others.length === 0 ? undefined : others.join(',');
    this.metrics = metrics;
    this.client = KubeClient.over(new Transport(this.kubeConfig, metrics.observeRequest), fieldManager);
    this.#writer = this.client.behind({ before: () => this.gate.before(), after: (write) => this.gate.after(write) });
  }

  /** Aborts when the operator is to stop. */
  protected get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** What stands before and behind each write of a status or finalizer. */
  protected get gate(): WriteGate {
    return OPEN_GATE;
  }

  /** Why not all caches are filled yet, or undefined when they are. */
  get notSynced(): string | undefined {
    const missing = [...this.#reflectors].filter(([, { hasSynced }]) => !hasSynced).map(([path]) => path);
    return missing.length === 0 ? undefined : `waiting for the first list of ${missing.join(', ')}`;
  }

  /** Watches what `init` asks for; resolves when all of it has been listed once, or the operator is to stop. */
  override async start(): Promise<void> {
    await super.start();
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    this.stopping.addEventListener('abort', () => resolve(), { once: true });
    await Promise.race([Promise.all([...this.#reflectors.values()].map(({ synced }) => synced)), stopped]);
  }

  /** Ends the watches; {@link ResilientOperator.stopped} tells when they have ended. */
  override stop(): void {
    this.#stop.abort();
  }

  /** Resolves when nothing of the operator runs any more. */
  async stopped(): Promise<void> {
    await Promise.all(this.#running);
  }

  /**
   * Watches a resource. Other than the base class it delivers each change once and no deletion never, tries a failed
   * handler again, and goes on after any failure.
   */
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: OnEvent,
    namespace?: string,
    labelSelector?: string,
  ): Promise<void> {
    const location: ResourceLocation = { group, version, plural };
    const delivery = new EventDelivery(plural, () => reflector.cache, onEvent);
    const reflector = new Reflector<KubeObject>({
      client: this.client,
      type: location,
      scope: { namespace, labelSelector, fieldSelector: this.#fieldSelector },
      logger: this.#log,
      onChange: delivery.note,
      onFailure: () => this.metrics.watchFailures.inc({ resource: plural }),
    });
    this.#reflectors.set(resourcePath(location), reflector);
    this.#running.push(
      reflector.run(this.stopping),
      delivery.run(this.stopping, (key, error, retryInMs) =>
        this.#log.error(`handler of ${plural} failed`, { key, error: String(error), retryInMs }),
      ),
    );
  }

  /** The cache that a watch keeps. */
  protected cacheOf<T extends KubeObject>(location: ResourceLocation): ReadableCache<T> {
    const reflector = this.#reflectors.get(resourcePath(location));
    if (reflector === undefined) throw new CodedError('ZK_ASSERTION', `${location.plural} is not watched`);
    return reflector.cache as ReadableCache<T>;
  }

  /**
   * Sets the status as a whole, if the resource is still at the version in `meta`.
   *
   * @throws CodedError where it was not written; the base class only logs that
   */
  protected override async setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const object = { ...identity(meta), status };
    return metaOf(meta, await this.#writer.applyStatus<KubeObject>(locationOf(meta), object));
  }

  /** Sets some of the status. Throws as {@link ResilientOperator.setResourceStatus}. */
  protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
    const { metadata } = identity(meta);
    const patch = { metadata: { resourceVersion: metadata.resourceVersion }, status };
    const namespace = metadata.namespace ?? '';
    return metaOf(meta, await this.#writer.mergePatch(locationOf(meta), namespace, meta.name, patch, 'status'));
  }

  /** Sets the finalizers, if the resource is still at the version in `meta`. Throws as the status methods. */
  protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
    await this.replaceFinalizers(meta, finalizers);
  }

  /** As {@link ResilientOperator.setResourceFinalizers}, and tells what the resource is now. */
  protected async replaceFinalizers(meta: ResourceMeta, finalizers: readonly string[]): Promise<ResourceMeta> {
    const patch = { metadata: { resourceVersion: meta.resourceVersion, finalizers } };
    return metaOf(meta, await this.#writer.mergePatch(locationOf(meta), meta.namespace ?? '', meta.name, patch));
  }

  /** Makes sure that the resource is still at the version in `meta`; a read could be of a cache. @throws ApiRefusal 409 */
  protected async confirmVersion(meta: ResourceMeta): Promise<ResourceMeta> {
    const patch = { metadata: { resourceVersion: meta.resourceVersion } };
    return metaOf(meta, await this.#writer.mergePatch(locationOf(meta), meta.namespace ?? '', meta.name, patch));
  }

  protected override getCustomResourceApiUri(
    group: string,
    version: string,
    plural: string,
    namespace?: string,
  ): string {
    const server = this.kubeConfig.getCurrentCluster()?.server ?? '';
    return server + resourcePath({ group, version, plural }, namespace);
  }

  /** Never: the client library drops the validation rules of a CRD that it sends. Apply the manifest with kubectl. */
  protected override registerCustomResourceDefinition(crdFile: string): Promise<never> {
    const message = `${crdFile} must be applied with \`kubectl apply --server-side -f\`, not by the operator`;
    return Promise.reject(new CodedError('ZK_OPERATOR_ARGUMENTS', message));
  }
}

function identity({ apiVersion, kind, name, namespace, resourceVersion }: ResourceMeta): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), resourceVersion },
  };
}

/** `plural.group/version` is how the base class names a resource. */
function locationOf({ id, apiVersion }: ResourceMeta): ResourceLocation {
  const slash = apiVersion.indexOf('/');
  return {
    plural: id.slice(0, -apiVersion.length - 1),
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
  };
}

function metaOf({ id }: ResourceMeta, written: KubeObject): ResourceMeta {
  // The base class's type of an object has dates where JSON has strings; it reads none of them here.
  const object: unknown = written;
  return ResourceMetaImpl.createWithId(id, object as ResourceEvent['object']);
}
