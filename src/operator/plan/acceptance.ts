import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { operatorSecretName } from '../resources/names.ts';
import type { Observed } from './model.ts';

/** Why a manifest, valid by itself, cannot be carried out as things are. */
export interface Refusal {
  /** One CamelCase word. */
  readonly reason: 'NameTaken' | 'SecretDamaged' | 'VolumesDoNotFit' | 'WaitingForVolumes' | 'ScalingNotSupported';
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

/** The number of voters is a matter of the ensemble's own agreement; changing only the pods would lose quorum or data. */
export function scalingRefused(cluster: CoordinationCluster, latch: BootstrapLatch): Refusal | undefined {
  const { replicas } = cluster.spec;
  if (replicas === latch.replicas) return undefined;
  const wayOut =
    latch.phase === 'Completed'
      ? `set replicas back to ${latch.replicas}`
      : `set replicas back to ${latch.replicas}, or delete this cluster and make it anew: no client has written to it yet`;
  return {
    reason: 'ScalingNotSupported',
    message:
      `replicas is ${replicas}, but the ensemble is formed with ${latch.replicas} voters, and this version of the ` +
      `operator does not change their number: nothing was changed; ${wayOut}`,
  };
}
