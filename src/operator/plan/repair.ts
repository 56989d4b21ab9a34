import type { BootstrapLatch } from '../../api/coordination-cluster.ts';
import { isPodReady } from '../resources/kubernetes.ts';
import type { EnsembleState, Member } from './members.ts';
import type { Step } from './model.ts';

/**
 * Deletes pods that a correction of the manifest would otherwise never reach, an image that does not exist for instance:
 * made from an earlier template, not ready, and of no use to anybody as they are.
 */
export function replaceUselessPods(state: EnsembleState, latch: BootstrapLatch): Step[] {
  return state.members.flatMap((member): Step[] => {
    const { name, uid, deletionTimestamp } = member.pod?.metadata ?? {};
    if (name === undefined || uid === undefined || deletionTimestamp !== undefined) return [];
    return isUseless(member, latch) ? [{ do: 'delete', kind: 'Pod', name, uid }] : [];
  });
}

function isUseless({ pod, outdated }: Member, latch: BootstrapLatch): boolean {
  if (pod === undefined || !outdated || isPodReady(pod)) return false;
  // Pending: no container of it runs. Before the ensemble is formed no member has anything to lose.
  return latch.phase === 'Started' || pod.status?.phase === 'Pending';
}
