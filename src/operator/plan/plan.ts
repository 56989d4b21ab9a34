import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import { configMap } from '../resources/config-map.ts';
import { disruptionBudget } from '../resources/disruption-budget.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { Secret, StatefulSet } from '../resources/kubernetes.ts';
import { FINALIZER } from '../resources/names.ts';
import { operatorSecret, superUser } from '../resources/operator-secret.ts';
import { clientService, peerService } from '../resources/services.ts';
import { statefulSet } from '../resources/stateful-set.ts';
import { nameTaken, scalingRefused, secretDamaged, type Refusal } from './acceptance.ts';
import { beginAgain } from './begin-again.ts';
import { advanceLatch, decideBeginning, validLatch } from './bootstrap.ts';
import { allEnded, isUpdating, type Situation } from './cluster-conditions.ts';
import { planDeletion } from './deletion.ts';
import { statusEvents } from './events.ts';
import { ensembleState, type EnsembleState } from './members.ts';
import { REQUEUE, type Observed, type Plan, type PlanSettings, type Step } from './model.ts';
import { restartOutdated } from './rolling.ts';
import { clusterStatus } from './status.ts';
import { claimTemplate, expandClaims, volumeSize } from './volumes.ts';

/** What to do next for a cluster. Pure, and safe to follow only in part: the next plan takes up what is left. */
export function planCluster(cluster: CoordinationCluster, observed: Observed, settings: PlanSettings): Plan {
  const latch = validLatch(cluster);
  const administrator = observed.superUser ?? superUser(observed.freshPassword);
  const ensemble: Ensemble = {
    cluster,
    voters: latch?.replicas ?? cluster.spec.replicas,
    image: cluster.spec.image ?? settings.defaultImage,
    superDigest: administrator.digest,
  };
  const state = ensembleState(ensemble, observed);
  const { voters } = ensemble;
  const { now } = observed;
  const situation: Situation = { cluster, voters, now, latch, state, volumeSize: volumeSize(ensemble, observed) };

  if (cluster.metadata.deletionTimestamp !== undefined) return deletionPlan(situation, observed);
  if (cluster.spec.paused) return conclude(situation, [], REQUEUE.steadyMs);
  const obstacle = nameTaken(cluster, observed.existing) ?? secretDamaged(cluster, observed);
  if (obstacle !== undefined) return refusalPlan(situation, obstacle);
  if (latch === undefined) return beginningPlan(situation, observed);

  const takenBack = beginAgain(ensemble, latch, observed);
  if (takenBack !== undefined) return conclude(situation, takenBack, REQUEUE.formingMs);
  const advanced = advanceLatch(latch, state, now);
  const rolling = restartOutdated(ensemble, latch, state, observed);
  const steps = [
    ...ensureFinalizer(cluster),
    ...expandClaims(ensemble, observed),
    ...(observed.superUser === undefined ? [create(operatorSecret(cluster, administrator))] : []),
    ...ensembleObjects(ensemble, latch, observed.statefulSet),
    ...rolling.steps,
    ...retireConfigMaps(ensemble, state, observed),
  ];
  const refusal = scalingRefused(cluster, latch);
  const settled: Situation = { ...situation, nextLatch: advanced, refusal, updateWaitsFor: rolling.waitingFor };
  return conclude(settled, steps, requeueAfter(latch, settled));
}

/**
 * The objects that the latch permits, in the order in which they must come to be. While the bootstrap is under way the
 * members may begin with empty disks and no client is let in; once it is over, both turn around, the first before the
 * second.
 */
function ensembleObjects(ensemble: Ensemble, latch: BootstrapLatch, existing: StatefulSet | undefined): Step[] {
  const { cluster } = ensemble;
  const initialize = latch.phase === 'Started';
  const set = statefulSet(ensemble, { initialize, claims: claimTemplate(cluster, existing) });
  return [
    { do: 'apply', kind: 'Service', object: peerService(cluster) },
    { do: 'apply', kind: 'ConfigMap', object: configMap(ensemble) },
    { do: 'apply', kind: 'PodDisruptionBudget', object: disruptionBudget(cluster) },
    { do: 'apply', kind: 'StatefulSet', object: onlyOver(existing, set) },
    ...(initialize ? [] : [{ do: 'apply', kind: 'Service', object: clientService(cluster) } as const]),
  ];
}

function create(object: Secret): Step {
  return { do: 'create', kind: 'Secret', object };
}

/** Deletes the configurations that no member has any more. */
function retireConfigMaps(ensemble: Ensemble, state: EnsembleState, { existing }: Observed): Step[] {
  if (!state.complete || state.members.some(({ outdated }) => outdated)) return [];
  const { name: current } = configMap(ensemble).metadata;
  return existing.flatMap(({ kind, metadata: { name, uid } }): Step[] =>
    kind !== 'ConfigMap' || name === current || uid === undefined ? [] : [{ do: 'delete', kind, name, uid }],
  );
}

/** Makes the apply conditional on the set being the one that was observed. */
function onlyOver(existing: StatefulSet | undefined, set: StatefulSet): StatefulSet {
  const resourceVersion = existing?.metadata.resourceVersion;
  return resourceVersion === undefined ? set : { ...set, metadata: { ...set.metadata, resourceVersion } };
}

/** Records how the cluster begins, and nothing else: what the latch permits comes after it is written. */
function beginningPlan(situation: Situation, observed: Observed): Plan {
  const { cluster } = situation;
  const beginning = decideBeginning(cluster, observed);
  switch (beginning.may) {
    case 'begin':
      return conclude({ ...situation, nextLatch: beginning.latch }, ensureFinalizer(cluster), REQUEUE.nowMs);
    case 'wait':
      return refusalPlan(situation, { reason: 'WaitingForVolumes', message: beginning.message });
    case 'not':
      return refusalPlan(situation, { reason: 'VolumesDoNotFit', message: beginning.message });
  }
}

function refusalPlan(situation: Situation, refusal: Refusal): Plan {
  return conclude({ ...situation, refusal }, [], REQUEUE.waitingMs);
}

function deletionPlan(situation: Situation, observed: Observed): Plan {
  const { steps, events, waitingFor } = planDeletion(situation.cluster, observed);
  if (waitingFor === undefined) return { steps, events, requeueAfterMs: REQUEUE.steadyMs };
  const status = clusterStatus({ ...situation, deletion: waitingFor });
  return { steps, events, status, requeueAfterMs: REQUEUE.waitingMs };
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
  if (latch.phase === 'Started' || isUpdating(situation)) return REQUEUE.formingMs;
  return state.complete ? REQUEUE.steadyMs : REQUEUE.waitingMs;
}
