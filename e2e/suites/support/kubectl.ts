import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { runProgram } from '../../support/run-program.ts';

/** The context that `make e2e` works on. */
const context = process.env['CONTEXT'] ?? 'kind-zabkeeper';

export interface KubectlOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** kubectl refused or failed; `output` is what it said. */
export class KubectlError extends Error {
  readonly output: string;

  constructor(args: readonly string[], output: string) {
    super(`kubectl ${args.join(' ')}: ${output}`);
    this.output = output;
  }
}

/** Runs kubectl against the cluster under test. @throws KubectlError where it fails. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const { exitCode, output } = await runProgram({ ...kubectlCommand(args), ...options });
  if (exitCode !== 0) throw new KubectlError(args, output);
  return output;
}

/** The command line, for programs that stay connected to it. */
export function kubectlCommand(args: readonly string[]): { program: string; args: string[] } {
  return { program: 'kubectl', args: ['--context', context, ...args] };
}

/** Applies a manifest. @throws KubectlError with what the API server says, where it refuses. */
export async function apply(manifest: object): Promise<string> {
  return kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
}

/** What the tests read of any object. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
}

// A suite reads several times a second while it waits: over HTTP, since a kubectl for each would keep a CPU busy. The credentials
// are those of `kubectl proxy`.

interface Resource {
  /** Such as `/apis/apps/v1`. */
  readonly root: string;
  readonly plural: string;
  readonly kind: string;
}

/** One object, or undefined where there is none. */
export async function get<T extends KubernetesObject>(
  namespace: string,
  kind: string,
  name: string,
): Promise<T | undefined> {
  return read<T>(`${pathOf(await resourceOf(kind), namespace)}/${name}`);
}

/** All objects of some kinds, with commas between them. */
export async function list<T extends KubernetesObject>(namespace: string, kinds: string, selector = ''): Promise<T[]> {
  const lists = kinds.split(',').map(async (name) => {
    const resource = await resourceOf(name);
    const query = new URLSearchParams({ labelSelector: selector });
    const found = await read<{ items: T[] }>(`${pathOf(resource, namespace)}?${query.toString()}`);
    return (found?.items ?? []).map((item) => Object.assign(item, { kind: resource.kind }));
  });
  return (await Promise.all(lists)).flat();
}

function pathOf({ root, plural }: Resource, namespace: string): string {
  return namespace === '' ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

async function read<T>(path: string): Promise<T | undefined> {
  proxy ??= startProxy();
  const response = await fetch(`${await proxy}${path}`, { signal: AbortSignal.timeout(60_000) });
  if (response.ok) return (await response.json()) as T;
  const said = await response.text();
  if (response.status === 404) return undefined;
  throw new Error(`GET ${path}: ${said}`);
}

let proxy: Promise<string> | undefined;

/** Lives as long as this process. Resolves with its URL. */
async function startProxy(): Promise<string> {
  const { program, args } = kubectlCommand(['proxy', '--port=0']);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill());
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  child.unref();
  // Nothing more comes, and an open pipe would keep this process alive.
  child.stdout.destroy();
  return `http://${line.split(' ').at(-1) ?? ''}`;
}

let resources: Promise<Map<string, Resource>> | undefined;

/** The resource that kubectl knows by this name: plural, singular, or short. */
async function resourceOf(name: string): Promise<Resource> {
  resources ??= discover();
  const resource = (await resources).get(name);
  if (resource !== undefined) return resource;
  // It may have come since, with a CRD.
  resources = undefined;
  throw new Error(`the API server knows no ${name}`);
}

async function discover(): Promise<Map<string, Resource>> {
  const names = new Map<string, Resource>();
  for (const line of (await kubectl(['api-resources', '--no-headers'])).trim().split('\n')) {
    const columns = line.split(/ +/);
    const [kind = '', , version = ''] = columns.toReversed();
    const [plural = '', shortNames = ''] = columns;
    const root = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
    const all = [plural, kind.toLowerCase(), ...(columns.length === 5 ? shortNames.split(',') : [])];
    for (const name of all) if (!names.has(name)) names.set(name, { root, plural, kind });
  }
  return names;
}
