import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { fingerprint } from './fingerprint.ts';

/** The manager that the operator's fields and labels name. */
export const MANAGER = 'zabkeeper-operator';

/** Ports of a member, by the names that Services and probes use. */
export const PORTS = { client: 2181, quorum: 2888, election: 3888, admin: 8080, metrics: 7000 } as const;

/** Annotation of a pod: the fingerprint of the template it was made from, without what only the bootstrap needs. */
export const TEMPLATE_ANNOTATION = 'zabkeeper.dev/template';

/** Annotation of a pod: the fingerprint of the zoo.cfg it was made for. */
export const CONFIG_ANNOTATION = 'zabkeeper.dev/config';

/** Annotation of a CoordinationCluster, handed on to its pods: a new value restarts every member, one after the other. */
export const RESTART_ANNOTATION = 'zabkeeper.dev/restarted-at';

/** What `kubectl rollout restart statefulset` writes into the template of the pods. */
export const KUBECTL_RESTART_ANNOTATION = 'kubectl.kubernetes.io/restartedAt';

/** Label of a volume claim: the UID of the cluster that it was made by. */
export const CLUSTER_UID_LABEL = 'zabkeeper.dev/cluster-uid';

/** The finalizer that lets the operator decide about the volumes before a cluster is gone. */
export const FINALIZER = 'zabkeeper.dev/volumes';

/** Name of the claim template; the claims are called `data-<pod>`. */
export const DATA_CLAIM = 'data';

/** The name of the StatefulSet and of the PodDisruptionBudget: the cluster's own. */
export function setName(cluster: CoordinationCluster): string {
  return cluster.metadata.name;
}

/** The headless Service that gives each member its address. */
export function peerServiceName(cluster: CoordinationCluster): string {
  return `${cluster.metadata.name}-peers`;
}

/** The Service that clients connect to. */
export function clientServiceName(cluster: CoordinationCluster): string {
  return `${cluster.metadata.name}-client`;
}

/** The Secret with the ensemble's super user, whom the operator speaks to the members as. */
export function operatorSecretName(cluster: CoordinationCluster): string {
  return `${cluster.metadata.name}-operator`;
}

/**
 * The ConfigMap with this zoo.cfg. Another one for each content: a member that has not been updated yet starts again with
 * the configuration that it had, however wrong the new one is.
 */
export function configMapName(cluster: CoordinationCluster, zooCfg: string): string {
  return `${cluster.metadata.name}-config-${fingerprint(zooCfg)}`;
}

/** The cluster's namespace; a CoordinationCluster always has one. */
export function namespaceOf(cluster: CoordinationCluster): string {
  return cluster.metadata.namespace ?? 'default';
}

/** One place in the ensemble: its ordinal, its pod and its server id belong together for good. */
export interface MemberSlot {
  readonly ordinal: number;
  readonly podName: string;
  readonly claimName: string;
  /** N of `server.N`: the ordinal + 1, as the server derives it from its host name. */
  readonly serverId: number;
  /** The member's address for its peers. */
  readonly host: string;
}

/** The slots of an ensemble with so many voters. */
export function memberSlots(cluster: CoordinationCluster, voters: number): MemberSlot[] {
  const { serverIdOffset, clusterDomain } = cluster.spec;
  return Array.from({ length: voters }, (_, index) => {
    const ordinal = serverIdOffset + index;
    const podName = `${setName(cluster)}-${ordinal}`;
    return {
      ordinal,
      podName,
      claimName: `${DATA_CLAIM}-${podName}`,
      serverId: ordinal + 1,
      host: `${podName}.${peerServiceName(cluster)}.${namespaceOf(cluster)}.svc.${clusterDomain}`,
    };
  });
}

/** The ordinal at the end of a claim's or pod's name of this cluster, or undefined where the name is not one of its. */
export function ordinalOfClaim(cluster: CoordinationCluster, claimName: string): number | undefined {
  const prefix = `${DATA_CLAIM}-${setName(cluster)}-`;
  const rest = claimName.startsWith(prefix) ? claimName.slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}

/** Selects the members' pods. Immutable in a StatefulSet, hence without anything that could ever change. */
export function selectorLabels(cluster: CoordinationCluster): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'zabkeeper',
    'app.kubernetes.io/instance': cluster.metadata.name,
    'app.kubernetes.io/component': 'server',
  };
}

/** Labels of every object that the operator makes. */
export function objectLabels(cluster: CoordinationCluster): Record<string, string> {
  return { ...selectorLabels(cluster), 'app.kubernetes.io/managed-by': MANAGER };
}

/** The selector of {@link selectorLabels} as one string, as the scale subresource and queries take it. */
export function selectorString(cluster: CoordinationCluster): string {
  return Object.entries(selectorLabels(cluster))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
