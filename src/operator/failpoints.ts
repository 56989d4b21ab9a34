import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { CodedError } from '../common/errors.ts';
import type { ConfirmedWrite } from './kube/client.ts';

/** The environment variable that turns failpoints on. For tests only. */
export const FAILPOINTS_VARIABLE = 'ZABKEEPER_FAILPOINTS';

const HELP =
  `${FAILPOINTS_VARIABLE} is \`crash-after-every-write=FILE\`, which ends the process once after each write that changed ` +
  'something and keeps in FILE which they were, or `crash-after-write=N`, which ends it after its Nth write';

/** How a process ends that is killed; and should the kernel not let it (it is process 1 of its container), all the same. */
export function crash(): never {
  process.kill(process.pid, 'SIGKILL');
  process.exit(137);
}

/**
 * What is to be done behind each write, as the environment variable says. A write is anything that changes the world: of
 * the API server all but the Lease, and reconfigurations of an ensemble.
 *
 * @returns undefined where the variable is not set
 * @throws CodedError ZK_OPERATOR_ARGUMENTS
 */
export function failpoints(
  setting: string | undefined,
  die: () => void,
): ((write: ConfirmedWrite) => void) | undefined {
  if (setting === undefined || setting === '') return undefined;
  const [name, argument = ''] = setting.split('=', 2);
  if (name === 'crash-after-every-write' && argument !== '') return crashAfterEveryWrite(argument, die);
  if (name === 'crash-after-write' && /^[1-9]\d*$/.test(argument)) return crashAfterWrite(Number(argument), die);
  throw new CodedError('ZK_OPERATOR_ARGUMENTS', `${setting}: ${HELP}`);
}

/**
 * Crashes once after each write, over all lives of the operator. A write that leads to a state after which it crashed
 * already changed nothing: applying again is what a new life begins with, and would otherwise be all that it does.
 */
function crashAfterEveryWrite(file: string, die: () => void): (write: ConfirmedWrite) => void {
  const crashedAt = new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);
  return (write) => {
    if (isConfirmation(write)) return;
    const change = describeChange(write);
    if (crashedAt.has(change)) return;
    crashedAt.add(change);
    appendFileSync(file, `${change}\n`);
    die();
  };
}

function crashAfterWrite(last: number, die: () => void): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count === last) die();
  };
}

/** The write and the state that it led to. What Kubernetes itself writes meanwhile, a status for instance, is no part of it. */
function describeChange({ request: { method, path, body }, answer }: ConfirmedWrite): string {
  const { metadata = {} } = answer as { readonly metadata?: { generation?: number; resourceVersion?: string } };
  const { preconditions } = (body ?? {}) as { readonly preconditions?: { readonly uid?: string } };
  const isSpec = method === 'PATCH' && !path.endsWith('/status') && isApplied(body);
  const { generation, resourceVersion } = metadata;
  const state =
    preconditions?.uid ?? (isSpec && generation !== undefined ? `generation ${generation}` : resourceVersion);
  return `${method} ${path} ${state}`;
}

/** A patch of nothing, which only makes sure of a version: a life that ends there is one that ended before it. */
function isConfirmation({ request: { method, body } }: ConfirmedWrite): boolean {
  const { metadata, ...others } = (body ?? {}) as { readonly metadata?: object };
  return method === 'PATCH' && [...Object.keys(others), ...Object.keys(metadata ?? {})].join() === 'resourceVersion';
}

/** Whole objects are applied; patches name only what they change. */
function isApplied(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'kind' in body;
}
