import {
  COORDINATION_CLUSTER,
  parseCoordinationCluster,
  type CoordinationCluster,
  type CoordinationClusterStatus,
} from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { isConflict } from '../kube/errors.ts';
import { splitKey } from '../kube/object-cache.ts';
import type { Outcome } from '../kube/workers.ts';
import type { Observed, Plan, PlannedEvent, PlanSettings, Reconfiguration } from '../plan/model.ts';
import { statusEvents } from '../plan/events.ts';
import { planCluster } from '../plan/plan.ts';
import { failedStatus } from '../plan/status.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import { act, isStop, takesAway, type StepFailure } from './act.ts';
import { AppliedObjects } from './applied-objects.ts';
import { observe, type Sources } from './observe.ts';
import type { Reconfigure, ReconfigureOutcome } from './reconfigure.ts';
import { REFUSED_RETRY_MS, type ControllerOptions } from './resource-controller.ts';
import { understood } from './understood.ts';
import { VainReconfigurations } from './vain-reconfigurations.ts';
import { writeStatus } from './write-status.ts';

/** What a {@link ClusterController} works with. */
export interface ClusterControllerOptions extends ControllerOptions<CoordinationCluster, CoordinationClusterStatus> {
  readonly sources: Sources;
  readonly reconfigure: Reconfigure;
  readonly settings: PlanSettings;
}

/** Brings one CoordinationCluster after the other closer to its manifest: read, plan, act. */
export class ClusterController {
  readonly #options: ClusterControllerOptions;
  readonly #applied = new AppliedObjects();
  readonly #vain = new VainReconfigurations();

  constructor(options: ClusterControllerOptions) {
    this.#options = options;
  }

  /** One look at the cluster `namespace/name`. A failure is to be tried again; nothing is half done that matters. */
  async reconcile(key: string): Promise<Outcome> {
    const { sources } = this.#options;
    const { namespace, name } = splitKey(key);
    const object = await sources.client.get<KubeObject>(COORDINATION_CLUSTER, namespace, name);
    if (object === undefined) return {};
    const cluster = await understood(COORDINATION_CLUSTER, object, parseCoordinationCluster, this.#options.events);
    if (cluster === undefined) return { requeueAfterMs: REFUSED_RETRY_MS };
    const { observed, plan } = await this.#plan(cluster);
    try {
      let current = cluster;
      const failures = await act(cluster, plan.steps, observed, {
        client: this.#options.client,
        applied: this.#applied,
        logger: this.#options.logger,
        setFinalizers: async (finalizers) => {
          current = atVersion(current, await this.#options.resource.setFinalizers(current, finalizers));
        },
        confirm: async () => void (await this.#options.resource.confirm(current)),
        announce: async (event) => await this.#options.events.record(COORDINATION_CLUSTER, current, event),
        reconfigure: async (change) => await this.#reconfigure(cluster, change, observed),
      });
      const status = failures.length === 0 ? plan.status : withFailures(cluster, plan.status, failures, observed.now);
      const events = failures.length === 0 ? plan.events : eventsWith(failures, cluster, status);
      // As it is now: after a death right behind it the next life tells it again of the same version.
      for (const event of events) await this.#options.events.record(COORDINATION_CLUSTER, current, event);
      await this.#recordStatus(current, status);
      if (plan.status === undefined) this.#forget(cluster);
      return { requeueAfterMs: failures.some(isStop) ? REFUSED_RETRY_MS : plan.requeueAfterMs };
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Something changed since it was read, which is no failure: read and decide again.
      this.#options.logger.debug('changed meanwhile', { key, error: String(error) });
      return { overtaken: true };
    }
  }

  /** What to take away, and who joins or leaves, is decided on pods, volumes and leaders as they are now; all else can do with what the caches have. */
  async #plan(cluster: CoordinationCluster): Promise<{ observed: Observed; plan: Plan }> {
    const { sources, settings } = this.#options;
    const glance = await observe(cluster, sources, 'cache');
    const plan = planCluster(cluster, glance, settings);
    if (!plan.steps.some((step) => takesAway(step, glance.existing))) return { observed: glance, plan };
    const observed = await observe(cluster, sources, 'api');
    return { observed, plan: planCluster(cluster, observed, settings) };
  }

  async #reconfigure(
    { metadata: { uid = '' } }: CoordinationCluster,
    change: Reconfiguration,
    { superUser }: Observed,
  ): Promise<ReconfigureOutcome> {
    if (superUser === undefined) return { result: 'unknown', why: 'the super user is only just being made' };
    return this.#vain.judge(uid, change, await this.#options.reconfigure(change, superUser));
  }

  #forget({ metadata: { uid = '' } }: CoordinationCluster): void {
    this.#applied.forget(uid);
    this.#vain.forget(uid);
  }

  async #recordStatus(cluster: CoordinationCluster, status: CoordinationClusterStatus | undefined): Promise<void> {
    if (status === undefined || canonicalJson(status) === canonicalJson(cluster.status ?? {})) return;
    const { namespace, name } = cluster.metadata;
    const { phase, readiness, leader, bootstrap } = status;
    this.#options.logger.info('status', { namespace, name, phase, readiness, leader, bootstrap: bootstrap?.phase });
    const { resource, events } = this.#options;
    await writeStatus(COORDINATION_CLUSTER, cluster, events, async () => await resource.setStatus(cluster, status));
  }
}

/** What was observed, but no latch that the refused steps should have come before. */
function withFailures(
  { status: previous }: CoordinationCluster,
  planned: CoordinationClusterStatus | undefined,
  failures: readonly StepFailure[],
  now: string,
): CoordinationClusterStatus | undefined {
  const [first] = failures;
  if (planned === undefined || first === undefined) return planned;
  const { bootstrap, ...observed } = planned;
  const stopped = failures.some(isStop);
  const latch = stopped ? previous?.bootstrap : bootstrap;
  const kept = latch === undefined ? observed : { ...observed, bootstrap: latch };
  const message = failures.map((failure) => failure.message).join('; ');
  return failedStatus(previous, kept, { reason: first.reason, message, stopped }, now);
}

function eventsWith(
  failures: readonly StepFailure[],
  cluster: CoordinationCluster,
  status: CoordinationClusterStatus | undefined,
): PlannedEvent[] {
  const news = failures.some(isStop) || status === undefined ? [] : statusEvents(cluster.status, status);
  return [...failureEvents(cluster, failures), ...news];
}

function failureEvents({ status }: CoordinationCluster, failures: readonly StepFailure[]): PlannedEvent[] {
  const told = status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
  return failures
    .filter(({ message }) => !told.includes(message))
    .map(({ reason, message }) => ({ type: 'Warning', reason, message }));
}

function atVersion(cluster: CoordinationCluster, resourceVersion: string): CoordinationCluster {
  return { ...cluster, metadata: { ...cluster.metadata, resourceVersion } };
}
