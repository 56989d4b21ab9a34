import { runProgram } from '../../support/run-program.ts';
import type { PodObject } from './cluster.ts';

/** SIGKILL to the process of a pod's only container, as the kernel's OOM killer would: Kubernetes hears of it afterwards. */
export async function killProcess(pod: PodObject): Promise<void> {
  await signalProcess(pod, 'SIGKILL');
}

/** SIGSTOP makes the process of a pod's only container hang, SIGCONT lets it go on as if nothing had been. */
export async function signalProcess(pod: PodObject, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  const node = pod.spec.nodeName ?? '';
  const id = pod.status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
  try {
    await docker('exec', node, 'ctr', '-n', 'k8s.io', 'tasks', 'kill', '--signal', signal, id);
  } catch (error) {
    // Kubernetes did not know yet that it had ended by itself: it is as dead as it was to be.
    if (!(error instanceof Error) || !error.message.includes('no running task')) throw error;
  }
}

/** Stops a node's container at once, as a machine that loses its power. */
export async function stopNode(node: string): Promise<void> {
  await docker('kill', '--signal', 'SIGKILL', node);
}

export async function startNode(node: string): Promise<void> {
  await docker('start', node);
}

async function docker(...args: string[]): Promise<void> {
  const { exitCode, output } = await runProgram({ program: 'docker', args, timeoutMs: 90_000 });
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${output}`);
}
