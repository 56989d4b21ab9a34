import assert from 'node:assert/strict';
import { waitFor } from '../../../support/wait-for.ts';
import { docker } from '../faults.ts';
import { apply, get, kubectl, list, type KubernetesObject } from '../kubectl.ts';

interface NodeObject extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly podCIDR: string; readonly podCIDRs: readonly string[]; readonly providerID: string };
}

/** Stops a node's container at once, as a machine that loses its power. */
export async function stopNode(node: string): Promise<void> {
  await docker('kill', '--signal', 'SIGKILL', node);
}

/** Starts it again and waits until Kubernetes uses it. */
export async function startNode(node: string): Promise<void> {
  await docker('start', node);
  await kubectl(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=180s'], { timeoutMs: 190_000 });
}

/**
 * Stops a node and takes it out of the cluster, as a machine that nobody will ever repair, while something is shown. Afterwards it
 * is there again, as a machine of the same name and network, and the cluster is whole.
 */
export async function withoutNode(name: string, shown: () => Promise<void>): Promise<void> {
  const node = await get<NodeObject>('', 'node', name);
  assert.ok(node);
  const { labels, annotations } = node.metadata;
  // Its CNI configuration is for this network.
  const { podCIDR, podCIDRs, providerID } = node.spec;
  try {
    await stopNode(name);
    await kubectl(['delete', 'node', name]);
    // Kubernetes does the same by itself, after a minute in which nothing else would be tested.
    const onIt = ['pods', '--all-namespaces', `--field-selector=spec.nodeName=${name}`];
    await kubectl(['delete', ...onIt, '--force', '--grace-period=0']);
    await shown();
  } finally {
    const spec = { podCIDR, podCIDRs, providerID };
    await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels, annotations }, spec });
    await startNode(name);
  }
  await isWhole();
}

interface DaemonSet extends KubernetesObject {
  readonly status: { readonly numberAvailable?: number };
}

/** Waits until every node has its daemons, and every Deployment its pods. */
async function isWhole(): Promise<void> {
  const nodes = await list('', 'nodes');
  await waitFor(
    'every node has its daemons',
    async () =>
      (await list<DaemonSet>('', 'daemonsets')).every(({ status }) => status.numberAvailable === nodes.length),
    {
      timeoutMs: 120_000,
      intervalMs: 300,
      explain: () => kubectl(['get', 'nodes,daemonsets,pods', '-A', '-o', 'wide']),
    },
  );
  const available = ['wait', '--for=condition=Available', 'deployments', '--all', '--all-namespaces'];
  await kubectl([...available, '--timeout=120s'], { timeoutMs: 130_000 });
}

/** `kubectl drain`, of the pods with these labels only. @throws KubectlError where they are not gone in time */
export async function drain(node: string, labels: Readonly<Record<string, string>>, timeoutS: number): Promise<void> {
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const args = ['drain', node, `--pod-selector=${selector.join(',')}`, '--ignore-daemonsets', `--timeout=${timeoutS}s`];
  await kubectl(args, { timeoutMs: (timeoutS + 30) * 1000 });
}

export async function uncordon(nodes: readonly string[]): Promise<void> {
  await Promise.all(nodes.map((node) => kubectl(['uncordon', node])));
}
