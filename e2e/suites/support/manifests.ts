import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runProgram } from '../../support/run-program.ts';

const CONFIG = join(resolve(import.meta.dirname, '../../..'), 'config');

/** The chart's folder. */
export const CHART = join(CONFIG, 'helm/zabkeeper-operator');

/** An object of a manifest. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** What `kubectl kustomize` makes of a base below `config/`. */
export async function kustomized(base: string): Promise<Manifest[]> {
  return rendered('kubectl', ['kustomize', join(CONFIG, base)]);
}

/** What Helm makes of the chart with these values (`key=value`), in the namespace `zabkeeper-system`. */
export async function charted(values: readonly string[] = []): Promise<Manifest[]> {
  // Without a cluster, and without Helm's own release build, it knows no version.
  const version = ['--kube-version', '1.36.0'];
  const set = values.flatMap((value) => ['--set', value]);
  return rendered('helm', ['template', 'zabkeeper', CHART, '--namespace', 'zabkeeper-system', ...version, ...set]);
}

async function rendered(program: string, args: readonly string[]): Promise<Manifest[]> {
  const { exitCode, output } = await runProgram({ program, args });
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: ${output}`);
  return parseAllDocuments(output).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}
