import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { operatorSecretName } from '../resources/names.ts';
import type { Observed } from './model.ts';

/** Why a manifest, valid by itself, cannot be carried out as things are. */
export interface Refusal {
  /** One CamelCase word. */
  readonly reason:
    | 'NameTaken'
    | 'RestoreRefused'
    | 'SecretDamaged'
    | 'SnapshotUnusable'
    | 'VolumeBeingDeleted'
    | 'VolumesDoNotFit'
    | 'WaitingForVolumes'
    | 'FormingEnsemble'
    | 'ServerTooOld'
    | 'QuorumEndangered'
    | 'JoinStalled';
  readonly message: string;
}

/** An object of somebody else under a name that the cluster needs must not be overwritten. */
export function nameTaken(cluster: CoordinationCluster, existing: readonly KubeObject[]): Refusal | undefined {
  const foreign = existing.filter(
    ({ metadata }) => !(metadata.ownerReferences ?? []).some(({ uid }) => uid === cluster.metadata.uid),
  );
  if (foreign.length === 0) return undefined;
  const names = foreign.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
  return {
    reason: 'NameTaken',
    message: `${names} exists and does not belong to this cluster: delete it, or choose another name for the cluster`,
  };
}

/** A Secret of the operator's own in which there is no super user: it is not overwritten, whatever is in it. */
export function secretDamaged(cluster: CoordinationCluster, observed: Observed): Refusal | undefined {
  const name = operatorSecretName(cluster);
  const exists = observed.existing.some(({ kind, metadata }) => kind === 'Secret' && metadata.name === name);
  if (!exists || observed.superUser !== undefined) return undefined;
  return {
    reason: 'SecretDamaged',
    message: `Secret ${name} has no password in it: delete it; the operator makes a new one and restarts the members one by one`,
  };
}
