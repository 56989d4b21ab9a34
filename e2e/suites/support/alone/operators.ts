import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { runProgram } from '../../../support/run-program.ts';
import { waitFor } from '../../../support/wait-for.ts';
import type { PodObject } from '../cluster.ts';
import { killProcess } from '../faults.ts';
import { get, kubectl, list, type KubernetesObject } from '../kubectl.ts';

/** Where the deployed operator is. */
const NAMESPACE = 'zabkeeper-system';

/** The image of the version before this one, and where its manifests are: see `e2e/kind/previous-version.sh`. */
export const PREVIOUS_IMAGE = 'zabkeeper:previous';
const ROOT = resolve(import.meta.dirname, '../../../..');
const PREVIOUS_SOURCES = resolve(ROOT, '.cache/previous');

/** Makes the deployed operator, its rights and the CRDs those of a version, whatever they were. */
export async function deployOperator(version: 'present' | 'previous' = 'present'): Promise<void> {
  const previous = { args: [PREVIOUS_SOURCES], environment: { IMAGE: PREVIOUS_IMAGE } };
  const { exitCode, output } = await runProgram({
    program: resolve(ROOT, 'e2e/kind/deploy-operator.sh'),
    ...(version === 'previous' ? previous : { args: [] }),
    timeoutMs: 200_000,
  });
  assert.equal(exitCode, 0, output);
}

/** Installs this version as its README says. */
export async function installByKubectl(): Promise<void> {
  await kubectl(['apply', '--server-side', '-k', resolve(ROOT, 'config/default')]);
}

interface Lease extends KubernetesObject {
  readonly spec: { readonly holderIdentity?: string };
}

/** Kills every replica of the deployed operator at once. New ones come up by themselves. */
export async function killOperators(): Promise<void> {
  const pods = await list<PodObject>(NAMESPACE, 'pods');
  const running = pods.filter(({ status }) => status.containerStatuses?.[0]?.ready === true);
  await Promise.all(running.map((pod) => killProcess(pod)));
  // New pods start at once; a container that was killed again and again waits longer each time.
  const names = pods.map(({ metadata }) => metadata.name);
  await kubectl(['-n', NAMESPACE, 'delete', 'pods', ...names, '--force', '--grace-period=0']);
}

/** The pod of the deployed operator that leads. */
export async function leadingOperator(): Promise<PodObject> {
  return waitFor('an operator leads', async () => {
    const lease = await get<Lease>(NAMESPACE, 'lease', 'zabkeeper-operator');
    return get<PodObject>(NAMESPACE, 'pod', lease?.spec.holderIdentity ?? '');
  });
}

/** What an operator's metrics say: whether it leads, and how many writes it has sent, those of its Lease aside. */
export async function metricsOf({ metadata }: PodObject): Promise<{ isLeading: boolean; writes: number }> {
  const script = "process.stdout.write(await (await fetch('http://127.0.0.1:8080/metrics')).text())";
  const node = ['node', '--input-type=module', '-e', script];
  const lines = (await kubectl(['-n', NAMESPACE, 'exec', metadata.name, '--', ...node])).split('\n');
  const counts = lines
    .filter((line) => /^zabkeeper_operator_api_requests_total\{method="(PATCH|POST|DELETE)"/.test(line))
    .map((line) => Number(line.split(' ').at(-1)));
  return {
    isLeading: lines.includes('zabkeeper_operator_leading 1'),
    writes: counts.reduce((sum, count) => sum + count, 0),
  };
}
