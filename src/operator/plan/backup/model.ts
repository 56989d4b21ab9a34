import type { KubeObject } from '../../../api/objects.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import type { Job, Pod } from '../../resources/kubernetes.ts';
import type { PlannedEvent, Step } from '../model.ts';

/** What to do about a resource: the steps in order; if none failed, the Events and the status; later, to look again. */
export interface ResourcePlan<Status> {
  readonly steps: readonly Step[];
  readonly events: readonly PlannedEvent[];
  /** Undefined where the object is about to be gone. */
  readonly status?: Status | undefined;
  /** The status instead, where a step was refused for good, with what was said; as it was before where it is not set. */
  readonly refused?: (said: string) => Status;
  /** Never where it is not set: then there is nothing that a watch does not tell. */
  readonly requeueAfterMs?: number | undefined;
}

/** What was observed around one CoordinationBackup. */
export interface ObservedBackup {
  /** RFC 3339. */
  readonly now: string;
  readonly cluster?: CoordinationCluster | undefined;
  /** What of the cluster's manifest this version of the operator does not understand: there is one, but `cluster` is not set. */
  readonly clusterNotUnderstood?: string | undefined;
  /** The Job that takes it. */
  readonly job?: Job | undefined;
  /** The Job that removes what it stored. */
  readonly removal?: Job | undefined;
  /** Of both Jobs. */
  readonly pods: readonly Pod[];
  /** Why Kubernetes makes no pod for the Job that is under way, where it said so. */
  readonly refusal?: string | undefined;
  /** The clusters that begin with a snapshot, of any namespace; undefined where it is not known who does. Only looked for once it is deleted. */
  readonly restoring: readonly CoordinationCluster[] | undefined;
}

/** Somebody has asked for its end. */
export function isDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}
