import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { PersistentVolumeClaim, StatefulSet } from '../resources/kubernetes.ts';
import { CLUSTER_UID_LABEL, DATA_CLAIM, everySlot, memberSlots, type MemberSlot } from '../resources/names.ts';
import type { ClaimChoices } from '../resources/stateful-set.ts';
import { deletionOf } from './deletions.ts';
import { isTakenUp, observedSet, type EnsembleState } from './members.ts';
import { belongs } from './membership.ts';
import type { Observed, Step } from './model.ts';
import { isMore, quantityBytes } from './quantity.ts';

/** What the claim template asks for: the same as in an existing StatefulSet, which does not let it change. */
export function claimTemplate(cluster: CoordinationCluster, existing: StatefulSet | undefined): ClaimChoices {
  const template = existing?.spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM);
  if (template === undefined) return cluster.spec.storage;
  const { storageClassName, resources } = template.spec;
  return { storageClassName, size: resources.requests.storage };
}

/**
 * What of the size in the manifest the members' volumes have, the smallest where they differ; undefined before there are any. What was
 * only asked for, in vain perhaps, is no volume. What a volume has beyond that (many storage systems round up, a cluster may find larger
 * ones) does not count: the API server takes no manifest below this size, and no status beside such a manifest.
 */
export function volumeSize(ensemble: Ensemble, observed: Observed): string | undefined {
  const sizes = memberClaims(ensemble, observed).flatMap(({ spec, status }) => {
    const capacity = status?.capacity?.storage;
    return capacity === undefined ? [] : [capacity, spec.resources?.requests?.storage ?? capacity];
  });
  if (sizes.length === 0) return undefined;
  return [ensemble.cluster.spec.storage.size, ...sizes].sort((a, b) => quantityBytes(a) - quantityBytes(b))[0];
}

/**
 * Asks for larger volumes where the manifest does. Before everything else: a full disk may be what makes a member fail. The API server
 * refuses it of claims that have no volume yet.
 */
export function expandClaims(ensemble: Ensemble, observed: Observed): Step[] {
  const { size } = ensemble.cluster.spec.storage;
  return memberClaims(ensemble, observed).flatMap(({ metadata: { name, uid }, spec, status }): Step[] => {
    const present = spec.resources?.requests?.storage;
    if (uid === undefined || present === undefined || status?.capacity === undefined) return [];
    return isMore(size, present) ? [{ do: 'expandClaim', name, uid, size }] : [];
  });
}

/** Which volumes are yet to grow to what was asked of them; undefined where all have. */
export function growingVolumes(ensemble: Ensemble, observed: Observed): string | undefined {
  const small = memberClaims(ensemble, observed).flatMap(({ metadata, spec, status }): string[] => {
    const [wanted, present] = [spec.resources?.requests?.storage, status?.capacity?.storage];
    if (wanted === undefined || present === undefined || !isMore(wanted, present)) return [];
    return [`${metadata.name} (${present} of ${wanted})`];
  });
  if (small.length === 0) return undefined;
  return `volumes are yet to grow: ${small.join(', ')}; kubectl describe pvc says what they wait for`;
}

/**
 * Deletes the volumes of members that are none any more, where the manifest says so: their ensemble has agreed on it, and
 * their pods are gone. Decided anew each time, so that none is forgotten.
 */
export function retireClaims(ensemble: Ensemble, state: EnsembleState, observed: Observed): Step[] {
  const { cluster, sizes } = ensemble;
  if (cluster.spec.storage.whenScaled !== 'Delete' || cluster.spec.hibernated || !state.membership.certain) return [];
  return everySlot(cluster).flatMap((slot): Step[] => {
    const isOver = slot.index >= sizes[slot.role] && !belongs(state.membership, slot);
    const claim = observed.claims.find(({ metadata }) => metadata.name === slot.claimName);
    if (!isOver || claim === undefined || !isShrunk(observed, slot)) return [];
    return deleteVolume(claim, `as spec.storage.whenScaled says: ${slot.podName} is no member any more`);
  });
}

/** The deletion of a volume, as it was observed and once, which is told with why. */
export function deleteVolume(claim: PersistentVolumeClaim, why: string): Step[] {
  const message = `Deleting ${claim.metadata.name}, ${why}`;
  return deletionOf('PersistentVolumeClaim', claim, { type: 'Normal', reason: 'VolumeDeleted', message });
}

/** Whether the cluster has made the volume, and not one of its name before it, or a person. */
export function isMadeBy({ metadata: { uid } }: CoordinationCluster, { metadata }: PersistentVolumeClaim): boolean {
  return metadata.labels?.[CLUSTER_UID_LABEL] === uid;
}

/** The StatefulSet makes no pod for the slot any more, and there is none. */
function isShrunk(observed: Observed, { role, index, podName }: MemberSlot): boolean {
  const set = observedSet(observed, role);
  if (observed.pods.some(({ metadata }) => metadata.name === podName)) return false;
  if (set === undefined) return true;
  return set.spec.replicas <= index && isTakenUp(set);
}

function memberClaims({ cluster, sizes }: Ensemble, observed: Observed): PersistentVolumeClaim[] {
  const slots = memberSlots(cluster, sizes);
  return observed.claims.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined && slots.some(({ claimName }) => claimName === metadata.name),
  );
}
