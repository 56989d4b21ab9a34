import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { PersistentVolumeClaim, StatefulSet } from '../resources/kubernetes.ts';
import { FINALIZER, isMemberClaim, ORPHAN_FINALIZER } from '../resources/names.ts';
import { isOrphaned, nameTaken } from './acceptance.ts';
import { validLatch } from './bootstrap.ts';
import { deletionOfVery } from './deletions.ts';
import type { Observed, PlannedEvent, Step } from './model.ts';
import { deleteVolume, isMadeBy } from './volumes.ts';

/** What is still to be done before a cluster that somebody deleted may be gone. */
export interface Deletion {
  readonly steps: readonly Step[];
  /** What it waits for; undefined once the finalizer is removed by the steps. */
  readonly waitingFor?: string;
}

const MEMBERS_END = 'the members end, then their volumes are deleted';

/**
 * Deletes the volumes where the manifest says so, then lets go of the resource; Kubernetes deletes everything else with
 * it. The pods end first: the StatefulSet would make new volumes for them. Of what is to be orphaned nothing is deleted.
 */
export function planDeletion(cluster: CoordinationCluster, observed: Observed): Deletion {
  const finalizers = cluster.metadata.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return { steps: [] };

  const others = finalizers.filter((name) => name !== FINALIZER);
  const letGo = (announce: PlannedEvent | undefined): Deletion => ({
    steps: [{ do: 'setFinalizers', finalizers: others, ...(announce === undefined ? {} : { announce }) }],
  });
  const claims = memberClaims(cluster, observed.claims);
  const sets = [observed.statefulSet, observed.observerSet].filter((set) => set !== undefined);
  // Whoever asks for this wants the members to live on without the operator, and with their volumes, whatever the manifest says. Where
  // Kubernetes has done its part already, nothing but the missing owners tells, of whatever there is.
  if (finalizers.includes(ORPHAN_FINALIZER) || observed.existing.some((object) => isOrphaned(cluster, object))) {
    return letGo(orphaned(sets, claims));
  }

  const doomed = doomedClaims(cluster, claims);
  if (doomed.length === 0) return letGo(retained(claims));

  // Not ours to delete; and as long as its pods may use the volumes, neither are these.
  const foreign = nameTaken(cluster, sets);
  if (foreign !== undefined) return { steps: [], waitingFor: foreign.message };
  if (sets.length > 0) {
    return { steps: sets.flatMap((set) => deletionOfVery('StatefulSet', set)), waitingFor: MEMBERS_END };
  }
  // Somebody has deleted their set without them; as long as they run, nobody else would ever end them, nor the volumes.
  const left = observed.pods.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
  if (left.length > 0) return { steps: left.flatMap((pod) => deletionOfVery('Pod', pod)), waitingFor: MEMBERS_END };
  const why =
    cluster.spec.storage.whenDeleted === 'Delete' ? 'as spec.storage.whenDeleted says' : 'no client was ever let in';
  const names = doomed.map(({ metadata }) => metadata.name).join(', ');
  return {
    steps: doomed.flatMap((claim) => deleteVolume(claim, why)),
    waitingFor: `the volumes are being deleted: ${names}; kubectl describe pvc says what still uses one`,
  };
}

/**
 * The claims that go with the cluster. A bootstrap that never completed has never let a client in, so its own volumes
 * hold nothing that was acknowledged; kept, they would only keep the next cluster of this name from beginning.
 */
function doomedClaims(
  cluster: CoordinationCluster,
  own: readonly PersistentVolumeClaim[],
): readonly PersistentVolumeClaim[] {
  const latch = validLatch(cluster);
  // It has never taken over what an earlier one left behind.
  if (latch === undefined) return [];
  if (cluster.spec.storage.whenDeleted === 'Delete') return own;
  if (latch.phase !== 'Started') return [];
  return own.filter((claim) => isMadeBy(cluster, claim));
}

function memberClaims(cluster: CoordinationCluster, claims: readonly PersistentVolumeClaim[]): PersistentVolumeClaim[] {
  return claims.filter(({ metadata }) => isMemberClaim(cluster, metadata.name));
}

function retained(kept: readonly PersistentVolumeClaim[]): PlannedEvent | undefined {
  if (kept.length === 0) return undefined;
  const names = kept.map(({ metadata }) => metadata.name).join(', ');
  const message = `Kept ${names}; a cluster of the same name and size goes on with them`;
  return { type: 'Normal', reason: 'VolumesRetained', message };
}

function orphaned(sets: readonly StatefulSet[], claims: readonly PersistentVolumeClaim[]): PlannedEvent {
  const names = [...sets, ...claims].map(({ metadata }) => metadata.name).join(', ');
  const message =
    `Left as it is, without an owner, because the deletion was asked for with --cascade=orphan: ${names}, and what belongs to it; ` +
    'nobody looks after it from here on, and whoever wants it gone deletes it';
  return { type: 'Normal', reason: 'MembersOrphaned', message };
}
