import { COORDINATION_BACKUP, type CoordinationBackup } from '../../../api/coordination-backup.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import type { SnapshotLocation } from '../../../api/backup-destination.ts';
import type { Job } from '../kubernetes.ts';
import { memberAddress, operatorSecretName, PORTS } from '../names.ts';
import { snapshotJob, type PodSettings, type Work } from './snapshot-job.ts';
import { locationAt, storeOf, type Store } from './store.ts';

/** How often Kubernetes makes a new pod after one failed, longer and longer after it. */
const RETRIES = 4;

/** For how long a finished Job stays to be looked at, in seconds. */
const KEPT_SECONDS = 3_600;

/** How long a member may say nothing before another one is asked, in seconds. */
const SILENCE_SECONDS = 60;

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
    deadlineSeconds: backup.spec.activeDeadlineSeconds,
    args: ['--server', servers.join(','), '--timeout', String(SILENCE_SECONDS)].concat(
      ['backup', store.location, '--resume', '--wait', String(backup.spec.activeDeadlineSeconds)],
      ['--result-file', '/dev/termination-log'],
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

function job(
  backup: CoordinationBackup,
  name: string,
  settings: PodSettings,
  work: Omit<Work, 'retries' | 'keptSeconds'>,
): Job {
  const identity = { name, labels: backupLabels(backup), type: COORDINATION_BACKUP };
  return snapshotJob(backup, identity, settings, { ...work, retries: RETRIES, keptSeconds: KEPT_SECONDS });
}
