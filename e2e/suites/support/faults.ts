import { runProgram } from '../../support/run-program.ts';
import type { PodObject } from './cluster.ts';
import { get, kubectl } from './kubectl.ts';

/** SIGKILL to the process of a pod's container (the first one, if none is named), as the kernel's OOM killer would: Kubernetes hears of it afterwards. */
export async function killProcess(pod: PodObject, container?: string): Promise<void> {
  try {
    await onTask({ pod, container }, 'kill', '--signal', 'SIGKILL');
  } catch (error) {
    // Kubernetes did not know yet that it had ended by itself: it is as dead as it was to be.
    if (!(error instanceof Error) || !error.message.includes('no running task')) throw error;
  }
}

/** The process of a pod's only container does nothing any more, as one that hangs. */
export async function pauseProcess(pod: PodObject): Promise<void> {
  await onTask({ pod }, 'pause');
}

export async function resumeProcess(pod: PodObject): Promise<void> {
  await onTask({ pod }, 'resume');
}

/** The PersistentVolume of a member is gone, as with a broken disk, and so is its pod. */
export async function loseVolume(namespace: string, podName: string): Promise<void> {
  const { name } = await volumeOf(namespace, podName);
  await kubectl(['delete', 'pv', name, '--wait=false']);
  // What keeps a volume that is still claimed.
  await kubectl(['patch', 'pv', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await kubectl(['-n', namespace, 'delete', 'pod', podName, '--wait=false']);
}

/** Zeroes in the middle of a member's log, and a start that finds them. */
export async function damageLog(namespace: string, podName: string): Promise<void> {
  const pod = await podOf(namespace, podName);
  const { path } = await volumeOf(namespace, podName);
  const script = `cd ${path}/version-2; log=$(ls -S log.* | head -1); dd if=/dev/zero of="$log" bs=1 seek=2000 count=500 conv=notrunc`;
  await docker('exec', pod.spec.nodeName ?? '', 'bash', '-ec', script);
  await killProcess(pod);
}

/** A file of one line that a member cannot read any more, and a start that finds it: it needs no log of any length. */
export async function damageEpoch(namespace: string, podName: string): Promise<void> {
  const pod = await podOf(namespace, podName);
  const { path } = await volumeOf(namespace, podName);
  await docker('exec', pod.spec.nodeName ?? '', 'bash', '-ec', `echo damaged > ${path}/version-2/currentEpoch`);
  await killProcess(pod);
}

/** A member's disk is replaced by an empty one, under a pod and a claim that stay: its process starts again with nothing. */
export async function wipeVolume(namespace: string, podName: string): Promise<void> {
  const pod = await podOf(namespace, podName);
  const { path } = await volumeOf(namespace, podName);
  // Whatever it wrote in between would be on the new disk.
  await pauseProcess(pod);
  await docker('exec', pod.spec.nodeName ?? '', 'bash', '-ec', `cd ${path}; shopt -s dotglob; rm -r *`);
  await killProcess(pod);
}

async function podOf(namespace: string, podName: string): Promise<PodObject> {
  const pod = await get<PodObject>(namespace, 'pod', podName);
  if (pod === undefined) throw new Error(`there is no pod ${podName}`);
  return pod;
}

/** The PersistentVolume behind a member's claim, and where it is on its node. */
async function volumeOf(namespace: string, podName: string): Promise<{ name: string; path: string }> {
  const claim = ['get', 'pvc', `data-${podName}`, '-o', 'jsonpath={.spec.volumeName}'];
  const name = await kubectl(['-n', namespace, ...claim]);
  const path = await kubectl(['get', 'pv', name, '-o', 'jsonpath={.spec.hostPath.path}{.spec.local.path}']);
  if (path === '') throw new Error(`PersistentVolume ${name} is no directory of a node`);
  return { name, path };
}

async function onTask(
  { pod, container }: { readonly pod: PodObject; readonly container?: string | undefined },
  command: string,
  ...options: string[]
): Promise<void> {
  const statuses = pod.status.containerStatuses ?? [];
  const status = container === undefined ? statuses[0] : statuses.find(({ name }) => name === container);
  const id = status?.containerID?.replace('containerd://', '') ?? '';
  await docker('exec', pod.spec.nodeName ?? '', 'ctr', '-n', 'k8s.io', 'tasks', command, ...options, id);
}

/** Runs docker, of whose containers the nodes are some. @throws Error with what it said, where it fails */
export async function docker(...args: string[]): Promise<void> {
  const { exitCode, output } = await runProgram({ program: 'docker', args, timeoutMs: 90_000 });
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${output}`);
}
