import type { ResourceEvent, ResourceMeta } from '@dot-i/k8s-operator';
import { apiVersionOf, type KubeObject } from '../../api/objects.ts';
import { COORDINATION_CLUSTER, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Logger } from '../../common/types.ts';
import type { ConfirmedWrite, WriteGate } from '../kube/client.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { DEFAULT_LEASE_TIMING, LeaderElection } from '../kube/leader-election.ts';
import type { Metrics } from '../kube/metrics.ts';
import { keyOf } from '../kube/object-cache.ts';
import { ResilientOperator } from '../kube/resilient-operator.ts';
import { WorkQueue } from '../kube/work-queue.ts';
import { runWorkers, type Outcome } from '../kube/workers.ts';
import type { PlanSettings } from '../plan/model.ts';
import { KINDS } from '../resources/kubernetes.ts';
import { MANAGER } from '../resources/names.ts';
import { ClusterController } from './cluster-controller.ts';
import { addGauges } from './gauges.ts';
import { readMembers } from './member-reader.ts';
import type { CachedKind } from './observe.ts';
import { reconfigureBehind } from './reconfigure.ts';

/** How many clusters are looked at at the same time. */
const CONCURRENCY = 8;

/** Selects what belongs to any cluster; pods and claims have these labels from the StatefulSet. */
const OWNED_LABELS = 'app.kubernetes.io/name=zabkeeper,app.kubernetes.io/component=server';

/** What the operator is started with. */
export interface ZabkeeperOperatorOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly context?: string | undefined;
  /** The only namespace to look at; all where it is not set. */
  readonly watchNamespace?: string | undefined;
  /** Where the Lease is. */
  readonly leaseNamespace: string;
  /** Unique to this process: the name of its pod. */
  readonly identity: string;
  readonly settings: PlanSettings;
  /** Told of each write but those of the Lease. */
  readonly onWrite?: ((write: ConfirmedWrite) => void) | undefined;
}

/** A request that keeps the lease is given up after this long, in milliseconds, for another to be made in time. */
const LEASE_REQUEST_TIMEOUT_MS = 3_000;

/** The operator: watches, a queue of clusters, and workers while this replica holds the lease. */
export class ZabkeeperOperator extends ResilientOperator {
  readonly #options: ZabkeeperOperatorOptions;
  readonly #election: LeaderElection;
  /** Of the cluster as this process wrote it last: its own writes need no further look. */
  readonly #written = new Map<string, string>();
  #queue = new WorkQueue();

