import { SNAPSHOT_CONTAINER } from '../../resources/backup/snapshot-job.ts';
import type { Pod } from '../../resources/kubernetes.ts';

/** A container that is still being made after this long, in milliseconds, hardly comes to be by itself. */
const SLOW_MS = 60_000;

/** What a container waits for as a matter of course. */
const ORDINARY_WAITS: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** What would help a container that waits for a reason; for others, the reason's own words have to do. */
const HELP: readonly (readonly [reasons: RegExp, help: string])[] = [
  [/^CreateContainerConfigError$/, 'make the Secret, or the key in it, that is missing'],
  [/Image|Registry/, 'let its node get the image, or correct spec.image or spec.imagePullSecrets of the cluster'],
];

/**
 * Why a pod does not start, and what would help; undefined where it has started, or is about to.
 *
 * @param now RFC 3339
 */
export function whyNotStarted({ metadata, status }: Pod, now: string): string | undefined {
  const unscheduled = status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
  if (unscheduled?.message !== undefined) {
    const help = /persistentvolumeclaim .* not found/.test(unscheduled.message)
      ? 'make the PersistentVolumeClaim'
      : "make room on a node that fits, or correct the cluster's spec.scheduling";
    return `not scheduled: ${unscheduled.message}: ${help}`;
  }
  const { state } = status?.containerStatuses?.find(({ name }) => name === SNAPSHOT_CONTAINER) ?? {};
  if (state?.running !== undefined || state?.terminated !== undefined) return undefined;
  const { reason = 'ContainerCreating', message } = state?.waiting ?? {};
  if (ORDINARY_WAITS.has(reason)) {
    const isSlow = Date.parse(now) - Date.parse(metadata.creationTimestamp ?? now) >= SLOW_MS;
    return isSlow
      ? `its container is still being made after a minute: kubectl describe pod ${metadata.name} says why`
      : undefined;
  }
  const help = HELP.find(([reasons]) => reasons.test(reason))?.[1];
  const words = `${reason}${message === undefined ? '' : ` (${message})`}`;
  return help === undefined ? words : `${words}: ${help}`;
}
