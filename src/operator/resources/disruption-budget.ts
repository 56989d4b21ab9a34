import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { ownedMetadata } from './ensemble.ts';
import type { PodDisruptionBudget } from './kubernetes.ts';
import { OBSERVER_LABEL, selectorLabels, setName } from './names.ts';

/**
 * Lets a drain take one member at a time. A member that is not ready may be evicted only while the others are enough:
 * it may be the one that holds the newest writes. It is about voters: no quorum counts on an observer.
 */
export function disruptionBudget(cluster: CoordinationCluster): PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMetadata(cluster, setName(cluster)),
    spec: {
      maxUnavailable: 1,
      selector: {
        matchLabels: selectorLabels(cluster),
        matchExpressions: [{ key: OBSERVER_LABEL.key, operator: 'NotIn', values: [OBSERVER_LABEL.value] }],
      },
      unhealthyPodEvictionPolicy: 'IfHealthyBudget',
    },
  };
}
