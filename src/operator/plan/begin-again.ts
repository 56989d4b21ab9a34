import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { Kind, PersistentVolumeClaim, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, memberSlots } from '../resources/names.ts';
import type { Observed, Step } from './model.ts';
import { isMore } from './quantity.ts';

/**
 * While the ensemble is being formed: takes back the volumes that were asked for and have not come to be, where the manifest asks
 * for others by now (another StorageClass, another size), and the StatefulSet, whose template of them cannot be changed. Both are
 * made anew once they are gone. Undefined where there is nothing to take back; no steps while what was taken back is still there.
 *
 * Nothing is lost by it: a claim without a volume holds nothing, and its deletion fails if it has got one meanwhile; members
 * that have theirs start again, as long as no client has been let in.
 */
export function beginAgain(ensemble: Ensemble, latch: BootstrapLatch, observed: Observed): readonly Step[] | undefined {
  if (latch.phase !== 'Started') return undefined;
  const set = observed.statefulSet;
  if (set !== undefined && asksForTheSame(set, ensemble.cluster)) return undefined;
  const slots = memberSlots(ensemble.cluster, ensemble.sizes);
  const unbound = observed.claims.filter(
    (claim) => !isBound(claim) && slots.some(({ claimName }) => claimName === claim.metadata.name),
  );
  if (unbound.length === 0) return undefined;
  return [...(set === undefined ? [] : deletion('StatefulSet', set)), ...unbound.flatMap(deletionOfClaim)];
}

function asksForTheSame({ spec }: StatefulSet, { spec: { storage } }: CoordinationCluster): boolean {
  const template = spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM)?.spec;
  if (template === undefined) return true;
  const size = template.resources.requests.storage;
  const isSame = !isMore(size, storage.size) && !isMore(storage.size, size);
  return template.storageClassName === storage.storageClassName && isSame;
}

function isBound({ status }: PersistentVolumeClaim): boolean {
  return status?.capacity !== undefined;
}

function deletionOfClaim(claim: PersistentVolumeClaim): Step[] {
  return deletion('PersistentVolumeClaim', claim);
}

/** Only as it was observed, and once. */
function deletion(kind: Kind, { metadata }: KubeObject): Step[] {
  const { name, uid, resourceVersion, deletionTimestamp } = metadata;
  if (uid === undefined || deletionTimestamp !== undefined) return [];
  return [{ do: 'delete', kind, name, uid, resourceVersion }];
}