  constructor(options: ZabkeeperOperatorOptions) {
    super({ ...options, fieldManager: MANAGER });
    this.#options = options;
    this.#election = new LeaderElection({
      client: this.client.within(LEASE_REQUEST_TIMEOUT_MS),
      namespace: options.leaseNamespace,
      name: MANAGER,
      identity: options.identity,
      timing: DEFAULT_LEASE_TIMING,
      logger: options.logger,
      lead: async (stop) => await this.#lead(stop),
    });
  }

  /** Runs until {@link ZabkeeperOperator.stop}; then the lease is free and nothing runs any more. */
  async run(): Promise<void> {
    await this.start();
    await this.#election.run(this.stopping);
    await this.stopped();
  }

  protected override async init(): Promise<void> {
    const { group, version, plural } = COORDINATION_CLUSTER;
    const { watchNamespace } = this.#options;
    await this.watchResource(group, version, plural, async (event) => this.#clusterChanged(event), watchNamespace);
    for (const [kind, owned] of Object.entries(KINDS)) {
      if (kind === 'Secret') continue; // The operator may read those whose name it knows, and list none.
      await this.watchResource(
        owned.group,
        owned.version,
        owned.plural,
        async ({ object }) => this.#ownedChanged(object),
        watchNamespace,
        OWNED_LABELS,
      );
    }
    addGauges(this.metrics, {
      leads: () => this.#election.isLeading,
      queueDepths: () => ({ [COORDINATION_CLUSTER.kind]: this.#queue.depth }),
      clusters: () => this.cacheOf<CoordinationCluster>(COORDINATION_CLUSTER).values(),
    });
  }

  /** Everything that this operator changes, it changes behind this, and only while it holds the lease. */
  protected override get gate(): WriteGate {
    return { before: this.#election.guard, after: this.#options.onWrite ?? (() => undefined) };
  }

  #clusterChanged({ object, meta }: ResourceEvent): void {
    const key = `${meta.namespace ?? ''}/${meta.name}`;
    if (object.metadata?.resourceVersion !== this.#written.get(key)) this.#queue.add(key);
  }

  /** The cluster that something belongs to has its name; pods have no owner reference to it, volumes none at all. */
  #ownedChanged({ metadata }: ResourceEvent['object']): void {
    const name = metadata?.labels?.['app.kubernetes.io/instance'];
    if (name !== undefined) this.#queue.add(`${metadata?.namespace ?? ''}/${name}`);
  }

  async #lead(stop: AbortSignal): Promise<void> {
    const controller = this.#controller();
    const queue = new WorkQueue();
    this.#queue = queue;
    // What changed while another replica led was decided by that one; every cluster gets a look of its own.
    for (const cluster of this.cacheOf(COORDINATION_CLUSTER).values()) queue.add(keyOf(cluster));
    stop.addEventListener('abort', () => queue.close(), { once: true });
    if (stop.aborted) queue.close();
    await runWorkers({
      queue,
      concurrency: CONCURRENCY,
      work: async (key) => await this.#measured(async () => await controller.reconcile(key)),
      onFailure: (key, error, retryInMs) =>
        this.#options.logger.error('reconciliation failed', { key, error: String(error), retryInMs }),
    });
  }

  #controller(): ClusterController {
    const { logger, identity, settings } = this.#options;
    const client = this.client.behind(this.gate);
    const caches: Record<CachedKind, ReturnType<typeof this.cacheOf>> = {
      Service: this.cacheOf(KINDS.Service),
      ConfigMap: this.cacheOf(KINDS.ConfigMap),
      Pod: this.cacheOf(KINDS.Pod),
      PersistentVolumeClaim: this.cacheOf(KINDS.PersistentVolumeClaim),
      PodDisruptionBudget: this.cacheOf(KINDS.PodDisruptionBudget),
    };
    return new ClusterController({
      sources: { client, caches, readMembers },
      client,
      resource: {
        setStatus: async (cluster, status) =>
          this.#noteWritten(cluster, await this.setResourceStatus(metaOf(cluster), status)),
        setFinalizers: async (cluster, finalizers) =>
          this.#noteWritten(cluster, await this.replaceFinalizers(metaOf(cluster), finalizers)),
        confirm: async (cluster) => (await this.confirmVersion(metaOf(cluster))).resourceVersion,
      },
      events: new EventRecorder(client, MANAGER, identity, logger),
      reconfigure: reconfigureBehind(this.gate),
      settings,
      logger,
    });
  }

  #noteWritten(cluster: CoordinationCluster, { resourceVersion }: ResourceMeta): string {
    this.#written.set(keyOf(cluster), resourceVersion);
    return resourceVersion;
  }

  async #measured(work: () => Promise<Outcome>): Promise<Outcome> {
    const { kind } = COORDINATION_CLUSTER;
    const { reconcileSeconds, reconciliations } = this.metrics;
    const end = reconcileSeconds.startTimer({ kind });
    let result = 'error';
    try {
      const outcome = await work();
      result = 'success';
      return outcome;
    } finally {
      end();
      reconciliations.inc({ kind, result });
    }
  }
}

function metaOf({ metadata }: KubeObject): ResourceMeta {
  const apiVersion = apiVersionOf(COORDINATION_CLUSTER);
  return {
    id: `${COORDINATION_CLUSTER.plural}.${apiVersion}`,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    apiVersion,
    kind: COORDINATION_CLUSTER.kind,
  };
}
