import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { isPermanent } from '../kube/errors.ts';
import type { Job, StatefulSet } from '../resources/kubernetes.ts';
import { namespaceOf } from '../resources/names.ts';

const EVENT: ResourceType = { group: '', version: 'v1', plural: 'events', kind: 'Event' };

/** Of Kubernetes' events, what is read here. */
interface PodEvent extends KubeObject {
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
}

/**
 * Why Kubernetes does not make some of the StatefulSets' pods (a quota, an admission rule), by the pod's name. Only its events say
 * so; the newest about a pod counts.
 */
export async function podRefusals(
  cluster: CoordinationCluster,
  sets: readonly StatefulSet[],
  client: Pick<KubeClient, 'list'>,
): Promise<ReadonlyMap<string, string>> {
  const namespace = namespaceOf(cluster);
  const items = (await Promise.all(sets.map((set) => eventsOf('StatefulSet', set, namespace, client)))).flat();
  const refusals = new Map<string, string>();
  for (const { reason, message = '' } of items.toSorted(byTime)) {
    const pod = / Pod (\S+) in StatefulSet /.exec(message)?.[1];
    if (pod === undefined) continue;
    // `create Pod zoo-0 in StatefulSet zoo failed error: pods "zoo-0" is forbidden: exceeded quota`
    if (reason === 'FailedCreate') refusals.set(pod, message.replace(/^.*? failed error: /, ''));
    else if (reason === 'SuccessfulCreate') refusals.delete(pod);
  }
  return refusals;
}

/** Why Kubernetes makes no pod for a Job, by the newest event about it; undefined where nothing says so. */
export async function jobRefusal(job: Job, client: Pick<KubeClient, 'list'>): Promise<string | undefined> {
  const items = await eventsOf('Job', job, job.metadata.namespace ?? '', client);
  const newest = items.findLast(({ reason }) => reason === 'FailedCreate' || reason === 'SuccessfulCreate');
  // `Error creating: pods "backup-1-x7k2p" is forbidden: exceeded quota`; each time it is another name.
  return newest?.reason === 'FailedCreate'
    ? newest.message?.replace(/^Error creating: /, '').replace(/^pods "[^"]*" is /, '')
    : undefined;
}

/** Oldest first. None where the operator may not read them, with rights of an older version: that must not keep it from its work. */
async function eventsOf(
  kind: 'StatefulSet' | 'Job',
  { metadata }: KubeObject,
  namespace: string,
  client: Pick<KubeClient, 'list'>,
): Promise<readonly PodEvent[]> {
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.uid=${metadata.uid}`;
  try {
    const { items } = await client.list<PodEvent>(EVENT, { namespace, fieldSelector });
    return items.toSorted(byTime);
  } catch (error) {
    if (isPermanent(error)) return [];
    throw error;
  }
}

function byTime(a: PodEvent, b: PodEvent): number {
  return timeOf(a) - timeOf(b);
}

function timeOf({ lastTimestamp, metadata }: PodEvent): number {
  return Date.parse(lastTimestamp ?? metadata.creationTimestamp ?? '');
}
