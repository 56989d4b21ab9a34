import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { isPermanent } from '../kube/errors.ts';
import type { StatefulSet } from '../resources/kubernetes.ts';
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
  const items = (await Promise.all(sets.map((set) => eventsOf(set, namespaceOf(cluster), client)))).flat();
  const refusals = new Map<string, string>();
  for (const { reason, message = '' } of items.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const pod = / Pod (\S+) in StatefulSet /.exec(message)?.[1];
    if (pod === undefined) continue;
    // `create Pod zoo-0 in StatefulSet zoo failed error: pods "zoo-0" is forbidden: exceeded quota`
    if (reason === 'FailedCreate') refusals.set(pod, message.replace(/^.*? failed error: /, ''));
    else if (reason === 'SuccessfulCreate') refusals.delete(pod);
  }
  return refusals;
}

/** None where the operator may not read them, with rights of an older version: that must not keep it from its work. */
async function eventsOf(
  { metadata }: StatefulSet,
  namespace: string,
  client: Pick<KubeClient, 'list'>,
): Promise<readonly PodEvent[]> {
  const fieldSelector = `involvedObject.kind=StatefulSet,involvedObject.uid=${metadata.uid}`;
  try {
    return (await client.list<PodEvent>(EVENT, { namespace, fieldSelector })).items;
  } catch (error) {
    if (isPermanent(error)) return [];
    throw error;
  }
}

function timeOf({ lastTimestamp, metadata }: PodEvent): number {
  return Date.parse(lastTimestamp ?? metadata.creationTimestamp ?? '');
}
