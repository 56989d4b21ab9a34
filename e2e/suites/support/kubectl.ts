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

/** One object, or undefined where there is none. */
export async function get<T extends KubernetesObject>(
  namespace: string,
  kind: string,
  name: string,
): Promise<T | undefined> {
  const output = await kubectl(['-n', namespace, 'get', kind, name, '-o', 'json', '--ignore-not-found']);
  return output.trim() === '' ? undefined : (JSON.parse(output) as T);
}

/** All objects of a kind. */
export async function list<T extends KubernetesObject>(namespace: string, kind: string, selector = ''): Promise<T[]> {
  const output = await kubectl([
    '-n',
    namespace,
    'get',
    kind,
    '-o',
    'json',
    ...(selector === '' ? [] : ['-l', selector]),
  ]);
  return (JSON.parse(output) as { items: T[] }).items;
}
