import { apiVersionOf, type ObjectMeta } from '../../api/objects.ts';
import { COORDINATION_CLUSTER, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import { namespaceOf, objectLabels, type SetSizes } from './names.ts';

/** A cluster together with what was decided about it; all that its manifests depend on. */
export interface Ensemble {
  readonly cluster: CoordinationCluster;
  /** How many pods there are to be now. Not what the manifest asks for: the ensemble's agreement comes first. */
  readonly sizes: SetSizes;
  /** The server's image: the manifest's, or the one that came with the operator. */
  readonly image: string;
  /** The digest of the super user, by which the members know the operator; see `operator-secret.ts`. */
  readonly superDigest: string;
}

/** Metadata of an object that belongs to the cluster and goes with it. */
export function ownedMetadata(cluster: CoordinationCluster, name: string): ObjectMeta {
  return {
    name,
    namespace: namespaceOf(cluster),
    labels: objectLabels(cluster),
    ownerReferences: [
      {
        apiVersion: apiVersionOf(COORDINATION_CLUSTER),
        kind: COORDINATION_CLUSTER.kind,
        name: cluster.metadata.name,
        uid: cluster.metadata.uid ?? '',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}
