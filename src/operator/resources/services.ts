import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { ownedMetadata } from './ensemble.ts';
import type { Service } from './kubernetes.ts';
import { clientServiceName, peerServiceName, PORTS, selectorLabels } from './names.ts';

/**
 * Gives each member its own address. It has the addresses of members that are not ready too: they must find each other
 * before any of them can become ready.
 */
export function peerService(cluster: CoordinationCluster): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(cluster, peerServiceName(cluster)),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels(cluster),
      ports: Object.entries(PORTS).map(([name, port]) => ({ name, port, targetPort: name })),
    },
  };
}

/** What clients connect to: the members that serve within a quorum. */
export function clientService(cluster: CoordinationCluster): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMetadata(cluster, clientServiceName(cluster)),
    spec: {
      type: 'ClusterIP',
      selector: selectorLabels(cluster),
      ports: [{ name: 'client', port: PORTS.client, targetPort: 'client' }],
    },
  };
}
