import { list, type KubernetesObject } from './kubectl.ts';

interface EventObject extends KubernetesObject {
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly involvedObject: { readonly kind: string };
}

/** What was told about the resources of ours in a namespace, each Event as often as it counts itself. */
export async function eventsOf(namespace: string): Promise<{ reason: string; message: string }[]> {
  const events = await list<EventObject>(namespace, 'events');
  return events
    .filter(({ involvedObject }) => involvedObject.kind.startsWith('Coordination'))
    .flatMap(({ reason, message, count = 1 }) => Array.from({ length: count }, () => ({ reason, message })));
}

/** How often each of these reasons was told. */
export async function timesTold(namespace: string, ...reasons: readonly string[]): Promise<Record<string, number>> {
  const events = await eventsOf(namespace);
  return Object.fromEntries(
    reasons.map((reason) => [reason, events.filter((event) => event.reason === reason).length]),
  );
}

const KINDS = 'cc,statefulsets,pods,services,configmaps,secrets,persistentvolumeclaims,poddisruptionbudgets,jobs';
/** Every namespace has them. */
const OF_KUBERNETES = /^(configmap\/kube-root-ca\.crt|pod\/client|service\/kubernetes)$/;

/** All that is in a namespace and is neither Kubernetes' own nor the tests' client, as `kind/name`. */
export async function objectsIn(namespace: string): Promise<string[]> {
  const objects = await list<KubernetesObject & { readonly kind: string }>(namespace, KINDS);
  return objects
    .map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`)
    .filter((name) => !OF_KUBERNETES.test(name))
    .toSorted();
}
