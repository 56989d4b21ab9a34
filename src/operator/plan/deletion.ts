import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { PersistentVolumeClaim } from '../resources/kubernetes.ts';
import { CLUSTER_UID_LABEL, FINALIZER, isMemberClaim } from '../resources/names.ts';
import { nameTaken } from './acceptance.ts';
import { validLatch } from './bootstrap.ts';
import type { Observed, PlannedEvent, Step } from './model.ts';

/** What is still to be done before a cluster that somebody deleted may be gone. */
export interface Deletion {
  readonly steps: readonly Step[];
  readonly events: readonly PlannedEvent[];
  /** What it waits for; undefined once the finalizer is removed by the steps. */
  readonly waitingFor?: string;
}

/**
 * Deletes the volumes where the manifest says so, then lets go of the resource; Kubernetes deletes everything else with
 * it. The pods end first: the StatefulSet would make new volumes for them.
 */
export function planDeletion(cluster: CoordinationCluster, observed: Observed): Deletion {
  const finalizers = cluster.metadata.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return { steps: [], events: [] };
  const release: Step = { do: 'setFinalizers', finalizers: finalizers.filter((name) => name !== FINALIZER) };

  const doomed = doomedClaims(cluster, observed.claims);
  const kept = memberClaims(cluster, observed.claims).filter((claim) => !doomed.includes(claim));
  const keptEvents = kept.length === 0 ? [] : [volumesRetained(kept)];
  if (doomed.length === 0) return { steps: [release], events: keptEvents };

  const sets = [observed.statefulSet, observed.observerSet].filter((set) => set !== undefined);
  // Not ours to delete; and as long as its pods may use the volumes, neither are these.
  const foreign = nameTaken(cluster, sets);
  if (foreign !== undefined) return { steps: [], events: [], waitingFor: foreign.message };
  if (sets.length > 0) {
    const end = sets.flatMap(({ metadata: { name, uid, deletionTimestamp } }): Step[] =>
      uid === undefined || deletionTimestamp !== undefined ? [] : [{ do: 'delete', kind: 'StatefulSet', name, uid }],
    );
    return { steps: end, events: [], waitingFor: 'the members end, then their volumes are deleted' };
  }
  const deletions = doomed.flatMap(({ metadata: { name, uid, deletionTimestamp } }): Step[] =>
    uid === undefined || deletionTimestamp !== undefined
      ? []
      : [{ do: 'delete', kind: 'PersistentVolumeClaim', name, uid }],
  );
  const names = doomed.map(({ metadata }) => metadata.name).join(', ');
  return {
    steps: deletions,
    events: deletions.length === 0 ? [] : [{ type: 'Normal', reason: 'VolumesDeleted', message: `Deleting ${names}` }],
    waitingFor: `the volumes are being deleted: ${names}`,
  };
}

/**
 * The claims that go with the cluster. A bootstrap that never completed has never let a client in, so its own volumes
 * hold nothing that was acknowledged; kept, they would only keep the next cluster of this name from beginning.
 */
function doomedClaims(cluster: CoordinationCluster, claims: readonly PersistentVolumeClaim[]): PersistentVolumeClaim[] {
  const own = memberClaims(cluster, claims);
  const latch = validLatch(cluster);
  // It has never taken over what an earlier one left behind.
  if (latch === undefined) return [];
  if (cluster.spec.storage.whenDeleted === 'Delete') return own;
  if (latch.phase !== 'Started') return [];
  return own.filter(({ metadata }) => metadata.labels?.[CLUSTER_UID_LABEL] === cluster.metadata.uid);
}

function memberClaims(cluster: CoordinationCluster, claims: readonly PersistentVolumeClaim[]): PersistentVolumeClaim[] {
  return claims.filter(({ metadata }) => isMemberClaim(cluster, metadata.name));
}

function volumesRetained(kept: readonly PersistentVolumeClaim[]): PlannedEvent {
  const names = kept.map(({ metadata }) => metadata.name).join(', ');
  return {
    type: 'Normal',
    reason: 'VolumesRetained',
    message: `Kept ${names}; a cluster of the same name and size goes on with them`,
  };
}
