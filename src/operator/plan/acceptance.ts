import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { objectLabels, operatorSecretName } from '../resources/names.ts';
import type { Observed } from './model.ts';

/** Why a manifest, valid by itself, cannot be carried out as things are. */
export interface Refusal {
  /** One CamelCase word. */
  readonly reason:
    | 'EarlierClusterEnds'
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

/**
 * What is observed without the StatefulSet of a cluster that is called as this one's observers would be, where it is to have none:
 * that one is nothing to it.
 */
export function withoutNamesake(cluster: CoordinationCluster, observed: Observed): Observed {
  const { observerSet } = observed;
  if (observerSet === undefined || cluster.spec.observers.replicas > 0 || isOwn(cluster, observerSet)) return observed;
  const { name, uid } = observerSet.metadata;
  const isNamesake = ({ kind, metadata }: KubeObject): boolean =>
    kind === observerSet.kind && metadata.name === name && metadata.uid === uid;
  const existing = observed.existing.filter((object) => !isNamesake(object));
  return { ...observed, observerSet: undefined, existing };
}

/** An object of somebody else under a name that the cluster needs must not be overwritten. */
export function nameTaken(cluster: CoordinationCluster, existing: readonly KubeObject[]): Refusal | undefined {
  const foreign = existing.filter((object) => !isOwn(cluster, object));
  if (foreign.length === 0) return undefined;
  const names = foreign.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
  if (foreign.every((object) => isOfEarlier(cluster, object))) {
    const message = `waiting until Kubernetes has deleted what belongs to an earlier cluster of this name: ${names}`;
    return { reason: 'EarlierClusterEnds', message };
  }
  return {
    reason: 'NameTaken',
    message: `${names} exists and does not belong to this cluster: delete it, or choose another name for the cluster`,
  };
}

function isOwn(cluster: CoordinationCluster, { metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uid === cluster.metadata.uid);
}

/** Somebody has taken its owner away, as `kubectl delete --cascade=orphan` does: it is as the operator has made it, but for that. */
export function isOrphaned(cluster: CoordinationCluster, { metadata }: KubeObject): boolean {
  const isOurs = Object.entries(objectLabels(cluster)).every(([key, value]) => metadata.labels?.[key] === value);
  return isOurs && (metadata.ownerReferences ?? []).length === 0;
}

/** Its owner is not there any more, so that Kubernetes deletes it: both cannot have the name at the same time. */
function isOfEarlier(cluster: CoordinationCluster, { metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({ kind, name }) => kind === cluster.kind && name === cluster.metadata.name,
  );
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
