import type { RestoreSource } from '../../api/bootstrap.ts';
import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { checkJob } from '../resources/backup/check.ts';
import { storeOf } from '../resources/backup/store.ts';
import type { Refusal } from './acceptance.ts';
import { jobState, lastFailure, resultOf, startObstacle } from './backup/attempts.ts';
import { isDeleted } from './backup/model.ts';
import type { Observed, Step } from './model.ts';

/** What is known of a snapshot before anything is begun with it. */
export type RestoreCheck =
  /** Every member will find this very file, or refuse another. */
  | { readonly passed: RestoreSource }
  | { readonly steps: readonly Step[]; readonly underWay: string }
  | { readonly steps: readonly Step[]; readonly refusal: Refusal };

/**
 * Has the snapshot read by a Job, in the way in which the members will read it: with their image, credentials and volume. A
 * location, a Secret or a file that is wrong shows while the manifest can still be corrected, and a file that is exchanged
 * afterwards is noticed.
 */
export function checkRestore(
  cluster: CoordinationCluster,
  from: RestoreSource,
  image: string,
  observed: Observed,
): RestoreCheck {
  const { jobs, pods, refusal } = observed.restoreCheck ?? { jobs: [], pods: [] };
  const wanted = checkJob(cluster, from, image);
  const job = jobs.find(({ metadata }) => metadata.name === wanted.metadata.name);
  const superseded = jobs.filter((one) => one !== job && !isDeleted(one)).map(deletion);
  const { shown } = storeOf(from);
  const underWay = (...steps: readonly Step[]) =>
    goesOn(cluster, `a Job reads ${shown} before any member begins with it`, [...superseded, ...steps]);
  const unusable = (why: string) => ({ steps: superseded, refusal: refusalOf(`${shown} cannot be restored: ${why}`) });

  if (job === undefined) return underWay({ do: 'create', kind: 'Job', object: wanted });
  if (isDeleted(job)) return underWay();
  switch (jobState(job)) {
    case 'running': {
      const obstacle = startObstacle(job, pods, refusal, observed.now);
      return obstacle === undefined ? underWay() : unusable(obstacle);
    }
    case 'failed': {
      const why = lastFailure(job, pods) ?? 'the pod that looked at it has failed';
      return unusable(`${why}: correct bootstrap.restore, or what it names, which is looked at again every minute`);
    }
    case 'complete': {
      const result = resultOf(job, pods);
      if (result === undefined) return underWay(deletion(job));
      const { sha256 } = result;
      if (from.sha256 === undefined || from.sha256 === sha256) return { passed: { ...from, sha256 } };
      return unusable(
        `it is sound, but another file than was asked for: its SHA-256 is ${sha256}, and not ${from.sha256}`,
      );
    }
  }
}

/** Who looks again at what could not be used goes on saying why, until the manifest is another or the snapshot can be used. */
function goesOn(
  { status, metadata }: CoordinationCluster,
  message: string,
  steps: readonly Step[],
): Exclude<RestoreCheck, { passed: unknown }> {
  const before = status?.conditions?.find(({ type }) => type === 'Accepted');
  const isSame = before?.reason === UNUSABLE && before.observedGeneration === metadata.generation;
  return isSame ? { steps, refusal: refusalOf(before.message) } : { steps, underWay: message };
}

const UNUSABLE = 'SnapshotUnusable';

function refusalOf(message: string): Refusal {
  return { reason: UNUSABLE, message };
}

function deletion({ metadata: { name, uid = '' } }: { metadata: { name: string; uid?: string } }): Step {
  return { do: 'delete', kind: 'Job', name, uid };
}
