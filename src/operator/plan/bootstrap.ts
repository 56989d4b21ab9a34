import { VOTERS_MAX, type BootstrapLatch, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import { isMemberClaim, ordinalOfClaim, selectorLabels } from '../resources/names.ts';
import type { EnsembleState } from './members.ts';
import type { Observed } from './model.ts';

/** How the life of a cluster may begin, judged by the volumes that are there. */
export type Beginning =
  | { readonly may: 'begin'; readonly latch: BootstrapLatch }
  | { readonly may: 'wait'; readonly message: string }
  | { readonly may: 'not'; readonly message: string };

/**
 * The latch that is valid for this cluster. One with another resource's UID, copied by a backup tool for instance, says
 * nothing about this one's volumes.
 */
export function validLatch(cluster: CoordinationCluster): BootstrapLatch | undefined {
  const latch = cluster.status?.bootstrap;
  return latch?.id === cluster.metadata.uid ? latch : undefined;
}

/**
 * Decides how a cluster without a latch begins. Only where there is no volume at all may members begin with empty disks.
 * Where there are volumes, whoever has data votes and the others synchronize, which needs a majority with data: then
 * every write that was ever acknowledged, by a majority of at most as many voters, is on some voter of every quorum.
 */
export function decideBeginning(cluster: CoordinationCluster, observed: Observed): Beginning {
  const { replicas, serverIdOffset } = cluster.spec;
  const foreign = [...(observed.foreignClaims ?? [])];
  if (foreign.length > 0) {
    const labels = Object.entries(selectorLabels(cluster)).map(([key, value]) => `${key}=${value}`);
    return {
      may: 'not',
      message:
        `volumes exist that have the names of the members' and not their labels (${foreign.join(', ')}): delete them, give the cluster ` +
        `another name, or, where they hold an earlier ensemble's data, go on with them (kubectl label pvc ${foreign.join(' ')} ${labels.join(' ')})`,
    };
  }
  const claims = observed.claims.flatMap((claim) => {
    const ordinal = ordinalOfClaim(cluster, claim.metadata.name);
    return ordinal === undefined ? [] : [{ claim, index: ordinal - serverIdOffset }];
  });
  const leaving = claims.filter(({ claim }) => claim.metadata.deletionTimestamp !== undefined);
  if (leaving.length > 0) {
    const names = leaving.map(({ claim }) => claim.metadata.name).join(', ');
    const message = `waiting until the volumes of an earlier cluster of this name are gone: ${names}`;
    return { may: 'wait', message: `${message}; kubectl describe pvc says what still uses one` };
  }
  const observers = observed.claims.filter(
    ({ metadata: { name } }) => isMemberClaim(cluster, name) && ordinalOfClaim(cluster, name) === undefined,
  );
  if (claims.length === 0 && observers.length > 0) {
    const volumes = observers.map(({ metadata }) => metadata.name).join(', ');
    return {
      may: 'not',
      message:
        `volumes of observers of an earlier cluster of this name exist (${volumes}), and none of its voters': bring ` +
        'those back, or delete these to begin anew',
    };
  }
  const begun = { id: cluster.metadata.uid ?? '', replicas, startedAt: observed.now };
  if (claims.length === 0) return { may: 'begin', latch: { phase: 'Started', origin: 'Fresh', ...begun } };

  // All of them begin that may have belonged to the ensemble; those who are too many leave it afterwards.
  const members = Math.max(replicas, ...claims.map(({ index }) => index + 1));
  const names = claims.map(({ claim }) => claim.metadata.name).join(', ');
  if (members > VOTERS_MAX || claims.some(({ index }) => index < 0)) {
    return {
      may: 'not',
      message:
        `volumes of an earlier cluster of this name exist (${names}), and it had another serverIdOffset than this manifest, in which that ` +
        'cannot be changed: delete this cluster, which leaves the volumes, and make it with the one that it had, or delete the volumes to ' +
        'begin anew',
    };
  }
  const majority = Math.floor(members / 2) + 1;
  if (claims.length < majority) {
    return {
      may: 'not',
      message:
        `volumes of an earlier cluster of this name exist (${names}), too few for a majority of ${members}: ` +
        'set replicas to what it had, bring back the missing volumes, or delete these to begin anew',
    };
  }
  const completed = { phase: 'Completed', origin: 'ExistingVolumes', completedAt: observed.now } as const;
  return { may: 'begin', latch: { ...completed, ...begun, replicas: members } };
}

/** Whether a bootstrap that was started is not the one that was started before. */
export function isOtherBeginning(before: BootstrapLatch, latch: BootstrapLatch): boolean {
  return latch.phase === 'Started' && canonicalJson(latch) !== canonicalJson(before);
}

/** The latch after what was observed: completed for good once all members served together. */
export function advanceLatch(latch: BootstrapLatch, state: EnsembleState, now: string): BootstrapLatch {
  const isFormed = state.complete && state.members.length === latch.replicas;
  return latch.phase === 'Started' && isFormed ? { ...latch, phase: 'Completed', completedAt: now } : latch;
}
