import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, memberSlots } from '../resources/names.ts';
import type { Observed, Step } from './model.ts';
import { quantityBytes } from './quantity.ts';

/** Storage that the claim template asks for: as it is in an existing StatefulSet, which does not let it change. */
export function claimTemplateSize(cluster: CoordinationCluster, existing: StatefulSet | undefined): string {
  const template = existing?.spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM);
  return template?.spec.resources.requests.storage ?? cluster.spec.storage.size;
}

/** Asks for larger volumes where the manifest does. Before everything else: a full disk may be what makes a member fail. */
export function expandClaims(ensemble: Ensemble, observed: Observed): Step[] {
  const { size } = ensemble.cluster.spec.storage;
  const slots = memberSlots(ensemble.cluster, ensemble.voters);
  return observed.claims.flatMap((claim): Step[] => {
    const { name, uid, deletionTimestamp } = claim.metadata;
    const present = claim.spec.resources?.requests?.storage;
    const isMembers = slots.some(({ claimName }) => claimName === name) && deletionTimestamp === undefined;
    if (!isMembers || uid === undefined || present === undefined) return [];
    return quantityBytes(size) > quantityBytes(present) ? [{ do: 'expandClaim', name, uid, size }] : [];
  });
}
