import { AssertionError } from 'node:assert/strict';
import { COORDINATION_CLUSTER, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import { CodedError } from '../../common/errors.ts';
import type { DeletePreconditions, KubeClient } from '../kube/client.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import type { FakeWorld } from '../plan/fake-world.ts';
import type { Step } from '../plan/model.ts';
import { fingerprint } from '../resources/fingerprint.ts';
import { KINDS, type Kind, type Secret } from '../resources/kubernetes.ts';
import { ClusterController } from './cluster-controller.ts';
import { fakeCaches } from './fake-caches.ts';
import type { CachedKind } from './observe.ts';

// For tests: the API server of a fake world, as the controller sees it on a bad day.

/** What becomes of a write: refused, done without an answer, or the last that this life of the operator does. */
export type Fate = 'done' | 'conflict' | 'tooManyRequests' | 'failed' | 'answerLost' | 'diesBefore' | 'diesAfter';

const STATUS: Partial<Record<Fate, number>> = { conflict: 409, tooManyRequests: 429, failed: 500 };

/** The end of a life of the operator. */
class Died extends Error {}

/** Reads and writes a fake world for any number of lives of the operator. */
export class FakeWorldApi {
  readonly #world: FakeWorld;
  readonly #caches = new Map<CachedKind, ReadonlyMap<string, KubeObject>>();
  readonly #events = new Map<string, string>();
  readonly #versioned = new WeakMap<CoordinationCluster, CoordinationCluster>();
  #fates: Fate[] = [];
  #controller = this.#newLife();
  #isDead = false;

  constructor(world: FakeWorld) {
    this.#world = world;
    this.watchCatchesUp();
  }

  /** The caches show the world as it is now, and no later change until this is called again. */
  watchCatchesUp(): void {
    for (const kind of ['Service', 'ConfigMap', 'Pod', 'PersistentVolumeClaim', 'PodDisruptionBudget'] as const) {
      const objects = this.#objects(kind).map((object) => [`default/${object.metadata.name}`, object] as const);
      this.#caches.set(kind, new Map(objects));
    }
  }

  /** The Events that were told. */
  get told(): string[] {
    return [...this.#events.values()];
  }

  /** One look of the operator, whose writes have these fates one after the other, and then succeed. */
  async look(fates: readonly Fate[] = []): Promise<void> {
    this.#fates = [...fates];
    if (this.#isDead) this.#controller = this.#newLife();
    this.#isDead = false;
    try {
      await this.#controller.reconcile('default/test');
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!(error instanceof CodedError || error instanceof Died)) throw error;
    }
  }

  #newLife(): ClusterController {
    const client = this.#client();
    return new ClusterController({
      sources: {
        client,
        caches: fakeCaches((kind) => this.#caches.get(kind) ?? new Map()),
        // Nobody answers at the address of a pod that is gone.
        readMembers: async (pods) => {
          const { reports } = this.#world.observe();
          const isThere = (name: string) =>
            pods.some(
              ({ metadata }) => metadata.name === name && metadata.uid === this.#world.pods.get(name)?.metadata.uid,
            );
          return new Map([...reports].filter(([name]) => isThere(name)));
        },
      },
      client,
      resource: {
        setStatus: async (cluster, status) => await this.#writeCluster(cluster, () => this.#world.recordStatus(status)),
        setFinalizers: async (cluster, finalizers) =>
          await this.#writeCluster(cluster, () => this.#world.perform({ do: 'setFinalizers', finalizers })),
        confirm: async (cluster) => await this.#writeCluster(cluster, () => undefined),
      },
      events: new EventRecorder(client, 'operator', 'operator-0', silentLogger),
      reconfigure: async (change) => {
        try {
          await this.#write(() => this.#world.perform(change));
          return { result: 'done' };
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
          return { result: 'unknown', why: String(error) };
        }
      },
      settings: { defaultImage: 'zabkeeper:test' },
      logger: silentLogger,
    });
  }

  #client(): KubeClient {
    const client = {
      now: () => new Date(),
      get: async (type: Located, _: string | undefined, name: string) =>
        this.#objects(kindOf(type)).find(({ metadata }) => metadata.name === name),
      list: async (type: Located) => ({ items: this.#objects(kindOf(type)), resourceVersion: '1' }),
      apply: async <T extends KubeObject>(type: Located, object: T) => {
        const kind = kindOf(type) as Kind;
        const found = (): T | undefined =>
          this.#objects(kind).find(({ metadata }) => metadata.name === object.metadata.name) as T | undefined;
        return await this.#write(() => {
          const condition = object.metadata.resourceVersion;
          if (condition !== undefined) requireThat(condition === found()?.metadata.resourceVersion);
          this.#world.perform({ do: 'apply', kind, object });
          return found() ?? object;
        });
      },
      create: async <T extends KubeObject>(type: Located, object: T) =>
        await this.#write(() => {
          const { name } = object.metadata;
          if (type.plural === 'events') {
            requireThat(!this.#events.has(name));
            const { reason, message } = object as T & { reason?: string; message?: string };
            this.#events.set(name, `${reason}: ${message}`);
            return object;
          }
          const kind = kindOf(type) as Kind;
          requireThat(!this.#objects(kind).some(({ metadata }) => metadata.name === name));
          this.#world.perform({ do: 'create', kind, object } as Step);
          return object;
        }),
      delete: async (type: Located, _: string, name: string, { uid, resourceVersion }: DeletePreconditions) => {
        const kind = kindOf(type) as Kind;
        await this.#write(() => {
          const found = this.#objects(kind).find(({ metadata }) => metadata.name === name);
          if (found === undefined) return;
          requireThat(found.metadata.uid === uid);
          requireThat(resourceVersion === undefined || found.metadata.resourceVersion === resourceVersion);
          this.#world.perform({ do: 'delete', kind, name, uid, resourceVersion });
        });
      },
      mergePatch: async <T extends KubeObject>(type: Located, _: string, name: string, patch: unknown) =>
        await this.#write(() => {
          const { metadata, spec } = patch as ClaimPatch;
          const found = this.#objects(kindOf(type)).find((object) => object.metadata.name === name);
          if (type.plural === 'events') return found as T;
          requireThat(found?.metadata.uid === metadata.uid);
          const size = spec.resources.requests.storage;
          this.#world.perform({ do: 'expandClaim', name, uid: metadata.uid, size });
          return found as T;
        }),
    };
    return client as unknown as KubeClient;
  }

  /** @throws ApiRefusal 409 where the cluster has changed since it was read */
  async #writeCluster(cluster: CoordinationCluster, effect: () => unknown): Promise<string> {
    return await this.#write(() => {
      requireThat(cluster.metadata.resourceVersion === this.#cluster?.metadata.resourceVersion);
      effect();
      return this.#cluster?.metadata.resourceVersion ?? '';
    });
  }

  async #write<T>(effect: () => T): Promise<T> {
    if (this.#isDead) throw new Died();
    const fate = this.#fates.shift() ?? 'done';
    const status = STATUS[fate];
    if (status !== undefined) throw new ApiRefusal('write', status, { message: fate });
    if (fate === 'diesBefore') this.#die();
    const result = effect();
    if (fate === 'diesAfter') this.#die();
    if (fate === 'answerLost') throw new CodedError('ZK_API_UNREACHABLE', 'the answer is lost');
    return result;
  }

  #die(): never {
    this.#isDead = true;
    throw new Died();
  }

  /** At a version that any change of it makes another one. */
  get #cluster(): CoordinationCluster | undefined {
    const { cluster } = this.#world;
    if (cluster === undefined) return undefined;
    const known = this.#versioned.get(cluster);
    if (known !== undefined) return known;
    const versioned = { ...cluster, metadata: { ...cluster.metadata, resourceVersion: fingerprint(cluster) } };
    this.#versioned.set(cluster, versioned);
    return versioned;
  }

  #objects(kind: string): KubeObject[] {
    if (kind === COORDINATION_CLUSTER.kind) return this.#cluster === undefined ? [] : [this.#cluster];
    const { objects, pods, claims } = this.#world;
    return [...objects.values(), ...pods.values(), ...claims.values()]
      .filter((object) => object.kind === kind)
      .map((object: Secret) => {
        const metadata = { ...object.metadata, namespace: 'default' };
        const data = kind === 'Secret' ? { data: { password: btoa(object.stringData?.['password'] ?? '') } } : {};
        return Object.assign({}, object, data, { metadata });
      });
  }
}

type Located = Pick<ResourceType, 'plural'>;

interface ClaimPatch {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

function kindOf({ plural }: Located): string {
  return [COORDINATION_CLUSTER, ...Object.values(KINDS)].find((type) => type.plural === plural)?.kind ?? plural;
}

function requireThat(condition: boolean): void {
  if (!condition) throw new ApiRefusal('write', 409, { reason: 'Conflict' });
}
