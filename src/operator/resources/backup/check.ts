import type { RestoreSource } from '../../../api/bootstrap.ts';
import { COORDINATION_CLUSTER, type CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { fingerprint } from '../fingerprint.ts';
import type { Job } from '../kubernetes.ts';
import { snapshotJob } from './snapshot-job.ts';
import { storeOf } from './store.ts';

/** Label `app.kubernetes.io/component` of what looks at a snapshot before a cluster begins with it. */
export const CHECK_COMPONENT = 'restore-check';

/** For how long a finished Job stays, in seconds: after that a snapshot that cannot be used is looked at again. */
const KEPT_SECONDS = 30;

/** Labels of the Jobs that look at a cluster's snapshot, and of their pods. */
export function checkLabels({ metadata }: CoordinationCluster): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'zabkeeper',
    'app.kubernetes.io/instance': metadata.name,
    'app.kubernetes.io/component': CHECK_COMPONENT,
  };
}

/**
 * Reads a snapshot to its end, as every member will, and says what it is. All that it depends on is in its name: whoever makes
 * it twice makes one, and a corrected manifest has one of its own.
 */
export function checkJob(cluster: CoordinationCluster, source: RestoreSource, image: string): Job {
  const store = storeOf(source);
  const { imagePullPolicy } = cluster.spec;
  const identity = { name: '', labels: checkLabels(cluster), type: COORDINATION_CLUSTER };
  const job = snapshotJob(
    cluster,
    identity,
    { image, imagePullPolicy, cluster },
    {
      store,
      args: ['inspect', store.location, '--result-file', '/dev/termination-log', ...store.options],
      env: [],
      retries: 0,
      keptSeconds: KEPT_SECONDS,
    },
  );
  const name = `check-${cluster.metadata.uid ?? ''}-${fingerprint(job.spec)}`;
  return { ...job, metadata: { ...job.metadata, name } };
}
