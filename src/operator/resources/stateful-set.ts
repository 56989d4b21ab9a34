import { ownedMetadata, type Ensemble } from './ensemble.ts';
import type { StatefulSet } from './kubernetes.ts';
import { CLUSTER_UID_LABEL, DATA_CLAIM, peerServiceName, selectorLabels, setName } from './names.ts';
import { podTemplate } from './pod-template.ts';

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
 * The StatefulSet of the members. `OnDelete`: a change of the template restarts nothing by itself, the operator decides
 * which member goes next. `Parallel`: members need each other to become ready, so none may wait for another.
 */
export function statefulSet(ensemble: Ensemble, choices: StatefulSetChoices): StatefulSet {
  const { cluster, voters } = ensemble;
  const { size, storageClassName } = choices.claims;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ownedMetadata(cluster, setName(cluster)),
    spec: {
      replicas: cluster.spec.hibernated ? 0 : voters,
      // The server's id is its ordinal + 1, so this is what gives the members of several sets different ids.
      ordinals: { start: cluster.spec.serverIdOffset },
      serviceName: peerServiceName(cluster),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      // Kubernetes keeps the volumes always; the operator deletes them where the manifest says so.
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selectorLabels(cluster) },
      template: podTemplate(ensemble, choices.initialize),
      volumeClaimTemplates: [
        {
          metadata: {
            name: DATA_CLAIM,
            labels: { ...selectorLabels(cluster), [CLUSTER_UID_LABEL]: cluster.metadata.uid ?? '' },
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
