import { docker } from '../faults.ts';
import { kubectl } from '../kubectl.ts';

/** Stops a node's container at once, as a machine that loses its power. */
export async function stopNode(node: string): Promise<void> {
  await docker('kill', '--signal', 'SIGKILL', node);
}

/** Starts it again and waits until Kubernetes uses it. */
export async function startNode(node: string): Promise<void> {
  await docker('start', node);
  await kubectl(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=180s'], { timeoutMs: 190_000 });
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
