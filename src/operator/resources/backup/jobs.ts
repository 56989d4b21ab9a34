import { COORDINATION_BACKUP, type CoordinationBackup } from '../../../api/coordination-backup.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import type { SnapshotLocation } from '../../../api/backup-destination.ts';
import { apiVersionOf } from '../../../api/objects.ts';
import type { EnvVar, Job } from '../kubernetes.ts';
import { fingerprint } from '../fingerprint.ts';
import { MANAGER, memberAddress, operatorSecretName, PORTS, TEMPLATE_ANNOTATION } from '../names.ts';
import { POD_SECURITY, CONTAINER_SECURITY } from '../security.ts';
import { locationAt, storeOf, type Store } from './store.ts';

/** The container whose end says what became of an attempt. */
export const BACKUP_CONTAINER = 'zabctl';

/** How often Kubernetes makes a new pod after one failed, longer and longer after it. */
const RETRIES = 4;

/** For how long a finished Job stays to be looked at, in seconds. */
const KEPT_SECONDS = 3_600;

/** How long a member may say nothing before another one is asked, in seconds. */
const SILENCE_SECONDS = 60;

/** What pods that deal with stored snapshots are made from, beside the snapshot itself. */
export interface PodSettings {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly cluster?: CoordinationCluster | undefined;
}

/** Labels of everything that belongs to a backup. */
export function backupLabels(backup: CoordinationBackup): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'zabkeeper',
    'app.kubernetes.io/instance': backup.metadata.name,
    'app.kubernetes.io/component': 'backup',
  };
}

/** The one name of the Job that takes this backup: whoever makes it twice makes one. */
export function backupJobName({ metadata }: CoordinationBackup): string {
  return `backup-${metadata.uid ?? ''}`;
}

/** The one name of the Job that removes what this backup stored. */
export function removalJobName({ metadata }: CoordinationBackup): string {
  return `remove-${metadata.uid ?? ''}`;
}

/** Where a backup is stored. Its UID is part of the name, so that no other one ever was, or will be, there. */
export function backupLocation({ metadata, spec }: CoordinationBackup): SnapshotLocation {
  const directory = spec.destination.s3 === undefined ? '' : `${metadata.namespace ?? ''}/`;
  const name = `${directory}${spec.clusterRef.name}/${metadata.name}-${metadata.uid ?? ''}.gz`;
  return locationAt(spec.destination, name);
}

/** What zabctl needs for it. */
export function backupStore(backup: CoordinationBackup): Store {
  return storeOf(backupLocation(backup));
}

/**
 * Takes the backup. zabctl asks the members who follows and who leads when it begins; what an attempt before it stored or
 * left behind it takes up.
 */
export function backupJob(backup: CoordinationBackup, cluster: CoordinationCluster, settings: PodSettings): Job {
  const store = backupStore(backup);
  const servers = (cluster.status?.members ?? []).map(({ name }) => `${memberAddress(cluster, name)}:${PORTS.admin}`);
  const secretKeyRef = { name: operatorSecretName(cluster), key: 'password' };
  return job(backup, backupJobName(backup), settings, {
    store,
    activeDeadlineSeconds: backup.spec.activeDeadlineSeconds,
    args: ['--server', servers.join(','), '--timeout', String(SILENCE_SECONDS)].concat(
      ['backup', store.location, '--resume', '--result-file', '/dev/termination-log'],
      store.options,
    ),
    env: [
      { name: 'SUPER_PASSWORD', valueFrom: { secretKeyRef } },
      { name: 'ZABCTL_AUTH', value: 'digest:super:$(SUPER_PASSWORD)' },
    ],
  });
}

/** Removes what the backup stored. */
export function removalJob(backup: CoordinationBackup, settings: PodSettings): Job {
  const store = backupStore(backup);
  return job(backup, removalJobName(backup), settings, {
    store,
    args: ['remove-backup', store.location, ...store.options],
    env: [],
  });
}

interface Work {
  readonly store: Store;
  readonly activeDeadlineSeconds?: number;
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
}

function job(backup: CoordinationBackup, name: string, settings: PodSettings, work: Work): Job {
  const { name: owner, namespace = 'default', uid = '' } = backup.metadata;
  const labels = backupLabels(backup);
  const template = podOf(labels, settings, work);
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
          apiVersion: apiVersionOf(COORDINATION_BACKUP),
          kind: COORDINATION_BACKUP.kind,
          name: owner,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      backoffLimit: RETRIES,
      ...(work.activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds: work.activeDeadlineSeconds }),
      ttlSecondsAfterFinished: KEPT_SECONDS,
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

function podOf(labels: Record<string, string>, settings: PodSettings, work: Work): Job['spec']['template'] {
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
          name: BACKUP_CONTAINER,
          image: settings.image,
          imagePullPolicy: settings.imagePullPolicy,
          command: ['zabctl'],
          args: work.args,
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
