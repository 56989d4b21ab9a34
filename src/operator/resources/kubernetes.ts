import type { CoordinationClusterSpec } from '../../api/coordination-cluster.ts';
import { COORDINATION_BACKUP } from '../../api/coordination-backup.ts';
import type { KubeObject, ObjectMeta, ResourceType } from '../../api/objects.ts';

// The parts of Kubernetes' own kinds that the operator writes or reads, as JSON on the wire. Written here and not taken
// from the client library: plans and manifests must be computable without it.

/** The kinds of object that the operator makes, changes or deletes. */
export const KINDS = {
  Service: { group: '', version: 'v1', plural: 'services', kind: 'Service' },
  ConfigMap: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
  Secret: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
  Pod: { group: '', version: 'v1', plural: 'pods', kind: 'Pod' },
  PersistentVolumeClaim: { group: '', version: 'v1', plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim' },
  StatefulSet: { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet' },
  PodDisruptionBudget: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget' },
  Job: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' },
  CoordinationBackup: COORDINATION_BACKUP,
} as const satisfies Readonly<Record<string, ResourceType>>;

/** A key of {@link KINDS}. */
export type Kind = keyof typeof KINDS;

/** Selects objects by their labels. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn';
    readonly values: readonly string[];
  }[];
}

/** See Kubernetes' core/v1. */
export interface Service extends KubeObject {
  readonly spec: {
    readonly type?: 'ClusterIP';
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly { readonly name: string; readonly port: number; readonly targetPort: string }[];
  };
}

/** See Kubernetes' core/v1. */
export interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
  readonly immutable: boolean;
}

/** See Kubernetes' core/v1. `stringData` is written, `data` (the same in base64) is read. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

/** See Kubernetes' policy/v1. */
export interface PodDisruptionBudget extends KubeObject {
  readonly spec: {
    readonly maxUnavailable: number;
    readonly selector: LabelSelector;
    readonly unhealthyPodEvictionPolicy: 'IfHealthyBudget' | 'AlwaysAllow';
  };
}

/** A variable of a container's environment; a key of a Secret or ConfigMap is read for the pod whenever the container starts, not by the operator. */
export type EnvVar =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly valueFrom: { readonly fieldRef: { readonly fieldPath: string } } }
  | {
      readonly name: string;
      readonly valueFrom: { readonly secretKeyRef: KeyReference } | { readonly configMapKeyRef: KeyReference };
    };

/** One key of an object; where it may be missing, the variable is not set then. */
interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}

/** See Kubernetes' batch/v1. */
export interface Job extends KubeObject {
  readonly spec: {
    readonly backoffLimit: number;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished: number;
    readonly podReplacementPolicy: 'Failed';
    readonly template: {
      readonly metadata: Pick<ObjectMeta, 'labels'>;
      readonly spec: Readonly<Record<string, unknown>>;
    };
  };
  readonly status?: {
    readonly active?: number;
    readonly failed?: number;
    readonly conditions?: readonly PodCondition[];
  };
}

/** A probe over HTTP on the admin port. Durations in whole seconds. */
export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** A container of a pod. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: CoordinationClusterSpec['imagePullPolicy'];
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: CoordinationClusterSpec['resources'];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: {
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[] };
  };
  readonly terminationMessagePolicy: 'File' | 'FallbackToLogsOnError';
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

/** A container that must have ended well before the others start. */
export interface InitContainer extends Pick<
  Container,
  | 'name'
  | 'image'
  | 'imagePullPolicy'
  | 'args'
  | 'env'
  | 'resources'
  | 'securityContext'
  | 'terminationMessagePolicy'
  | 'volumeMounts'
> {
  readonly command: readonly string[];
}

/** What every pod of a StatefulSet is made from. */
export interface PodTemplate {
  readonly metadata: Pick<ObjectMeta, 'labels' | 'annotations'>;
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly automountServiceAccountToken: boolean;
    readonly serviceAccountName?: string;
    readonly enableServiceLinks: boolean;
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly tolerations?: CoordinationClusterSpec['scheduling']['tolerations'];
    readonly affinity: CoordinationClusterSpec['scheduling']['affinity'];
    readonly topologySpreadConstraints: CoordinationClusterSpec['scheduling']['topologySpreadConstraints'];
    readonly priorityClassName?: string;
    readonly imagePullSecrets?: readonly { readonly name: string }[];
    readonly initContainers?: readonly InitContainer[];
    readonly containers: readonly Container[];
    /** Each of one of the kinds. */
    readonly volumes: readonly {
      readonly name: string;
      readonly configMap?: { readonly name: string };
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
  };
}

/** The template of the claims that a StatefulSet makes, one for each pod. */
export interface ClaimTemplate {
  readonly metadata: Pick<ObjectMeta, 'name' | 'labels'>;
  readonly spec: {
    readonly accessModes: readonly string[];
    readonly storageClassName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

/** See Kubernetes' apps/v1. */
export interface StatefulSet extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly ordinals?: { readonly start: number };
    readonly serviceName: string;
    readonly podManagementPolicy: 'Parallel' | 'OrderedReady';
    readonly updateStrategy: { readonly type: 'OnDelete' | 'RollingUpdate' };
    readonly persistentVolumeClaimRetentionPolicy: {
      readonly whenDeleted: 'Retain' | 'Delete';
      readonly whenScaled: 'Retain' | 'Delete';
    };
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly volumeClaimTemplates: readonly ClaimTemplate[];
  };
  /** Written by Kubernetes: the generation that new pods are made from at least. */
  readonly status?: { readonly observedGeneration?: number };
}

/** A pod as observed. */
export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly volumes?: readonly { readonly configMap?: { readonly name?: string } }[];
    /** With restart policy `Always` one runs on beside the others. */
    readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly PodCondition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** One of a pod's conditions, such as `Ready`. */
export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339. */
  readonly lastTransitionTime?: string;
}

/** How a container of a pod fares: one of the three states is set. */
export interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly state?: ContainerState;
  /** How it ended before it was started again. */
  readonly lastState?: ContainerState;
}

/** See Kubernetes' core/v1. */
export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  /** `message` has the last lines of its log, see `terminationMessagePolicy`. */
  readonly terminated?: { readonly exitCode: number; readonly reason?: string; readonly message?: string };
}

/** A volume claim as observed. */
export interface PersistentVolumeClaim extends KubeObject {
  readonly spec: {
    readonly accessModes?: readonly string[];
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
    /** The PersistentVolume that it is bound to. */
    readonly volumeName?: string;
  };
  /** The capacity is only there once the claim is bound; `Lost` is one whose PersistentVolume is gone. */
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
}

/** Whether Kubernetes counts the pod as ready and nobody has asked for its end. */
export function isPodReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return ready && pod.metadata.deletionTimestamp === undefined;
}
