import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import { withoutRestore, withRestore } from '../resources/backup/restore.ts';
import { configMap } from '../resources/config-map.ts';
import { disruptionBudget } from '../resources/disruption-budget.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import { formedConfigMap } from '../resources/formed.ts';
import type { Secret, StatefulSet } from '../resources/kubernetes.ts';
import { FINALIZER, formedName, memberSlots, OBSERVER_LABEL } from '../resources/names.ts';
import { operatorSecret, superUser } from '../resources/operator-secret.ts';
import { clientService, peerService } from '../resources/services.ts';
import { statefulSet } from '../resources/stateful-set.ts';
import { nameTaken, secretDamaged, withoutNamesake, type Refusal } from './acceptance.ts';
import { beginAgain, mayDecideAnew } from './begin-again.ts';
import { advanceLatch, decideBeginning, validLatch } from './bootstrap.ts';
import { allEnded, isScaling, isStuck, isUpdating, type Situation } from './cluster-conditions.ts';
import { planDeletion } from './deletion.ts';
import { deletionOf } from './deletions.ts';
import { hibernationObstacle } from './doomed-volumes.ts';
import { statusEvents } from './events.ts';
import { ensembleState, isTakenUp, mounts, type EnsembleState } from './members.ts';
import { REQUEUE, type Observed, type Plan, type PlanSettings, type Step } from './model.ts';
import { decideRestore, restoredLatch } from './restore.ts';
import { checkRestore } from './restore-check.ts';
import { planRebuild } from './rebuild.ts';
import { NO_RESTART, restartOutdated } from './rolling.ts';
import { planScaling } from './scaling.ts';
import { clusterStatus } from './status.ts';
import { claimTemplate, expandClaims, growingVolumes, retireClaims, volumeSize } from './volumes.ts';

/** What to do next for a cluster. Pure, and safe to follow only in part: the next plan takes up what is left. */
export function planCluster(cluster: CoordinationCluster, all: Observed, settings: PlanSettings): Plan {
  const observed = withoutNamesake(cluster, all);
  const latch = validLatch(cluster);
  const administrator = observed.superUser ?? superUser(observed.freshPassword);
  const asDeclared: Ensemble = {
    cluster,
    sizes: { participant: cluster.spec.replicas, observer: cluster.spec.observers.replicas },
    image: cluster.spec.image ?? settings.defaultImage,
    superDigest: administrator.digest,
  };
  const state = ensembleState(asDeclared, latch, observed);
  const scaling = planScaling(cluster, latch, state, observed);
  const ensemble = { ...asDeclared, sizes: scaling.sizes };
  const { now } = observed;
  const volumes = { volumeSize: volumeSize(ensemble, observed), growing: growingVolumes(ensemble, observed) };
  const situation: Situation = { cluster, now, latch, state, ...volumes };

  if (cluster.metadata.deletionTimestamp !== undefined) return deletionPlan(situation, observed);
  if (cluster.spec.paused) return conclude(situation, [], REQUEUE.steadyMs);
  const obstacle =
    nameTaken(cluster, observed.existing) ??
    secretDamaged(cluster, observed) ??
    hibernationObstacle(cluster, latch, state);
  if (obstacle !== undefined) return refusalPlan(situation, obstacle);
  if (latch === undefined || mayDecideAnew(cluster, latch, observed)) {
    return beginningPlan(situation, observed, ensemble.image);
  }
  const again = beginAgain(cluster, latch, state, observed);
  if (again !== undefined && 'steps' in again) {
    return conclude({ ...situation, beginsAgain: again.progress }, again.steps, REQUEUE.formingMs);
  }
  const advanced = advanceLatch(latch, state, now);
  const rebuild = planRebuild(cluster, latch, state, observed);
  // One thing at a time that a quorum must do without a member for, or agree on. Where both can go on, members are updated first: who
  // does not know of a new password yet would refuse any change of who belongs to the ensemble.
  const isRebuilding = rebuild.steps.length > 0;
  const rolling = isRebuilding ? NO_RESTART : restartOutdated(ensemble, latch, state, observed);
  const mayReconfigure = !isRebuilding && !rolling.goesOn;
  const steps = [
    ...ensureFinalizer(cluster),
    ...expandClaims(ensemble, observed),
    ...(observed.superUser === undefined ? [create(operatorSecret(cluster, administrator))] : []),
    ...ensembleObjects(ensemble, latch, observed),
    ...retireClaims(ensemble, state, observed),
    ...rebuild.steps,
    ...rolling.steps,
    ...retireConfigMaps(ensemble, state, observed),
    ...(mayReconfigure ? scaling.steps : []),
  ];
  const settled: Situation = {
    ...situation,
    nextLatch: advanced,
    leftToPerson: again?.help,
    refusal: scaling.refusal && { ...scaling.refusal, message: again?.help ?? scaling.refusal.message },
    scaling: scaling.progress,
    updateWaitsFor: rolling.waitingFor,
    rebuildWaitsFor: rebuild.waitingFor,
  };
  return conclude(settled, steps, requeueAfter(latch, settled));
}

