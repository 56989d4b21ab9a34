import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { Ensemble } from '../resources/ensemble.ts';
import type { PersistentVolumeClaim, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, memberSlots } from '../resources/names.ts';
import type { ClaimChoices } from '../resources/stateful-set.ts';
import type { Observed, Step } from './model.ts';
import { quantityBytes } from './quantity.ts';

/** What the claim template asks for: the same as in an existing StatefulSet, which does not let it change. */
export function claimTemplate(cluster: CoordinationCluster, existing: StatefulSet | undefined): ClaimChoices {
  const template = existing?.spec.volumeClaimTemplates.find(({ metadata }) => metadata.name === DATA_CLAIM);
  if (template === undefined) return cluster.spec.storage;
  const { storageClassName, resources } = template.spec;
  return { storageClassName, size: resources.requests.storage };
}

/**
 * The size of the members' volumes, the smallest where they differ; undefined before there are any. What was only asked for, in
 * vain perhaps, is no volume.
 */
export function volumeSize(ensemble: Ensemble, observed: Observed): string | undefined {
  const sizes = memberClaims(ensemble, observed).flatMap(({ status }) => status?.capacity?.storage ?? []);
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
