import { RESTORE_CONTAINER } from '../resources/backup/restore.ts';
import type { ContainerStatus, Pod } from '../resources/kubernetes.ts';

/** What a container waits for as a matter of course. */
const ORDINARY_WAITS: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * Whether the pod is kept from starting again by what it began with: it restored a snapshot, long ago, and would look for that one
 * again, or for the Secret or volume behind it, after its node was started anew.
 */
export function looksForItsSnapshot(pod: Pod): boolean {
  return failedInitContainer(pod)?.name === RESTORE_CONTAINER;
}

/** Kubernetes does not start its process for now: there is no image, or it has ended too often. */
export function waitsInVain(container: ContainerStatus | undefined): boolean {
  const waiting = container?.state?.waiting?.reason;
  return waiting !== undefined && !ORDINARY_WAITS.has(waiting);
}

/** The container before the server's that does not end well, or that is to run beside it (a proxy of a service mesh) and does not start. */
export function failedInitContainer({ spec, status }: Pod): ContainerStatus | undefined {
  const besides = new Set(spec?.initContainers?.filter(runsOn).map(({ name }) => name));
  return status?.initContainerStatuses?.find((container) => {
    const { name, state, lastState } = container;
    if (state?.terminated?.exitCode === 0) return false;
    // Whether it has ended before says nothing of the server.
    if (besides.has(name) && state?.running !== undefined) return false;
    return waitsInVain(container) || [state, lastState].some((one) => (one?.terminated?.exitCode ?? 0) !== 0);
  });
}

function runsOn({ restartPolicy }: { readonly restartPolicy?: string }): boolean {
  return restartPolicy === 'Always';
}
