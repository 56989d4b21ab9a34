import { ResourceEventType, type ResourceEvent, type ResourceMeta } from '@dot-i/k8s-operator';
import { apiVersionOf, type KubeObject, type ResourceType } from '../../api/objects.ts';
import { COORDINATION_BACKUP } from '../../api/coordination-backup.ts';
import {
  COORDINATION_BACKUP_SCHEDULE,
  type CoordinationBackupSchedule,
} from '../../api/coordination-backup-schedule.ts';
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
import { CHECK_COMPONENT } from '../resources/backup/check.ts';
import { KINDS } from '../resources/kubernetes.ts';
import { MANAGER, SCHEDULE_LABEL } from '../resources/names.ts';
import { backupKind, scheduleKind } from './backup-kinds.ts';
import { ClusterController } from './cluster-controller.ts';
import { addGauges } from './gauges.ts';
import { readMembers } from './member-reader.ts';
import type { CachedKind } from './observe.ts';
import { OwnWrites } from './own-writes.ts';
import { reconfigureBehind } from './reconfigure.ts';
import { ResourceController, type ControllerOptions, type ResourceWriter } from './resource-controller.ts';

/** How many resources of each kind are looked at at the same time. */
const CONCURRENCY = 8;

/** Selects what belongs to any resource of ours; pods and claims have this label from the templates they are made from. */
const OWNED_LABELS = 'app.kubernetes.io/name=zabkeeper';

/** The kinds that people write. Each has a queue and a controller of its own. */
const CONTROLLED = [COORDINATION_CLUSTER, COORDINATION_BACKUP, COORDINATION_BACKUP_SCHEDULE] as const;

type Controlled = (typeof CONTROLLED)[number];

/** The kinds that are made of them. Not Secrets: the operator may read those whose name it knows, and list none. */
const OWNED = [
  'Service',
  'ConfigMap',
  'Pod',
  'PersistentVolumeClaim',
  'StatefulSet',
  'PodDisruptionBudget',
  'Job',
] as const;

/** What an object belongs to, by its label `app.kubernetes.io/component`. */
const OWNERS: Readonly<Record<string, Controlled['kind']>> = {
  server: 'CoordinationCluster',
  backup: 'CoordinationBackup',
  [CHECK_COMPONENT]: 'CoordinationCluster',
};

/** Looks at one resource. */
interface Controller {
  reconcile(key: string): Promise<Outcome>;
}

/** What the operator is started with. */
export interface ZabkeeperOperatorOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly context?: string | undefined;
  /** The only namespace to look at; all where it is not set. */
  readonly watchNamespace?: string | undefined;
  /** Namespaces to leave to operators of their own. */
  readonly ignoreNamespaces?: readonly string[] | undefined;
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

