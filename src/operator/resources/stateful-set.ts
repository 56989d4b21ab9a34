import { ownedMetadata, type Ensemble } from './ensemble.ts';
import type { StatefulSet } from './kubernetes.ts';
import {
  CLUSTER_UID_LABEL,
  DATA_CLAIM,
  firstOrdinal,
  peerServiceName,
  roleLabels,
  selectorLabels,
  setName,
  SIZE_ANNOTATION,
  type MemberRole,
} from './names.ts';
import { podTemplate } from './pod-template.ts';

/**
 * How many pods a StatefulSet has while the ensemble is awake; one of an earlier operator's has no annotation of it, and what
 * somebody may have written into it instead of a number means nothing.
 */
export function sizeOf({ metadata, spec }: StatefulSet): number {
  const size = metadata.annotations?.[SIZE_ANNOTATION] ?? '';
  return /^\d{1,2}$/.test(size) ? Number(size) : spec.replicas;
}

/** What the plan decides about a StatefulSet, beyond the ensemble itself. */
export interface StatefulSetChoices {
  /** Members with an empty disk may vote: only before the bootstrap is latched as completed. */
  readonly initialize: boolean;
  /** Immutable once the set exists; larger volumes are asked of each claim. */
  readonly claims: ClaimChoices;
}

/** What the claim template asks for. */
export interface ClaimChoices {
  readonly size: string;
  /** The cluster's default class where it is not set. */
  readonly storageClassName?: string | undefined;
}

/**
 * The StatefulSet of the voters, or of the observers. `OnDelete`: a change of the template restarts nothing by itself, the operator decides
 * which member goes next. `Parallel`: members need each other to become ready, so none may wait for another.
 */
export function statefulSet(ensemble: Ensemble, role: MemberRole, choices: StatefulSetChoices): StatefulSet {
  const { cluster, sizes } = ensemble;
  const { size, storageClassName } = choices.claims;
  const labels = { ...selectorLabels(cluster), ...roleLabels(role) };
  const metadata = ownedMetadata(cluster, setName(cluster, role));
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...metadata, annotations: { [SIZE_ANNOTATION]: String(sizes[role]) } },
    spec: {
      replicas: cluster.spec.hibernated ? 0 : sizes[role],
      // The server's id is its ordinal + 1, so this is what gives the members of several sets different ids.
      ordinals: { start: firstOrdinal(cluster, role) },
      serviceName: peerServiceName(cluster),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      // Kubernetes keeps the volumes always; the operator deletes them where the manifest says so.
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: labels },
      template: podTemplate(ensemble, role, choices.initialize),
      volumeClaimTemplates: [
        {
          metadata: {
            name: DATA_CLAIM,
            labels: { ...labels, [CLUSTER_UID_LABEL]: cluster.metadata.uid ?? '' },
          },
          spec: {
            accessModes: ['ReadWriteOnce'],
            ...(storageClassName === undefined ? {} : { storageClassName }),
            resources: { requests: { storage: size } },
          },
        },
      ],
    },
  };
}
