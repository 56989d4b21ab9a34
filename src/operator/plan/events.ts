import type { ClusterConditionType } from '../../api/conditions.ts';
import type { CoordinationClusterStatus } from '../../api/coordination-cluster.ts';
import { storeOf } from '../resources/backup/store.ts';
import { isOtherBeginning } from './bootstrap.ts';
import { BOOTSTRAP_STOPPED, saysUpdating } from './cluster-conditions.ts';
import type { PlannedEvent } from './model.ts';

type Announcement = Partial<Record<'True' | 'False', PlannedEvent['type']>>;

/** Which changes of which condition are told as an Event, and how loudly. The Event has the condition's reason. */
const ANNOUNCED: Partial<Record<ClusterConditionType, Announcement>> = {
  Available: { True: 'Normal', False: 'Warning' },
  Ready: { True: 'Normal' },
  Scaling: { True: 'Normal' },
  Degraded: { True: 'Warning' },
  DiskSpaceLow: { True: 'Warning' },
  Bootstrapped: { True: 'Normal' },
  Accepted: { False: 'Warning' },
  Hibernated: { True: 'Normal' },
  Paused: { True: 'Normal', False: 'Normal' },
};

/** Reasons for which it is no warning that something is not available: the manifest asks for it. */
const ASKED_FOR: ReadonlySet<string> = new Set(['Hibernated', 'WakingUp', 'Updating']);

/** The Events that tell how `next` differs from `previous`: each decision and each refusal, with why. */
export function statusEvents(
  previous: CoordinationClusterStatus | undefined,
  next: CoordinationClusterStatus,
): PlannedEvent[] {
  return [
    ...latchEvents(previous, next),
    ...stoppedEvents(previous, next),
    ...conditionEvents(previous, next),
    ...updateEvents(previous, next),
    ...leaderEvents(previous, next),
  ];
}

function updateEvents(
  previous: CoordinationClusterStatus | undefined,
  next: CoordinationClusterStatus,
): PlannedEvent[] {
  const [before, now] = [saysUpdating(previous), saysUpdating(next)];
  if (before === now) return [];
  if (now) return [{ type: 'Normal', reason: 'UpdateStarted', message: sentence(messageOf(next, 'Progressing')) }];
  const done = next.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return done ? [{ type: 'Normal', reason: 'UpdateCompleted', message: 'All members are as the manifest says' }] : [];
}

function messageOf(status: CoordinationClusterStatus, type: ClusterConditionType): string {
  return status.conditions?.find((condition) => condition.type === type)?.message ?? '';
}

function latchEvents(previous: CoordinationClusterStatus | undefined, next: CoordinationClusterStatus): PlannedEvent[] {
  const { bootstrap: latch } = next;
  const before = previous?.bootstrap;
  if (latch?.phase !== 'Started' || (before?.id === latch.id && !isOtherBeginning(before, latch))) return [];
  const { replicas, restoreFrom } = latch;
  const message =
    restoreFrom === undefined
      ? `No volumes of an earlier life: forming a new ensemble of ${replicas}`
      : `Forming a new ensemble of ${replicas} from ${storeOf(restoreFrom).shown}`;
  return [{ type: 'Normal', reason: 'BootstrapStarted', message }];
}

/** A bootstrap that stops is told each time that it does for another reason: nobody has seen the cluster work yet. */
function stoppedEvents(
  previous: CoordinationClusterStatus | undefined,
  next: CoordinationClusterStatus,
): PlannedEvent[] {
  const [before, now] = [previous, next].map((status) =>
    status?.conditions?.find(({ type }) => type === 'Progressing'),
  );
  if (now?.reason !== BOOTSTRAP_STOPPED || before?.message === now.message) return [];
  return [{ type: 'Warning', reason: now.reason, message: sentence(now.message) }];
}

function conditionEvents(
  previous: CoordinationClusterStatus | undefined,
  next: CoordinationClusterStatus,
): PlannedEvent[] {
  return (next.conditions ?? []).flatMap(({ type, status, reason, message }): PlannedEvent[] => {
    const before = previous?.conditions?.find((condition) => condition.type === type);
    // What was never otherwise is not news: a cluster starts out as not available and not paused.
    const isNews =
      before === undefined ? status === (type === 'Accepted' ? 'False' : 'True') : isChange(before, status, reason);
    const how = status === 'Unknown' ? undefined : ANNOUNCED[type as ClusterConditionType]?.[status];
    if (!isNews || how === undefined) return [];
    return [{ type: ASKED_FOR.has(reason) ? 'Normal' : how, reason, message: sentence(message) }];
  });
}

function isChange(before: { status: string; reason: string }, status: string, reason: string): boolean {
  return before.status !== status || before.reason !== reason;
}

function leaderEvents(
  previous: CoordinationClusterStatus | undefined,
  next: CoordinationClusterStatus,
): PlannedEvent[] {
  if (next.leader === undefined || previous?.leader === next.leader) return [];
  const message =
    previous?.leader === undefined ? `${next.leader} leads` : `${next.leader} leads after ${previous.leader}`;
  return [{ type: 'Normal', reason: 'LeaderChanged', message }];
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
