import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { Logger } from '../../common/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict } from '../kube/errors.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import { splitKey } from '../kube/object-cache.ts';
import type { Outcome } from '../kube/workers.ts';
import type { ResourcePlan } from '../plan/backup/model.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import { act } from './act.ts';
import { AppliedObjects } from './applied-objects.ts';
import { understood } from './understood.ts';
import { writeStatus } from './write-status.ts';

/** How soon to try again after a step was refused for good, in milliseconds: somebody must change something first. */
export const REFUSED_RETRY_MS = 15_000;

/** What the API server says where a namespace is on its way out: nothing can be made in it any more. */
const NAMESPACE_ENDS = /being terminated/;

/** Writes to a resource, each only if it is still at the version given; they return the new version. */
export interface ResourceWriter<Resource extends KubeObject = KubeObject, Status = unknown> {
  readonly setStatus: (resource: Resource, status: Status) => Promise<string>;
  readonly setFinalizers: (resource: Resource, finalizers: readonly string[]) => Promise<string>;
  /** Changes nothing. */
  readonly confirm: (resource: Resource) => Promise<string>;
}

/** What all controllers work with. */
export interface ControllerOptions<Resource extends KubeObject = KubeObject, Status = unknown> {
  /** Behind the lease's guard. */
  readonly client: KubeClient;
  readonly resource: ResourceWriter<Resource, Status>;
  readonly events: EventRecorder;
  readonly logger: Logger;
}

/** One kind: how its resources are read, looked at, and decided about. */
export interface ControlledKind<Resource extends KubeObject, Observed, Status> {
  readonly type: ResourceType;
  /** Ours on its resources, where they have one. */
  readonly finalizer?: string;
  readonly parse: (object: KubeObject) => Resource;
  readonly observe: (resource: Resource) => Promise<Observed>;
  readonly plan: (resource: Resource, observed: Observed) => ResourcePlan<Status>;
}

/** Brings one resource after the other of a kind closer to its manifest: read, plan, act. */
export class ResourceController<
  Resource extends KubeObject & { readonly status?: Status },
  Observed,
  Status extends object,
> {
  readonly #kind: ControlledKind<Resource, Observed, Status>;
  readonly #options: ControllerOptions;
  /** Everything is made once here and nothing applied, so there is nothing to remember. */
  readonly #applied = new AppliedObjects();

  constructor(kind: ControlledKind<Resource, Observed, Status>, options: ControllerOptions) {
    this.#kind = kind;
    this.#options = options;
  }

  /** One look at the resource `namespace/name`. A failure is to be tried again; nothing is half done that matters. */
  async reconcile(key: string): Promise<Outcome> {
    const { type } = this.#kind;
    const { client, logger, events, resource: writer } = this.#options;
    const { namespace, name } = splitKey(key);
    const object = await client.get<KubeObject>(type, namespace, name);
    if (object === undefined) return {};
    const resource = await understood(type, object, this.#kind.parse, events);
    if (resource === undefined) return { requeueAfterMs: REFUSED_RETRY_MS };
    const plan = this.#kind.plan(resource, await this.#kind.observe(resource));
    let current: KubeObject = resource;
    const setFinalizers = async (finalizers: readonly string[]) => {
      current = atVersion(current, await writer.setFinalizers(current, finalizers));
    };
    try {
      const failures = await act(
        resource,
        plan.steps,
        { existing: [] },
        {
          client,
          applied: this.#applied,
          logger,
          setFinalizers,
          confirm: async () => void (await writer.confirm(current)),
          // No other kind has an ensemble to speak to.
          reconfigure: async () => ({ result: 'refused', why: `a ${type.kind} reconfigures nothing` }),
          announce: async (event) => await events.record(type, current, event),
        },
      );
      if (failures.length > 0) {
        const message = failures.map((failure) => failure.message).join('; ');
        await events.record(type, current, { type: 'Warning', reason: 'StepRefused', message });
        // Nobody waits for ever for a Job that cannot be made: what is stored stays.
        const { deletionTimestamp, finalizers = [] } = resource.metadata;
        if (deletionTimestamp !== undefined && NAMESPACE_ENDS.test(message)) {
          await setFinalizers(finalizers.filter((finalizer) => finalizer !== this.#kind.finalizer));
        } else {
          await this.#recordStatus(resource, current, plan.refused?.(message));
        }
        return { requeueAfterMs: REFUSED_RETRY_MS };
      }
      // As it is now: after a death right behind it the next life tells it again of the same version.
      for (const event of plan.events) await events.record(type, current, event);
      await this.#recordStatus(resource, current, plan.status);
      return { requeueAfterMs: plan.requeueAfterMs };
    } catch (error) {
      if (!isConflict(error)) throw error;
      // Something changed since it was read, which is no failure: read and decide again.
      logger.debug('changed meanwhile', { kind: type.kind, key, error: String(error) });
      return { overtaken: true };
    }
  }

  async #recordStatus(asRead: Resource, current: KubeObject, status: Status | undefined): Promise<void> {
    if (status === undefined || canonicalJson(status) === canonicalJson(asRead.status ?? {})) return;
    const { namespace, name } = current.metadata;
    this.#options.logger.info('status', { kind: this.#kind.type.kind, namespace, name, ...described(status) });
    const { resource, events } = this.#options;
    await writeStatus(this.#kind.type, current, events, async () => await resource.setStatus(current, status));
  }
}

function described(status: object): Record<string, unknown> {
  return 'phase' in status ? { phase: status.phase } : {};
}

function atVersion(object: KubeObject, resourceVersion: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}
