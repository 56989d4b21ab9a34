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

type Reader = Pick<KubeClient, 'get' | 'list'>;

/** Which nodes something may be on, see Kubernetes' core/v1. */
interface NodeSelectorTerm {
  readonly matchExpressions?: readonly MatchExpression[];
}

interface MatchExpression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
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
  { client }: { readonly client: Reader },
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
  client: Reader,
): Promise<Whereabouts | undefined> {
  if (volumeName === undefined) return undefined;
  try {
    const volume = await client.get<PersistentVolume>(PERSISTENT_VOLUME, undefined, volumeName);
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
    if (terms.length === 0) return undefined;
    for (const term of terms) if (await mayFitSomeNode(term, client)) return undefined;
    for (const term of terms) if (!(await isOfLostNodes(term, client))) return 'outOfReach';
    return 'onLostNode';
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** False only where it is certain that no node is meant: what is not understood here may fit any. */
async function mayFitSomeNode({ matchExpressions = [] }: NodeSelectorTerm, client: Reader): Promise<boolean> {
  const understood = matchExpressions.flatMap(selector);
  return understood.length === 0 || (await isThere(understood.join(','), client));
}

/** A term that does not name its node may fit one that comes later: another one in the same zone. */
async function isOfLostNodes({ matchExpressions = [] }: NodeSelectorTerm, client: Reader): Promise<boolean> {
  const named = matchExpressions.find(({ key, operator }) => key === HOST_NAME_LABEL && operator === 'In');
  const [hosts] = named === undefined ? [] : selector(named);
  return hosts !== undefined && !(await isThere(hosts, client));
}

/** Only the nodes that it is about are asked for: there may be thousands, and this is asked every few moments. */
async function isThere(labelSelector: string, client: Reader): Promise<boolean> {
  return (await client.list(NODE, { labelSelector })).items.length > 0;
}

/** The part of a label selector that says the same; none where the operator is none of those that local volumes have. */
function selector({ key, operator, values = [] }: MatchExpression): string[] {
  if (operator === 'In' && values.length > 0) return [`${key} in (${values.join(',')})`];
  return operator === 'Exists' ? [key] : [];
}
