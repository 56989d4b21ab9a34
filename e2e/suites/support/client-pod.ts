import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { waitFor } from '../../support/wait-for.ts';
import { apply, get, kubectl, kubectlCommand } from './kubectl.ts';
import type { PodObject } from './cluster.ts';

const scriptOf = (name: string): Promise<string> => readFile(new URL(`../python/${name}.py`, import.meta.url), 'utf8');

/** A pod with Python and kazoo, from which tests talk to an ensemble as an application would. */
export class ClientPod {
  readonly namespace: string;
  readonly name: string;

  private constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  /** Starts the pod, never on the node that is named. */
  static async start(namespace: string, options: { name?: string; notOn?: string } = {}): Promise<ClientPod> {
    const { name = 'client', notOn } = options;
    const elsewhere = { key: 'kubernetes.io/hostname', operator: 'NotIn', values: [notOn] };
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: {
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        ...(notOn === undefined
          ? {}
          : {
              affinity: {
                nodeAffinity: {
                  requiredDuringSchedulingIgnoredDuringExecution: {
                    nodeSelectorTerms: [{ matchExpressions: [elsewhere] }],
                  },
                },
              },
            }),
        containers: [
          {
            name: 'python',
            image: 'zabkeeper-e2e-client:dev',
            imagePullPolicy: 'Never',
            command: ['python3', '-c', 'import signal; signal.pause()'],
          },
        ],
      },
    });
    await waitFor(
      `pod ${name} runs`,
      async () => (await get<PodObject>(namespace, 'pod', name))?.status.containerStatuses?.[0]?.ready,
      { timeoutMs: 90_000, intervalMs: 300 },
    );
    return new ClientPod(namespace, name);
  }

  /** Runs a script of `python/` to its end and returns what it printed. @throws KubectlError with its output if it fails. */
  async run(script: string, ...args: string[]): Promise<string> {
    return kubectl(['-n', this.namespace, 'exec', this.name, '--', 'python3', '-c', await scriptOf(script), ...args], {
      timeoutMs: 150_000,
    });
  }

  /** Starts a script that goes on until its input ends. */
  async background(script: string, ...args: string[]): Promise<BackgroundScript> {
    const { program, args: full } = kubectlCommand(
      ['-n', this.namespace, 'exec', '-i', this.name, '--'].concat('python3', '-u', '-c', await scriptOf(script), args),
    );
    return new BackgroundScript(spawn(program, full, { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** As {@link background}, but from the pod's node: a script that goes on while there is no API server. */
  async backgroundOnNode(script: string, ...args: string[]): Promise<BackgroundScript> {
    const pod = await get<PodObject>(this.namespace, 'pod', this.name);
    const container = pod?.status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
    const execute = ['ctr', '-n', 'k8s.io', 'tasks', 'exec', '--exec-id', randomUUID(), container];
    const full = ['exec', '-i', pod?.spec.nodeName ?? '', ...execute, 'python3', '-u', '-c', await scriptOf(script)];
    return new BackgroundScript(spawn('docker', [...full, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }));
  }
}

/** A script at work: the lines that it has printed so far. */
export class BackgroundScript {
  readonly lines: string[] = [];
  private errors = '';
  private exitCode: number | undefined;
  private readonly child: ChildProcess;

  constructor(child: ChildProcess) {
    this.child = child;
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    child.once('close', (exitCode) => {
      this.exitCode = exitCode ?? -1;
    });
  }

  async waitForLines(
    description: string,
    enough: (lines: readonly string[]) => boolean,
    timeoutMs = 60_000,
  ): Promise<void> {
    await waitFor(
      description,
      () => {
        if (enough(this.lines)) return true;
        if (this.exitCode !== undefined) throw new Error(`the script ended with ${this.exitCode}: ${this.errors}`);
        return false;
      },
      { timeoutMs, explain: () => `its last lines: ${this.lines.slice(-5).join('\n')}\n${this.errors}` },
    );
  }

  /** Ends its input, waits for its end, and returns all lines. @throws Error if it failed. */
  async finish(timeoutMs = 60_000): Promise<readonly string[]> {
    this.child.stdin?.end();
    await waitFor('the script ends', () => this.exitCode !== undefined, { timeoutMs });
    if (this.exitCode !== 0) throw new Error(`the script ended with ${this.exitCode}: ${this.errors}`);
    return this.lines;
  }
}
