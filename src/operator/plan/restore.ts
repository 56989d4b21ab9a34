import type { RestoreSource } from '../../api/bootstrap.ts';
import type { CoordinationBackup } from '../../api/coordination-backup.ts';
import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import { backupLocation } from '../resources/backup/jobs.ts';
import { namespaceOf, RESTORABLE_ANNOTATION } from '../resources/names.ts';
import { isDeleted } from './backup/model.ts';
import type { Observed } from './model.ts';

/** What a cluster is to begin with, if not with an empty tree. */
export type RestoreDecision =
  | { readonly from: RestoreSource }
  /** Nothing is started; the sentence says what to do. */
  | { readonly refused: string };

/**
 * Decides what a cluster without a latch begins with. It is recorded in the latch, so that every member begins with the same
 * file, whatever becomes of the CoordinationBackup meanwhile.
 *
 * @returns undefined where the manifest asks for none
 */
export function decideRestore(cluster: CoordinationCluster, observed: Observed): RestoreDecision | undefined {
  const restore = cluster.spec.bootstrap?.restore;
  if (restore === undefined) return undefined;
  const { backup, ...bare } = restore;
  const decision = backup === undefined ? { from: bare } : fromBackup(cluster, backup, observed);
  return 'refused' in decision ? decision : mountable(cluster, decision, observed);
}

/** The latch of a beginning with a snapshot. Never over volumes that are there: they may hold what is newer. */
export function restoredLatch(
  latch: BootstrapLatch,
  from: RestoreSource,
): (BootstrapLatch & { readonly restoreFrom: RestoreSource }) | string {
  if (latch.origin === 'Fresh') return { ...latch, origin: 'Restored', restoreFrom: from };
  return (
    'volumes of an earlier cluster of this name exist, and restoring never replaces data: delete the volumes to begin with ' +
    'the backup, or take bootstrap.restore out of the manifest to go on with them'
  );
}

function fromBackup(
  cluster: CoordinationCluster,
  reference: { readonly name: string; readonly namespace?: string | undefined },
  { restoreBackup: backup, restoreBackupNotUnderstood: notUnderstood, restoreBackupForbidden: isForbidden }: Observed,
): RestoreDecision {
  const { name, namespace = namespaceOf(cluster) } = reference;
  const isForeign = namespace !== namespaceOf(cluster);
  if (isForbidden === true) {
    return refused(
      `this operator may not read CoordinationBackup ${namespace}/${name}; one that looks at a single namespace reads nothing outside of ` +
        'it: name the bare location of the snapshot in bootstrap.restore',
    );
  }
  // Whether it exists is told only to those who may use it.
  if (isForeign && (backup === undefined || !mayBeRestoredIn(backup, namespaceOf(cluster)))) {
    return refused(
      `no CoordinationBackup ${namespace}/${name} allows to be restored here: create it or correct the name, and annotate it with ` +
        `${RESTORABLE_ANNOTATION}=${namespaceOf(cluster)}`,
    );
  }
  if (notUnderstood !== undefined) {
    return refused(
      `this version of the operator does not understand CoordinationBackup ${name} (${notUnderstood}): install operator and CRDs of the same version`,
    );
  }
  if (backup === undefined) {
    return refused(
      `there is no CoordinationBackup ${name} in namespace ${namespace}: create it, or correct bootstrap.restore.backup`,
    );
  }
  const { status } = backup;
  if (status?.phase === 'Failed') {
    return refused(
      `CoordinationBackup ${name} has failed and stored no backup: name another one in bootstrap.restore.backup`,
    );
  }
  if (isDeleted(backup)) {
    return refused(
      `CoordinationBackup ${name} is being deleted: name another one in bootstrap.restore.backup, or, if its snapshot stays, the bare location`,
    );
  }
  if (status?.phase !== 'Complete') return refused(`waiting until CoordinationBackup ${name} is complete`);
  const location = backupLocation(backup);
  if (isForeign && location.volume !== undefined) {
    return refused(
      `CoordinationBackup ${namespace}/${name} is on a volume, which no pod of another namespace can mount: restore in namespace ` +
        `${namespace}, or take a backup to a bucket`,
    );
  }
  return { from: { ...location, ...(status.sha256 === undefined ? {} : { sha256: status.sha256 }) } };
}

/** Where several members are to read one volume, it must be one that several nodes can mount. */
function mountable(
  { spec }: CoordinationCluster,
  decision: { readonly from: RestoreSource },
  { restoreClaim: claim }: Observed,
): RestoreDecision {
  const { volume } = decision.from;
  if (volume === undefined) return decision;
  const { claimName } = volume;
  if (claim === undefined) {
    return refused(
      `there is no PersistentVolumeClaim ${claimName} in this namespace: create it, or correct bootstrap.restore`,
    );
  }
  const modes = claim.spec.accessModes ?? [];
  if (spec.replicas === 1 || modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return decision;
  return refused(
    `${spec.replicas} members cannot mount PersistentVolumeClaim ${claimName} at the same time (${modes.join(', ')}): set replicas to 1 and ` +
      'scale up afterwards, or restore from a bucket',
  );
}

/** Whether clusters of a namespace may begin with the backup. */
export function mayBeRestoredIn(backup: CoordinationBackup, namespace: string): boolean {
  if (namespace === namespaceOf(backup)) return true;
  const annotation = backup.metadata.annotations?.[RESTORABLE_ANNOTATION] ?? '';
  const allowed = new Set(annotation.split(',').map((name) => name.trim()));
  return allowed.has(namespace) || allowed.has('*');
}

function refused(sentence: string): RestoreDecision {
  return { refused: sentence };
}