/**
 * The objects that the latch permits, in the order in which they must come to be. While the bootstrap is under way the
 * members may begin with empty disks and no client is let in; once it is over, both turn around, the first before the
 * second, and for pods that are there already too.
 */
function ensembleObjects(ensemble: Ensemble, latch: BootstrapLatch, observed: Observed): Step[] {
  const { cluster } = ensemble;
  const initialize = latch.phase === 'Started';
  const claims = claimTemplate(cluster, observed.statefulSet);
  const { restoreFrom } = latch;
  // Whoever restores has data, and may vote for that reason only.
  const made = statefulSet(ensemble, 'participant', { initialize: initialize && restoreFrom === undefined, claims });
  const set =
    restoreFrom === undefined
      ? made
      : initialize
        ? withRestore(made, restoreFrom, ensemble)
        : withoutRestore(made, restoreFrom);
  return [
    { do: 'apply', kind: 'Service', object: peerService(cluster) },
    { do: 'apply', kind: 'ConfigMap', object: configMap(ensemble) },
    { do: 'apply', kind: 'PodDisruptionBudget', object: disruptionBudget(cluster) },
    ...(initialize ? [] : [{ do: 'apply', kind: 'ConfigMap', object: formedConfigMap(cluster) } as const]),
    { do: 'apply', kind: 'StatefulSet', object: onlyOver(observed.statefulSet, set) },
    ...observersSet(ensemble, observed),
    ...(initialize ? [] : [{ do: 'apply', kind: 'Service', object: clientService(cluster) } as const]),
  ];
}

/** There is a set of observers while there are any. */
function observersSet(ensemble: Ensemble, { observerSet: existing, pods }: Observed): Step[] {
  const { cluster, sizes } = ensemble;
  if (sizes.observer === 0 && existing === undefined) return [];
  const isOver =
    sizes.observer === 0 && !pods.some(({ metadata }) => metadata.labels?.[OBSERVER_LABEL.key] !== undefined);
  if (isOver) return deletionOf('StatefulSet', existing);
  const set = statefulSet(ensemble, 'observer', { initialize: false, claims: claimTemplate(cluster, existing) });
  return [{ do: 'apply', kind: 'StatefulSet', object: onlyOver(existing, set) }];
}

function create(object: Secret): Step {
  return { do: 'create', kind: 'Secret', object };
}

/** Deletes the zoo.cfgs that no member uses. NAME-formed, which no pod mounts, stays as long as the cluster. */
function retireConfigMaps(ensemble: Ensemble, state: EnsembleState, observed: Observed): Step[] {
  const { existing, pods, statefulSet: voters, observerSet: observers } = observed;
  const slots = memberSlots(ensemble.cluster, ensemble.sizes);
  const everyPodIsThere = slots.every(({ podName }) => pods.some(({ metadata }) => metadata.name === podName));
  if (!state.complete || !everyPodIsThere || state.members.some(({ outdated }) => outdated)) return [];
  const { name: current } = configMap(ensemble).metadata;
  // A pod that dies now is made anew from what Kubernetes knows of the template.
  const sets = [voters, observers].filter((set) => set !== undefined);
  if (!sets.every((set) => isTakenUp(set) && mounts(set.spec.template.spec, current))) return [];
  const mounted = pods.flatMap(({ spec }) => spec?.volumes?.map((volume) => volume.configMap?.name) ?? []);
  const kept = new Set([current, formedName(ensemble.cluster), ...mounted]);
  return existing.flatMap(({ kind, metadata: { name, uid } }): Step[] =>
    kind !== 'ConfigMap' || kept.has(name) || uid === undefined ? [] : [{ do: 'delete', kind, name, uid }],
  );
}

