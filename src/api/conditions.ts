import { MESSAGE_LENGTH_MAX, type Condition } from './common-schemas.ts';

/** The conditions of a CoordinationCluster, each with what `True` means. */
export const CLUSTER_CONDITIONS = {
  /** A quorum serves clients. */
  Available: 'Available',
  /** Every member serves, runs what the manifest says, and the manifest is carried out in full. */
  Ready: 'Ready',
  /** The operator or Kubernetes is on the way to what the manifest says. */
  Progressing: 'Progressing',
  /** Members are on the way in or out; where it is False for a reason of its own, the message says what would help. */
  Scaling: 'Scaling',
  /** A member that should serve does not, although the ensemble has been complete before. */
  Degraded: 'Degraded',
  /** The volume of a member is nearly full. */
  DiskSpaceLow: 'DiskSpaceLow',
  /** The ensemble has been formed; latched, it never becomes False again. */
  Bootstrapped: 'Bootstrapped',
  /** The operator can carry out the manifest; where not, the message says what to write instead. */
  Accepted: 'Accepted',
  /** `spec.hibernated` is set, and no member runs any more. */
  Hibernated: 'Hibernated',
  /** `spec.paused` is set: the operator observes and changes nothing. */
  Paused: 'Paused',
} as const;

/** A key of {@link CLUSTER_CONDITIONS}. */
export type ClusterConditionType = keyof typeof CLUSTER_CONDITIONS;

/** A condition without what is derived from the one before it. */
export type ConditionValue = Pick<Condition, 'status' | 'reason' | 'message'>;

/**
 * The list of conditions that follows `previous`: `lastTransitionTime` moves only where `status` changes.
 *
 * @param now RFC 3339
 */
export function nextConditions<Type extends string>(
  previous: readonly Condition[],
  values: Readonly<Record<Type, ConditionValue>>,
  observedGeneration: number,
  now: string,
): Condition[] {
  return Object.entries<ConditionValue>(values).map(([type, value]) => {
    const before = previous.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === value.status ? before.lastTransitionTime : now;
    const { status, reason } = value;
    const message = fitting(value.message);
    return { type, status, reason, message, observedGeneration, lastTransitionTime };
  });
}

/** What fits into a condition: the API server refuses a whole status for one sentence that is too long. */
export function fitting(message: string): string {
  return message.length <= MESSAGE_LENGTH_MAX ? message : `${message.slice(0, MESSAGE_LENGTH_MAX - 1)}…`;
}
