import { OBSERVERS_MAX, VOTERS_MAX, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { fingerprint } from './fingerprint.ts';

/** The manager that the operator's fields and labels name. */
export const MANAGER = 'zabkeeper-operator';

/** Ports of a member, by the names that Services and probes use. */
export const PORTS = { client: 2181, quorum: 2888, election: 3888, admin: 8080, metrics: 7000 } as const;

/** Annotation of a pod: the fingerprint of the template it was made from, without what only the bootstrap needs; of a Job: its template's. */
export const TEMPLATE_ANNOTATION = 'zabkeeper.dev/template';

/** Annotation of a pod: the fingerprint of the zoo.cfg it was made for. */
export const CONFIG_ANNOTATION = 'zabkeeper.dev/config';

/** Annotation of a CoordinationCluster, handed on to its pods: a new value restarts every member, one after the other. */
export const RESTART_ANNOTATION = 'zabkeeper.dev/restarted-at';

/**
 * Annotation of a StatefulSet: how many pods it has while the ensemble is awake. Hibernation sets the replicas to 0 and
 * leaves this as it is.
 */
export const SIZE_ANNOTATION = 'zabkeeper.dev/size';

/** Label of an observer's pod; the others have none. */
export const OBSERVER_LABEL = { key: 'zabkeeper.dev/role', value: 'observer' } as const;

/** What `kubectl rollout restart statefulset` writes into the template of the pods. */
export const KUBECTL_RESTART_ANNOTATION = 'kubectl.kubernetes.io/restartedAt';

/** Label of a volume claim: the UID of the cluster that it was made by. */
export const CLUSTER_UID_LABEL = 'zabkeeper.dev/cluster-uid';

/** The finalizer that lets the operator decide about the volumes before a cluster is gone. */
export const FINALIZER = 'zabkeeper.dev/volumes';

/** Kubernetes' own finalizer while it takes the owner away from all that an object owns, as `kubectl delete --cascade=orphan` asks. */
export const ORPHAN_FINALIZER = 'orphan';

/** The finalizer that lets the operator decide about a stored snapshot before its CoordinationBackup is gone. */
export const BACKUP_FINALIZER = 'zabkeeper.dev/snapshot';

/** Annotation of a CoordinationBackup: the other namespaces whose clusters may begin with it, separated by commas, or `*`. */
export const RESTORABLE_ANNOTATION = 'zabkeeper.dev/restorable-in';

/** Label of a CoordinationBackup: the schedule that made it. */
export const SCHEDULE_LABEL = 'zabkeeper.dev/schedule';

/** Labels of the backups of a schedule, which select them too. */
export function scheduleLabels({ metadata }: Pick<KubeObject, 'metadata'>): Record<string, string> {
  return { [SCHEDULE_LABEL]: metadata.name };
}

/** Name of the claim template; the claims are called `data-<pod>`. */
export const DATA_CLAIM = 'data';

/** The two kinds of member; each has a StatefulSet and a range of ids of its own. */
export type MemberRole = 'participant' | 'observer';

/** How many pods the two StatefulSets have. */
export type SetSizes = Readonly<Record<MemberRole, number>>;

/** The name of a StatefulSet. That of the voters, and of the PodDisruptionBudget, is the cluster's own. */
export function setName(cluster: CoordinationCluster, role: MemberRole = 'participant'): string {
  return role === 'participant' ? cluster.metadata.name : `${cluster.metadata.name}-observer`;
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

/** The ConfigMap that says that the ensemble has been formed. */
export function formedName(cluster: CoordinationCluster): string {
  return `${cluster.metadata.name}-formed`;
}

/** An object's namespace; all that we deal with are in one. */
export function namespaceOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return metadata.namespace ?? 'default';
}

/** The name that a member has in DNS. */
export function memberAddress(cluster: CoordinationCluster, podName: string): string {
  return `${podName}.${peerServiceName(cluster)}.${namespaceOf(cluster)}.svc.${cluster.spec.clusterDomain}`;
}

/** One place in the ensemble: its ordinal, its pod and its server id belong together for good. */
export interface MemberSlot {
  readonly role: MemberRole;
  /** Its place in its StatefulSet, from 0. */
  readonly index: number;
  /** The number in the pod's name, from {@link firstOrdinal}. */
  readonly ordinal: number;
  readonly podName: string;
  readonly claimName: string;
  /** N of `server.N`: the ordinal + 1, as the server derives it from its host name. */
  readonly serverId: number;
  /** The member's address for its peers. */
  readonly host: string;
}

/** The ordinal of a StatefulSet's first pod. The observers' ids come after those that the voters may ever have. */
export function firstOrdinal(cluster: CoordinationCluster, role: MemberRole): number {
  return cluster.spec.serverIdOffset + (role === 'participant' ? 0 : VOTERS_MAX);
}

/** The slots of sets of these sizes, the voters' first. */
export function memberSlots(cluster: CoordinationCluster, sizes: SetSizes): MemberSlot[] {
  return (['participant', 'observer'] as const).flatMap((role) =>
    Array.from({ length: sizes[role] }, (_, index) => memberSlot(cluster, role, index)),
  );
}

/** Every slot that a member of this cluster may ever have. */
export function everySlot(cluster: CoordinationCluster): MemberSlot[] {
  return memberSlots(cluster, { participant: VOTERS_MAX, observer: OBSERVERS_MAX });
}

function memberSlot(cluster: CoordinationCluster, role: MemberRole, index: number): MemberSlot {
  const ordinal = firstOrdinal(cluster, role) + index;
  const podName = `${setName(cluster, role)}-${ordinal}`;
  return {
    role,
    index,
    ordinal,
    podName,
    claimName: `${DATA_CLAIM}-${podName}`,
    serverId: ordinal + 1,
    host: memberAddress(cluster, podName),
  };
}

/** The member's line in a configuration of the ensemble. */
export function serverLine({ serverId, host, role }: MemberSlot): string {
  return `server.${serverId}=${host}:${PORTS.quorum}:${PORTS.election}:${role};${PORTS.client}`;
}

/** Whether a claim is the volume of a member of this cluster, of any time and whatever its size was. */
export function isMemberClaim(cluster: CoordinationCluster, claimName: string): boolean {
  return (
    ordinalIn(cluster, 'participant', claimName) !== undefined ||
    ordinalIn(cluster, 'observer', claimName) !== undefined
  );
}

/** The ordinal at the end of the name of a voter's claim, or undefined where the name is not one of those. */
export function ordinalOfClaim(cluster: CoordinationCluster, claimName: string): number | undefined {
  return ordinalIn(cluster, 'participant', claimName);
}

function ordinalIn(cluster: CoordinationCluster, role: MemberRole, claimName: string): number | undefined {
  const prefix = `${DATA_CLAIM}-${setName(cluster, role)}-`;
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

/** What tells an observer's pod from a voter's. A voter's has nothing more: pods that are there already need no new label. */
export function roleLabels(role: MemberRole): Record<string, string> {
  return role === 'participant' ? {} : { [OBSERVER_LABEL.key]: OBSERVER_LABEL.value };
}

/** Labels of every object that the operator makes. */
export function objectLabels(cluster: CoordinationCluster): Record<string, string> {
  return { ...selectorLabels(cluster), 'app.kubernetes.io/managed-by': MANAGER };
}

/** The selector of {@link selectorLabels} as one string, as the scale subresource and queries take it. */
export function selectorString(cluster: CoordinationCluster): string {
  return labelSelector(selectorLabels(cluster));
}

/** Labels as one string that selects what has all of them. */
export function labelSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