/** The operator: watches, a queue of resources of each kind, and workers while this replica holds the lease. */
export class ZabkeeperOperator extends ResilientOperator {
  readonly #options: ZabkeeperOperatorOptions;
  readonly #election: LeaderElection;
  readonly #written = new OwnWrites();
  /** Closed before this replica leads, and afterwards: nobody works through them then, and whoever leads looks at everything first. */
  #queues = closedQueues();

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
    const { watchNamespace } = this.#options;
    for (const type of CONTROLLED) {
      const { group, version, plural } = type;
      await this.watchResource(group, version, plural, async (event) => this.#changed(type, event), watchNamespace);
    }
    for (const kind of OWNED) {
      const { group, version, plural } = KINDS[kind];
      const onEvent = async ({ object }: ResourceEvent) => this.#ownedChanged(object);
      await this.watchResource(group, version, plural, onEvent, watchNamespace, OWNED_LABELS);
    }
    addGauges(this.metrics, {
      leads: () => this.#election.isLeading,
      queueDepths: () => Object.fromEntries(CONTROLLED.map(({ kind }) => [kind, this.#queues[kind].depth])),
      clusters: () => this.cacheOf<CoordinationCluster>(COORDINATION_CLUSTER).values(),
      schedules: () => this.cacheOf<CoordinationBackupSchedule>(COORDINATION_BACKUP_SCHEDULE).values(),
    });
  }

  /** Everything that this operator changes, it changes behind this, and only while it holds the lease. */
  protected override get gate(): WriteGate {
    return { before: this.#election.guard, after: this.#options.onWrite ?? (() => undefined) };
  }

  #changed({ kind }: Controlled, { object, meta, type }: ResourceEvent): void {
    const { uid, labels, resourceVersion } = object.metadata ?? {};
    const namespace = meta.namespace ?? '';
    if (type === ResourceEventType.Deleted) this.#written.forget({ uid });
    if (!this.#written.has({ uid, resourceVersion })) this.#queues[kind].add(`${namespace}/${meta.name}`);
    // How a backup fares, whoever wrote it, is what its schedule waits for.
    const schedule = kind === COORDINATION_BACKUP.kind ? labels?.[SCHEDULE_LABEL] : undefined;
    if (schedule !== undefined) this.#queues.CoordinationBackupSchedule.add(`${namespace}/${schedule}`);
  }

  /** What something belongs to is in its labels; pods have no owner reference to it, volumes none at all. */
  #ownedChanged({ metadata }: ResourceEvent['object']): void {
    const owner = OWNERS[metadata?.labels?.['app.kubernetes.io/component'] ?? ''];
    const name = metadata?.labels?.['app.kubernetes.io/instance'];
    if (owner !== undefined && name !== undefined) this.#queues[owner].add(`${metadata?.namespace ?? ''}/${name}`);
  }

  async #lead(stop: AbortSignal): Promise<void> {
    const controllers = this.#controllers();
    this.#queues = newQueues();
    await Promise.all(CONTROLLED.map(async (type) => await this.#work(type, controllers[type.kind], stop)));
  }

  async #work(type: Controlled, controller: Controller, stop: AbortSignal): Promise<void> {
    const { kind } = type;
    const queue = this.#queues[kind];
    // What changed while another replica led was decided by that one; every resource gets a look of its own.
    for (const resource of this.cacheOf<KubeObject>(type).values()) queue.add(keyOf(resource));
    stop.addEventListener('abort', () => queue.close(), { once: true });
    if (stop.aborted) queue.close();
    await runWorkers({
      queue,
      concurrency: CONCURRENCY,
      work: async (key) => await this.#measured(kind, async () => await controller.reconcile(key)),
      onFailure: (key, error, retryInMs) =>
        this.#options.logger.error('reconciliation failed', { kind, key, error: String(error), retryInMs }),
    });
  }

  #controllers(): Record<Controlled['kind'], Controller> {
    const { logger, identity, settings, watchNamespace } = this.#options;
    const client = this.client.behind(this.gate);
    const caches: Record<CachedKind, ReturnType<typeof this.cacheOf>> = {
      Service: this.cacheOf(KINDS.Service),
      ConfigMap: this.cacheOf(KINDS.ConfigMap),
      Pod: this.cacheOf(KINDS.Pod),
      PersistentVolumeClaim: this.cacheOf(KINDS.PersistentVolumeClaim),
      PodDisruptionBudget: this.cacheOf(KINDS.PodDisruptionBudget),
    };
    const events = new EventRecorder(client, MANAGER, identity, logger);
    const optionsFor = (type: ResourceType): ControllerOptions => ({
      client,
      resource: this.#writerOf(type),
      events,
      logger,
    });
    return {
      CoordinationCluster: new ClusterController({
        ...optionsFor(COORDINATION_CLUSTER),
        sources: { client, caches, readMembers },
        reconfigure: reconfigureBehind(this.gate),
        settings,
      }),
      CoordinationBackup: new ResourceController(
        backupKind(client, settings, watchNamespace),
        optionsFor(COORDINATION_BACKUP),
      ),
      CoordinationBackupSchedule: new ResourceController(
        scheduleKind(client, watchNamespace),
        optionsFor(COORDINATION_BACKUP_SCHEDULE),
      ),
    };
  }

  #writerOf(type: ResourceType): ResourceWriter {
    return {
      setStatus: async (resource, status) =>
        this.#noteWritten(resource, await this.setResourceStatus(metaOf(type, resource), status)),
      setFinalizers: async (resource, finalizers) =>
        this.#noteWritten(resource, await this.replaceFinalizers(metaOf(type, resource), finalizers)),
      confirm: async (resource) => (await this.confirmVersion(metaOf(type, resource))).resourceVersion,
    };
  }

  #noteWritten({ metadata }: KubeObject, { resourceVersion }: ResourceMeta): string {
    this.#written.note(metadata, resourceVersion);
    return resourceVersion;
  }

  async #measured(kind: string, work: () => Promise<Outcome>): Promise<Outcome> {
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

function closedQueues(): Record<Controlled['kind'], WorkQueue> {
  const queues = newQueues();
  for (const queue of Object.values(queues)) queue.close();
  return queues;
}

function newQueues(): Record<Controlled['kind'], WorkQueue> {
  return {
    CoordinationCluster: new WorkQueue(),
    CoordinationBackup: new WorkQueue(),
    CoordinationBackupSchedule: new WorkQueue(),
  };
}

function metaOf(type: ResourceType, { metadata }: KubeObject): ResourceMeta {
  const apiVersion = apiVersionOf(type);
  return {
    id: `${type.plural}.${apiVersion}`,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    apiVersion,
    kind: type.kind,
  };
}
