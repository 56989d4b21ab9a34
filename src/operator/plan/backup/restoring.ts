import type { SnapshotLocation } from '../../../api/backup-destination.ts';
import type { CoordinationBackup } from '../../../api/coordination-backup.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { backupStore } from '../../resources/backup/jobs.ts';
import { storeOf } from '../../resources/backup/store.ts';
import { namespaceOf } from '../../resources/names.ts';
import { validLatch } from '../bootstrap.ts';
import { mayBeRestoredIn } from '../restore.ts';
import { isDeleted } from './model.ts';

// What a backup stored is read until the last member of a cluster that begins with it has begun. Until then such a cluster may have to
// begin once more, with what its manifest names by then.

/** Why nothing stored is removed as long as nobody can tell who needs it. */
export const NOT_UNDERSTOOD =
  'there is a cluster with bootstrap.restore that this version of the operator does not understand: install operator and CRDs of the same version';

/** Who is being formed with what the backup stored; undefined where nobody is. */
export function formedWith(
  backup: CoordinationBackup,
  clusters: readonly CoordinationCluster[],
): CoordinationCluster | undefined {
  return clusters.find((cluster) => {
    const { phase, restoreFrom } = validLatch(cluster) ?? {};
    return !isDeleted(cluster) && phase === 'Started' && isStoredAt(restoreFrom, backup, cluster);
  });
}

/** Who is being formed with it, or is to begin with it by its manifest; undefined where nobody is. */
export function neededBy(
  backup: CoordinationBackup,
  clusters: readonly CoordinationCluster[],
): CoordinationCluster | undefined {
  return formedWith(backup, clusters) ?? clusters.find((cluster) => isToBeginWith(backup, cluster));
}

/** People are told of a cluster by its namespace too: it may be in any. */
export function nameOf(cluster: CoordinationCluster): string {
  return `CoordinationCluster ${namespaceOf(cluster)}/${cluster.metadata.name}`;
}

function isToBeginWith(backup: CoordinationBackup, cluster: CoordinationCluster): boolean {
  const { restore } = cluster.spec.bootstrap ?? {};
  if (restore === undefined || isDeleted(cluster) || validLatch(cluster)?.phase === 'Completed') return false;
  const own = namespaceOf(cluster);
  if (restore.backup === undefined) return isStoredAt(restore, backup, cluster);
  const { name, namespace = own } = restore.backup;
  return name === backup.metadata.name && namespace === namespaceOf(backup) && mayBeRestoredIn(backup, own);
}

/** Not by whatever name the S3 server goes: the backup's UID is in the name of the object. */
function isStoredAt(
  location: SnapshotLocation | undefined,
  backup: CoordinationBackup,
  cluster: CoordinationCluster,
): boolean {
  if (location === undefined || storeOf(location).shown !== backupStore(backup).shown) return false;
  return location.volume === undefined || namespaceOf(cluster) === namespaceOf(backup);
}
