import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { PersistentVolumeClaim, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, memberSlots } from '../resources/names.ts';
import type { Observed, Step } from './model.ts';
import { quantityBytes } from './quantity.ts';

/** Storage that the claim template asks for: as it is in an existing StatefulSet, which does not let it change. */
export function claimTemplateSize(cluster: CoordinationCluster, existing: StatefulSet | undefined): string {
  const template = existing?.spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM);
  return template?.spec.resources.requests.storage ?? cluster.spec.storage.size;
}

/** The size of the members' volumes, the smallest where they differ; undefined before there are any. */
export function volumeSize(ensemble: Ensemble, observed: Observed): string | undefined {
  const sizes = memberClaims(ensemble, observed).flatMap(({ spec, status }) => {
    const size = status?.capacity?.storage ?? spec.resources?.requests?.storage;
    return size === undefined ? [] : [size];
  });
  return sizes.sort((a, b) => quantityBytes(a) - quantityBytes(b))[0];
}

/** Asks for larger volumes where the manifest does. Before everything else: a full disk may be what makes a member fail. */
export function expandClaims(ensemble: Ensemble, observed: Observed): Step[] {
  const { size } = ensemble.cluster.spec.storage;
  return memberClaims(ensemble, observed).flatMap((claim): Step[] => {
    const { name, uid } = claim.metadata;
    const present = claim.spec.resources?.requests?.storage;
    if (uid === undefined || present === undefined) return [];
    return quantityBytes(size) > quantityBytes(present) ? [{ do: 'expandClaim', name, uid, size }] : [];
  });
}

function memberClaims({ cluster, voters }: Ensemble, observed: Observed): PersistentVolumeClaim[] {
  const slots = memberSlots(cluster, voters);
  return observed.claims.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined && slots.some(({ claimName }) => claimName === metadata.name),
  );
}
