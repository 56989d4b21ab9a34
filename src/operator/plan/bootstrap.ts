import type { BootstrapLatch, CoordinationCluster } from '../../api/coordination-cluster.ts';
import { ordinalOfClaim } from '../resources/names.ts';
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
  const claims = observed.claims.flatMap((claim) => {
    const ordinal = ordinalOfClaim(cluster, claim.metadata.name);
    return ordinal === undefined ? [] : [{ claim, index: ordinal - serverIdOffset }];
  });
  const leaving = claims.filter(({ claim }) => claim.metadata.deletionTimestamp !== undefined);
  if (leaving.length > 0) {
    const names = leaving.map(({ claim }) => claim.metadata.name).join(', ');
    return { may: 'wait', message: `waiting until the volumes of an earlier cluster of this name are gone: ${names}` };
  }
  const begun = { id: cluster.metadata.uid ?? '', replicas, startedAt: observed.now };
  if (claims.length === 0) return { may: 'begin', latch: { phase: 'Started', origin: 'Fresh', ...begun } };

  const names = claims.map(({ claim }) => claim.metadata.name).join(', ');
  const outside = claims.filter(({ index }) => index < 0 || index >= replicas);
  if (outside.length > 0) {
    return {
      may: 'not',
      message:
        `volumes of an earlier cluster of this name exist (${names}), and it had other members than this manifest: ` +
        'set replicas and serverIdOffset to what it had, or delete the volumes to begin anew',
    };
  }
  const majority = Math.floor(replicas / 2) + 1;
  if (claims.length < majority) {
    return {
      may: 'not',
      message:
        `volumes of an earlier cluster of this name exist (${names}), too few for a majority of ${replicas}: ` +
        'set replicas to what it had, bring back the missing volumes, or delete these to begin anew',
    };
  }
  const completed = { phase: 'Completed', origin: 'ExistingVolumes', completedAt: observed.now } as const;
  return { may: 'begin', latch: { ...completed, ...begun } };
}

/** The latch after what was observed: completed for good once all members served together. */
export function advanceLatch(latch: BootstrapLatch, state: EnsembleState, now: string): BootstrapLatch {
  return latch.phase === 'Started' && state.complete ? { ...latch, phase: 'Completed', completedAt: now } : latch;
}
