import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { FORMED_VARIABLE } from '../../common/environment.ts';
import { ownedMetadata } from './ensemble.ts';
import type { ConfigMap, EnvVar } from './kubernetes.ts';
import { formedName } from './names.ts';

const FORMED = 'true';

/**
 * Says for good that the ensemble has been formed: by {@link formedVariable} to those pods that were made before, which may begin with
 * an empty disk and are not restarted when that is over. Its key is the cluster's own: one that an earlier cluster of this name left
 * says nothing.
 */
export function formedConfigMap(cluster: CoordinationCluster): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(cluster, formedName(cluster)),
    data: { [keyOf(cluster)]: FORMED },
    immutable: true,
  };
}

/** Resolved by Kubernetes whenever a container starts; not set as long as there is no such ConfigMap. */
export function formedVariable(cluster: CoordinationCluster): EnvVar {
  const configMapKeyRef = { name: formedName(cluster), key: keyOf(cluster), optional: true };
  return { name: FORMED_VARIABLE, valueFrom: { configMapKeyRef } };
}

function keyOf({ metadata }: CoordinationCluster): string {
  return metadata.uid ?? '';
}
