import type { CoordinationBackup } from '../../api/coordination-backup.ts';
import type { CoordinationClusterStatus } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Job, Kind, PersistentVolumeClaim, Pod, StatefulSet } from '../resources/kubernetes.ts';
import type { SuperUser } from '../resources/operator-secret.ts';

/** What a member says of itself over its admin port (`GET /status`). */
export interface MemberReport {
  readonly serverId: number;
  readonly state: 'leader' | 'follower' | 'observer' | 'standalone' | 'looking';
  /** It serves clients within a quorum. */
  readonly serving: boolean;
  readonly epoch: number;
  /** As `0x300000005`. */
  readonly lastZxid: string;
  /** The leader that it follows, its own id if it leads; undefined where it knows of none. */
  readonly leaderId?: number | undefined;
  readonly version: string;
  /** The UID of the pod that it runs in. Servers that were made before the operator asked for it do not tell. */
  readonly podUid?: string | undefined;
  /** The ensemble's configuration in force, as far as this member knows. Versions before 0.2 do not tell. */
  readonly configuration?: ReportedConfiguration | undefined;
  /** How large the volume of its data is, and what is left of it. Versions before 0.2 do not tell. */
  readonly volume?: { readonly bytes: number; readonly freeBytes: number } | undefined;
  /** Of the leader: how far behind each server is that is connected to it, in transactions. */
  readonly learners?: readonly { readonly id: number; readonly lag: number }[] | undefined;
}

/** Who belongs to the ensemble, as a member tells it. */
export interface ReportedConfiguration {
  /** In hexadecimal: the zxid of the reconfiguration that led to it, 0 for what zoo.cfg lists. */
  readonly version: string;
  readonly servers: readonly { readonly id: number; readonly role: 'participant' | 'observer' }[];
}

/** What was observed of the world around one cluster. Absent means: the API server said that it is not there. */
export interface Observed {
  /** RFC 3339. */
  readonly now: string;
  readonly statefulSet?: StatefulSet | undefined;
  /** That of the observers. */
  readonly observerSet?: StatefulSet | undefined;
  /**
   * Every object that exists under a name that the cluster's own objects have, whoever made it, and the cluster's
   * ConfigMaps of any time.
   */
  readonly existing: readonly KubeObject[];
  /** The super user in the operator's Secret; undefined where there is no such Secret, or none in it. */
  readonly superUser?: SuperUser | undefined;
  /** A new password for every look, of random bytes: for a super user where there is none yet. */
  readonly freshPassword: string;
  /** The CoordinationBackup that the manifest begins with; only looked for before the ensemble is formed. */
  readonly restoreBackup?: CoordinationBackup | undefined;
  /** What of that backup this version of the operator does not understand: there is one, but `restoreBackup` is not set. */
  readonly restoreBackupNotUnderstood?: string | undefined;
  /** The operator has no right to read that backup. */
  readonly restoreBackupForbidden?: boolean | undefined;
  /** The claim that this backup, or the manifest, says it is on. */
  readonly restoreClaim?: PersistentVolumeClaim | undefined;
  /** The Jobs that looked at that snapshot, their pods, and why Kubernetes makes no pod for one, where it said so. */
  readonly restoreCheck?:
    { readonly jobs: readonly Job[]; readonly pods: readonly Pod[]; readonly refusal?: string | undefined } | undefined;
  readonly pods: readonly Pod[];
  readonly claims: readonly PersistentVolumeClaim[];
  /**
   * Names of claims that are called as the members' are and have not the labels of those, so that nobody knows what is on them. Only
   * known where the volumes were read from the API server.
   */
  readonly foreignClaims?: ReadonlySet<string> | undefined;
  /** Names of claims whose volume is on a node that does not exist any more. */
  readonly strandedClaims: ReadonlySet<string>;
  /** Names of claims whose volume no node can use now, but one that comes later may: in a zone without nodes for instance. */
  readonly unreachableClaims: ReadonlySet<string>;
  /** Why Kubernetes could not make some of the pods, a quota for instance, by the pod's name. */
  readonly refusals?: ReadonlyMap<string, string> | undefined;
  /** By the pod's name; a member that did not answer is missing. */
  readonly reports: ReadonlyMap<string, MemberReport>;
}

/** What the operator was started with. */
export interface PlanSettings {
  /** The server's image for clusters that name none. */
  readonly defaultImage: string;
}

/** One write, safe to be the last one before a crash. */
export type Step =
  /**
   * Server-side apply of the whole object. With a resource version only if that is still the current one: what was
   * decided from an old state must not overwrite a newer one.
   */
  | { readonly do: 'apply'; readonly kind: Kind; readonly object: KubeObject }
  /** Fails where the object exists, whoever made it: what is in it is made once. */
  | { readonly do: 'create'; readonly kind: 'Secret' | 'Job' | 'CoordinationBackup'; readonly object: KubeObject }
  | {
      readonly do: 'delete';
      readonly kind: Kind;
      readonly name: string;
      readonly uid: string;
      /** Where it is set, only while the object is still as it was observed. */
      readonly resourceVersion?: string | undefined;
      /** Told right before: a crash in between makes it be told again, which is the same Event; after it, never. */
      readonly announce?: PlannedEvent;
    }
  /**
   * Refused by storage classes that cannot expand volumes: reported, and the steps after it are done all the same. Whatever has changed
   * since it was decided, the UID is enough: no volume ever gets smaller than it is, and too large a one does no harm.
   */
  | { readonly do: 'expandClaim'; readonly name: string; readonly uid: string; readonly size: string }
  | Reconfiguration
  | {
      readonly do: 'setFinalizers';
      readonly finalizers: readonly string[];
      /** Told right before, as of a deletion: an object that has been let go of is gone. */
      readonly announce?: PlannedEvent;
    };

/**
 * Asks the leader to change who belongs to the ensemble. Whether it was done is not always known, and does not matter:
 * the next plan goes by what the ensemble says then.
 */
export interface Reconfiguration {
  readonly do: 'reconfigure';
  /** The leader's pod, and where it listens for clients, as `host:port`. */
  readonly through: { readonly podName: string; readonly address: string };
  /** The `server.N=...` line of who joins. */
  readonly joining?: string;
  /** The id of who leaves. */
  readonly leaving?: number;
  /** Done only while this is still the version of the configuration. */
  readonly version: string;
  /** Told right before. */
  readonly announce?: PlannedEvent;
}

/** Told to people by `kubectl describe` and `kubectl events`. */
export interface PlannedEvent {
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
}

/** What to do now: the steps in order until one fails; if none did, the status; later, to look again. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly events: readonly PlannedEvent[];
  /** The status to record after the steps; undefined where the object is about to be gone. */
  readonly status?: CoordinationClusterStatus | undefined;
  readonly requeueAfterMs: number;
}

/** How soon to look again, in milliseconds. Watches report most changes; these are for what no watch tells. */
export const REQUEUE = {
  /** The next steps are possible at once. */
  nowMs: 0,
  /** Members are on their way; who serves is asked of them, Kubernetes learns it later. */
  formingMs: 500,
  /** Something is missing that Kubernetes or a person provides. */
  waitingMs: 2_000,
  /** All is well: only to notice a new leader and progress. */
  steadyMs: 10_000,
} as const;
