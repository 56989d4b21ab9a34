import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { isForbidden } from '../kube/errors.ts';
import type { Observed } from '../plan/model.ts';
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

/** Which nodes something may be on, see Kubernetes' core/v1. */
interface NodeSelectorTerm {
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** A PersistentVolume, as far as it says where it can be used. */
interface PersistentVolume extends KubeObject {
  readonly spec?: {
    readonly nodeAffinity?: { readonly required?: { readonly nodeSelectorTerms?: readonly NodeSelectorTerm[] } };
  };
}

/** Where a claim's volume is that no node can use. */
type Whereabouts = 'onLostNode' | 'outOfReach';

/**
 * The claims whose volume no node can use: on a node that does not exist any more, or bound to a zone, or whatever else, in which
 * there is no node now. Only asked about pods that Kubernetes finds no node for; a node that is merely down still exists. An operator
 * that may not look at volumes and nodes knows of none.
 */
export async function observeStranded(
  claims: readonly PersistentVolumeClaim[],
  pods: readonly Pod[],
  { client }: { readonly client: Pick<KubeClient, 'get' | 'list'> },
): Promise<Pick<Observed, 'strandedClaims' | 'unreachableClaims'>> {
  const waiting = new Set(pods.filter(isUnschedulable).map(({ metadata }) => metadata.name));
  const asked = claims.filter(({ metadata: { name } }) => waiting.has(name.slice(name.indexOf('-') + 1)));
  const found = await Promise.all(asked.map(async (claim) => await whereabouts(claim, client)));
  const namesOf = (where: Whereabouts): ReadonlySet<string> =>
    new Set(asked.filter((_, index) => found[index] === where).map(({ metadata }) => metadata.name));
  return { strandedClaims: namesOf('onLostNode'), unreachableClaims: namesOf('outOfReach') };
}

function isUnschedulable({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False') ?? false;
}

/** Undefined where some node could use it, or none may be excluded. */
async function whereabouts(
  { spec: { volumeName } }: PersistentVolumeClaim,
  client: Pick<KubeClient, 'get' | 'list'>,
): Promise<Whereabouts | undefined> {
  if (volumeName === undefined) return undefined;
  try {
    const volume = await client.get<PersistentVolume>(PERSISTENT_VOLUME, undefined, volumeName);
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
    if (terms.length === 0) return undefined;
    const nodes = (await client.list(NODE, {})).items.map(({ metadata }) => metadata.labels ?? {});
    if (nodes.some((labels) => terms.some((term) => mayMatch(term, labels)))) return undefined;
    const existing = new Set(nodes.map((labels) => labels[HOST_NAME_LABEL]));
    return terms.every((term) => isOfLostNodes(term, existing)) ? 'onLostNode' : 'outOfReach';
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** A term that does not name its node may fit one that comes later: another one in the same zone. */
function isOfLostNodes(
  { matchExpressions = [] }: NodeSelectorTerm,
  existing: ReadonlySet<string | undefined>,
): boolean {
  const named = matchExpressions.find(({ key, operator }) => key === HOST_NAME_LABEL && operator === 'In');
  const hosts = named?.values ?? [];
  return hosts.length > 0 && !hosts.some((host) => existing.has(host));
}

/** False only where it is certain that such a node is not meant: what is not understood here may match. */
function mayMatch({ matchExpressions = [] }: NodeSelectorTerm, labels: Readonly<Record<string, string>>): boolean {
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'In') return value !== undefined && values.includes(value);
    return operator === 'Exists' ? value !== undefined : true;
  });
}
