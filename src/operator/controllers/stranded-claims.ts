import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { isForbidden } from '../kube/errors.ts';
import type { PersistentVolumeClaim, Pod } from '../resources/kubernetes.ts';

const PERSISTENT_VOLUME: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'persistentvolumes',
  kind: 'PersistentVolume',
};
const NODE: ResourceType = { group: '', version: 'v1', plural: 'nodes', kind: 'Node' };

/** The label by which local volumes name their node. */
const HOST_NAME_LABEL = 'kubernetes.io/hostname';

/** A PersistentVolume, as far as it says where it can be used. */
interface PersistentVolume extends KubeObject {
  readonly spec?: {
    readonly nodeAffinity?: {
      readonly required?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchExpressions?: readonly {
            readonly key: string;
            readonly operator: string;
            readonly values?: readonly string[];
          }[];
        }[];
      };
    };
  };
}

/**
 * Names of the claims whose volume is on a node that does not exist any more. Only asked about pods that Kubernetes finds
 * no node for; a node that is merely down still exists. An operator that may not look at volumes and nodes knows of none.
 */
export async function observeStranded(
  claims: readonly PersistentVolumeClaim[],
  pods: readonly Pod[],
  { client }: { readonly client: Pick<KubeClient, 'get' | 'list'> },
): Promise<ReadonlySet<string>> {
  const waiting = new Set(pods.filter(isUnschedulable).map(({ metadata }) => metadata.name));
  const asked = claims.filter(({ metadata: { name } }) => waiting.has(name.slice(name.indexOf('-') + 1)));
  const stranded = await Promise.all(asked.map(async (claim) => await isStranded(claim, client)));
  return new Set(asked.filter((_, index) => stranded[index] === true).map(({ metadata }) => metadata.name));
}

function isUnschedulable({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False') ?? false;
}

async function isStranded(
  { spec: { volumeName } }: PersistentVolumeClaim,
  client: Pick<KubeClient, 'get' | 'list'>,
): Promise<boolean> {
  if (volumeName === undefined) return false;
  try {
    const hosts = hostsOf(await client.get<PersistentVolume>(PERSISTENT_VOLUME, undefined, volumeName));
    const nodes = await Promise.all(
      hosts.map(async (host) => (await client.list(NODE, { labelSelector: `${HOST_NAME_LABEL}=${host}` })).items),
    );
    return hosts.length > 0 && nodes.every((named) => named.length === 0);
  } catch (error) {
    if (isForbidden(error)) return false;
    throw error;
  }
}

/** The nodes that it is bound to by their names; none where it is bound otherwise, or not at all. */
function hostsOf(volume: PersistentVolume | undefined): string[] {
  const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const expressions = terms.map(({ matchExpressions = [] }) =>
    matchExpressions.find(({ key, operator }) => key === HOST_NAME_LABEL && operator === 'In'),
  );
  // A term that says nothing of names may fit any node.
  return expressions.includes(undefined) ? [] : expressions.flatMap((expression) => expression?.values ?? []);
}