/** Makes the apply conditional on the set being the one that was observed. */
function onlyOver(existing: StatefulSet | undefined, set: StatefulSet): StatefulSet {
  const resourceVersion = existing?.metadata.resourceVersion;
  return resourceVersion === undefined ? set : { ...set, metadata: { ...set.metadata, resourceVersion } };
}

/** Records how the cluster begins, and nothing else, once its snapshot is known to be good: what the latch permits comes after it is written. */
function beginningPlan(situation: Situation, observed: Observed, image: string): Plan {
  const { cluster } = situation;
  const beginning = decideBeginning(cluster, observed);
  switch (beginning.may) {
    case 'begin':
      return decidedBeginning(situation, beginning.latch, observed, image);
    case 'wait':
      return refusalPlan(situation, { reason: 'WaitingForVolumes', message: beginning.message });
    case 'not':
      return refusalPlan(situation, { reason: 'VolumesDoNotFit', message: beginning.message });
  }
}

function decidedBeginning(situation: Situation, latch: BootstrapLatch, observed: Observed, image: string): Plan {
  const { cluster } = situation;
  const begins = (nextLatch: BootstrapLatch) =>
    conclude({ ...situation, nextLatch }, ensureFinalizer(cluster), REQUEUE.nowMs);
  const restore = decideRestore(cluster, observed);
  if (restore === undefined) return begins(latch);
  const restored = 'refused' in restore ? restore.refused : restoredLatch(latch, restore.from);
  if (typeof restored === 'string') return refusalPlan(situation, { reason: 'RestoreRefused', message: restored });
  const check = checkRestore(cluster, restored.restoreFrom, image, observed);
  if ('passed' in check) return begins({ ...restored, restoreFrom: check.passed });
  const { steps } = check;
  if ('refusal' in check) return conclude({ ...situation, refusal: check.refusal }, steps, REQUEUE.waitingMs);
  return conclude({ ...situation, restoreCheck: check.underWay }, steps, REQUEUE.waitingMs);
}

function refusalPlan(situation: Situation, refusal: Refusal): Plan {
  return conclude({ ...situation, refusal }, [], REQUEUE.waitingMs);
}

function deletionPlan(situation: Situation, observed: Observed): Plan {
  const { steps, waitingFor } = planDeletion(situation.cluster, observed);
  if (waitingFor === undefined) return { steps, events: [], requeueAfterMs: REQUEUE.steadyMs };
  const status = clusterStatus({ ...situation, deletion: waitingFor });
  return { steps, events: [], status, requeueAfterMs: REQUEUE.waitingMs };
}

function conclude(situation: Situation, steps: readonly Step[], requeueAfterMs: number): Plan {
  const status = clusterStatus(situation);
  return { steps, status, events: statusEvents(situation.cluster.status, status), requeueAfterMs };
}

function ensureFinalizer(cluster: CoordinationCluster): Step[] {
  const finalizers = cluster.metadata.finalizers ?? [];
  return finalizers.includes(FINALIZER) ? [] : [{ do: 'setFinalizers', finalizers: [...finalizers, FINALIZER] }];
}

function requeueAfter(latch: BootstrapLatch, situation: Situation): number {
  const { nextLatch, state, cluster } = situation;
  if (nextLatch?.phase !== latch.phase) return REQUEUE.nowMs;
  if (cluster.spec.hibernated) return allEnded(state) ? REQUEUE.steadyMs : REQUEUE.waitingMs;
  const isForming = latch.phase === 'Started' || isUpdating(situation) || isScaling(situation);
  // Watches tell of whatever a person does about it.
  if (isForming && !isStuck(situation)) return REQUEUE.formingMs;
  return state.complete ? REQUEUE.steadyMs : REQUEUE.waitingMs;
}
