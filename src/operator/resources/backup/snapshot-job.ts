import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { apiVersionOf, type KubeObject, type ResourceType } from '../../../api/objects.ts';
import { fingerprint } from '../fingerprint.ts';
import type { EnvVar, Job } from '../kubernetes.ts';
import { MANAGER, TEMPLATE_ANNOTATION } from '../names.ts';
import { CONTAINER_SECURITY, POD_SECURITY } from '../security.ts';
import { verbatim, type Store } from './store.ts';

/** The container whose end says what became of an attempt. */
export const SNAPSHOT_CONTAINER = 'zabctl';

/** What pods that deal with stored snapshots are made from, beside the snapshot itself. */
export interface PodSettings {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly cluster?: CoordinationCluster | undefined;
}

/** What a Job's pods do with one stored snapshot. */
export interface Work {
  readonly store: Store;
  /** Of zabctl. */
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  /** How often Kubernetes makes a new pod after one failed, longer and longer after it. */
  readonly retries: number;
  /** How long all of it may take. */
  readonly deadlineSeconds?: number;
  /** For how long the finished Job stays. */
  readonly keptSeconds: number;
}

/** A Job of an owner's that lets zabctl do something with a stored snapshot. */
export function snapshotJob(
  owner: KubeObject,
  identity: { readonly name: string; readonly labels: Record<string, string>; readonly type: ResourceType },
  settings: PodSettings,
  work: Work,
): Job {
  const { name: ownerName, namespace = 'default', uid = '' } = owner.metadata;
  const { name, labels, type } = identity;
  const template = snapshotPod(labels, settings, work);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace,
      labels: { ...labels, 'app.kubernetes.io/managed-by': MANAGER },
      annotations: { [TEMPLATE_ANNOTATION]: fingerprint(template) },
      ownerReferences: [
        {
          apiVersion: apiVersionOf(type),
          kind: type.kind,
          name: ownerName,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      backoffLimit: work.retries,
      ...(work.deadlineSeconds === undefined ? {} : { activeDeadlineSeconds: work.deadlineSeconds }),
      ttlSecondsAfterFinished: work.keptSeconds,
      // Never two attempts at the same time: the later one removes what the earlier one left.
      podReplacementPolicy: 'Failed',
      template,
    },
  };
}

/** Whether a Job was made for a pod as another one would be now. */
export function isSameWork(one: Job, other: Job): boolean {
  return one.metadata.annotations?.[TEMPLATE_ANNOTATION] === other.metadata.annotations?.[TEMPLATE_ANNOTATION];
}

function snapshotPod(labels: Record<string, string>, settings: PodSettings, work: Work): Job['spec']['template'] {
  const { imagePullSecrets, scheduling } = settings.cluster?.spec ?? {};
  return {
    metadata: { labels },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      ...work.store.serviceAccount,
      enableServiceLinks: false,
      securityContext: POD_SECURITY,
      ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
      ...(scheduling?.nodeSelector === undefined ? {} : { nodeSelector: scheduling.nodeSelector }),
      ...(scheduling?.tolerations === undefined ? {} : { tolerations: scheduling.tolerations }),
      containers: [
        {
          name: SNAPSHOT_CONTAINER,
          image: settings.image,
          imagePullPolicy: settings.imagePullPolicy,
          command: ['zabctl'],
          args: verbatim(work.args),
          env: [...work.env, ...work.store.env],
          resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
          securityContext: CONTAINER_SECURITY,
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: work.store.volumeMounts,
        },
      ],
      volumes: work.store.volumes,
    },
  };
}
