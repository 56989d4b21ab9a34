import { killProcess } from './faults.ts';
import type { PodObject } from './cluster.ts';
import { kubectl, list } from './kubectl.ts';

const OPERATOR_NAMESPACE = 'zabkeeper-system';

/** Kills every replica of the operator at once. New ones come up by themselves. */
export async function killOperators(): Promise<void> {
  const pods = await list<PodObject>(OPERATOR_NAMESPACE, 'pods');
  const running = pods.filter(({ status }) => status.containerStatuses?.[0]?.ready === true);
  await Promise.all(running.map((pod) => killProcess(pod)));
  // New pods start at once; a container that was killed again and again waits longer each time.
  const names = pods.map(({ metadata }) => metadata.name);
  await kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'pods', ...names, '--force', '--grace-period=0']);
}
