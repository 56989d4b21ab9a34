import type { KubeObject } from '../../api/objects.ts';
import { FORMED_VARIABLE } from '../../common/environment.ts';
import { RESTORE_CONTAINER } from '../resources/backup/restore.ts';
import type { ConfigMap, EnvVar } from '../resources/kubernetes.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import type { FakeDisk } from './fake-ensemble.ts';

// For tests: what the containers of a pod do when they start.

/** The newest write in the backup that a cluster begins with. */
const BACKED_UP = 5;

/** Of a pod's `spec`, what it was made with and keeps. */
export interface FakeContainers {
  readonly initContainers?: readonly FakeContainer[];
  readonly containers: readonly FakeContainer[];
}

interface FakeContainer {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: readonly EnvVar[];
}

/** With an empty disk they begin anew, where they may and nobody tells them that the ensemble has been formed. */
export function startOn(
  disk: FakeDisk,
  { containers, initContainers = [] }: FakeContainers,
  objects: ReadonlyMap<string, KubeObject>,
): void {
  const [restore, server] = [initContainers[0], containers[0]];
  if (restore?.name === RESTORE_CONTAINER && !isFormed(restore, objects)) disk.newest ??= BACKED_UP;
  if (server?.args.includes(INITIALIZE_FLAG) === true && !isFormed(server, objects)) disk.newest ??= 0;
}

/** Kubernetes looks up what a variable refers to whenever the container starts. */
function isFormed({ env = [] }: FakeContainer, objects: ReadonlyMap<string, KubeObject>): boolean {
  return env.some((variable) => {
    if (variable.name !== FORMED_VARIABLE || !('valueFrom' in variable)) return false;
    if (!('configMapKeyRef' in variable.valueFrom)) return false;
    const { name, key } = variable.valueFrom.configMapKeyRef;
    const configMap = objects.get(`ConfigMap/${name}`) as ConfigMap | undefined;
    return configMap?.data[key] === 'true';
  });
}
