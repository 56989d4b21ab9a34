import type { KubeObject } from '../../api/objects.ts';
import type { Logger } from '../../common/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isPermanent } from '../kube/errors.ts';
import type { Observed, PlannedEvent, Reconfiguration, Step } from '../plan/model.ts';
import { KINDS, type StatefulSet } from '../resources/kubernetes.ts';
import { namespaceOf, PORTS } from '../resources/names.ts';
import type { AppliedObjects } from './applied-objects.ts';
import type { ReconfigureOutcome } from './reconfigure.ts';

/** Why a step was not done, for the status. */
export interface StepFailure {
  readonly reason: string;
  readonly message: string;
}

/** Whether the steps after it were not done either. */
export function isStop({ reason }: StepFailure): boolean {
  return reason !== EXPANSION_REFUSED;
}

const EXPANSION_REFUSED = 'VolumeExpansionRefused';

/**
 * Whether a step takes something that nobody can give back: objects, a vote, or pods, with which volumes go that somebody has deleted.
 * All of that is decided on what the API server has, and only while the owner is as it was then.
 */
export function takesAway(step: Step, existing: readonly KubeObject[]): boolean {
  if (step.do === 'delete' || step.do === 'reconfigure') return true;
  if (step.do !== 'apply' || step.kind !== 'StatefulSet') return false;
  return replicasOf(step.object) < replicasOf(existingOf(step.object, existing));
}

function existingOf({ kind, metadata }: KubeObject, existing: readonly KubeObject[]): KubeObject | undefined {
  return existing.find((one) => one.kind === kind && one.metadata.name === metadata.name);
}

function replicasOf(set: KubeObject | undefined): number {
  return set === undefined ? 0 : (set as StatefulSet).spec.replicas;
}

/** What {@link act} writes with. */
export interface Writers {
  readonly client: Pick<KubeClient, 'apply' | 'create' | 'delete' | 'mergePatch'>;
  readonly applied: AppliedObjects;
  readonly setFinalizers: (finalizers: readonly string[]) => Promise<void>;
  /** Rejects with a conflict where the owner is no longer as it was when the steps were decided. */
  readonly confirm: () => Promise<void>;
  readonly announce: (event: PlannedEvent) => Promise<void>;
  readonly reconfigure: (change: Reconfiguration) => Promise<ReconfigureOutcome>;
  readonly logger: Logger;
}

/**
 * Carries out the steps in order, until one is refused for good.
 *
 * @param owner What the steps were planned for; all of them are in its namespace.
 * @returns the refusals, for somebody to change something
 * @throws CodedError where the same may succeed if it is planned and tried again
 */
export async function act(
  owner: KubeObject,
  steps: readonly Step[],
  observed: Pick<Observed, 'existing'>,
  writers: Writers,
): Promise<StepFailure[]> {
  const failures: StepFailure[] = [];
  let isConfirmed = false;
  for (const step of steps) {
    try {
      if (!isConfirmed && takesAway(step, observed.existing)) {
        // What was decided on an old state of the cluster must not cost anybody a pod, a volume or a vote.
        await writers.confirm();
        isConfirmed = true;
      }
      const failure = await perform(owner, step, observed, writers);
      if (failure === undefined) continue;
      failures.push(failure);
      break;
    } catch (error) {
      if (!isPermanent(error)) throw error;
      writers.logger.warn('step refused', { step: describe(step), error: error.message });
      failures.push({ reason: failureReason(step), message: `${describe(step)} was refused: ${error.said}` });
      if (!mayGoOnWithout(step)) break;
    }
  }
  return failures;
}

async function perform(
  owner: KubeObject,
  step: Step,
  observed: Pick<Observed, 'existing'>,
  { client, applied, setFinalizers, announce, reconfigure, logger }: Writers,
): Promise<StepFailure | undefined> {
  const namespace = namespaceOf(owner);
  switch (step.do) {
    case 'apply': {
      const { object, kind } = step;
      const before = existingOf(object, observed.existing);
      if (applied.isCurrent(object, before)) return undefined;
      logger.info('applying', { kind, name: object.metadata.name, namespace });
      applied.note(object, before, await client.apply(KINDS[kind], object));
      return undefined;
    }
    case 'create': {
      const { object, kind } = step;
      logger.info('creating', { kind, name: object.metadata.name, namespace });
      await client.create(KINDS[kind], object);
      return undefined;
    }
    case 'delete': {
      const { kind, name, uid, resourceVersion } = step;
      if (step.announce !== undefined) await announce(step.announce);
      logger.info('deleting', { kind, name, namespace, uid });
      const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      await client.delete(KINDS[kind], namespace, name, preconditions);
      return undefined;
    }
    case 'expandClaim': {
      const { name, uid, size } = step;
      logger.info('expanding volume', { name, namespace, size });
      const patch = { metadata: { uid }, spec: { resources: { requests: { storage: size } } } };
      await client.mergePatch(KINDS.PersistentVolumeClaim, namespace, name, patch);
      return undefined;
    }
    case 'reconfigure': {
      if (step.announce !== undefined) await announce(step.announce);
      logger.info('reconfiguring', { namespace, name: owner.metadata.name, change: describeChange(step) });
      const outcome = await reconfigure(step);
      if (outcome.result === 'done') return undefined;
      logger.warn('reconfiguration', { namespace, name: owner.metadata.name, ...outcome });
      if (outcome.result === 'unknown') return undefined;
      if (outcome.result === 'inVain') {
        const help = `it is tried again; where nobody answers, let the operator reach port ${PORTS.client} of the pods`;
        const message = `${describe(step)} came to nothing several times (${outcome.why}): ${help}`;
        return { reason: 'ReconfigurationInVain', message };
      }
      return { reason: 'ReconfigurationRefused', message: `${describe(step)} was refused: ${outcome.why}` };
    }
    case 'setFinalizers':
      if (step.announce !== undefined) await announce(step.announce);
      await setFinalizers(step.finalizers);
      return undefined;
  }
}

/** A schedule whose backup is refused, by a quota for instance, may delete those that are in the way. */
function mayGoOnWithout(step: Step): boolean {
  return step.do === 'expandClaim' || (step.do === 'create' && step.kind === 'CoordinationBackup');
}

function failureReason(step: Step): string {
  return mayGoOnWithout(step) ? EXPANSION_REFUSED : 'StepRefused';
}

function describe(step: Step): string {
  switch (step.do) {
    case 'apply':
      return `applying ${step.kind} ${step.object.metadata.name}`;
    case 'create':
      return `creating ${step.kind} ${step.object.metadata.name}`;
    case 'delete':
      return `deleting ${step.kind} ${step.name}`;
    case 'expandClaim':
      return `expanding volume ${step.name} to ${step.size}`;
    case 'reconfigure':
      return `reconfiguring the ensemble (${describeChange(step)})`;
    case 'setFinalizers':
      return 'setting the finalizers';
  }
}

function describeChange({ joining, leaving }: Reconfiguration): string {
  return joining === undefined ? `server ${leaving} leaves` : `${joining} joins`;
}
