import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { MemberSlot } from '../resources/names.ts';
import type { Refusal } from './acceptance.ts';
import { isStalled, SLOW_MS, whyAbsent } from './health.ts';
import type { EnsembleState, Member } from './members.ts';
import type { Observed } from './model.ts';

/** Where words of a server's or of Kubernetes' have these in them, this is what would help. */
const HELP: readonly (readonly [words: RegExp, help: string])[] = [
  [/ENOSPC|no space left/i, 'raise spec.storage.size, where the StorageClass can expand volumes'],
  [/exceeded quota/i, 'raise the ResourceQuota of the namespace'],
  [/ImagePull|ErrImage|InvalidImageName/, 'name an image in spec.image that the nodes can pull'],
  [/PersistentVolumeClaim|volume node affinity/i, 'give it a volume that a node can mount'],
  [/Insufficient|Unschedulable/, 'add a node, or lower spec.resources'],
  [/does not answer/, 'let the operator reach port 8080 of the pods'],
];

/**
 * Why somebody who is to join hardly gets in without help, and what would help; undefined as long as it may just take its time. Who
 * belongs to the ensemble already serves on as before, and whatever is put right makes the joiner go on by itself.
 */
export function stalledJoin(
  joiner: MemberSlot,
  { members, membership }: EnsembleState,
  cluster: CoordinationCluster,
  observed: Observed,
): Refusal | undefined {
  const why = whyStalled(joiner, members, cluster, observed);
  if (why === undefined) return undefined;
  const help = HELP.find(([words]) => words.test(why))?.[1] ?? `see kubectl logs ${joiner.podName}`;
  const message = `${joiner.podName} does not get in (${why}); the others go on without it: ${help}, or ${wayBack(joiner, cluster, membership.voters.length)}`;
  return { reason: 'JoinStalled', message };
}

function whyStalled(
  joiner: MemberSlot,
  members: readonly Member[],
  { spec }: CoordinationCluster,
  { refusals, now }: Observed,
): string | undefined {
  const member = members.find(({ slot }) => slot.podName === joiner.podName);
  if (member?.pod === undefined) {
    const refused = refusals?.get(joiner.podName);
    return refused === undefined ? undefined : `no pod: ${refused}`;
  }
  // The leader itself gives up on one that takes longer than this to synchronize.
  const synchronizationMs = spec.initLimitTicks * spec.tickTimeMs;
  return isStalled(member, SLOW_MS + synchronizationMs, now) ? whyAbsent(member, now) : undefined;
}

function wayBack({ role }: MemberSlot, { spec }: CoordinationCluster, voters: number): string {
  if (role === 'observer') return `lower observers.replicas (${spec.observers.replicas})`;
  return voters % 2 === 1 ? `set replicas back to ${voters}` : `lower replicas (${spec.replicas})`;
}
