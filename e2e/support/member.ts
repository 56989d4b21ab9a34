import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverMode, type ServerMode } from './four-letter.ts';
import { serverCommand, type ServerKind } from './server-programs.ts';
import { waitFor } from './wait-for.ts';

/** zoo.cfg keys beyond (or instead of) the ones that every member gets. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface MemberPorts {
  readonly client: number;
  readonly quorum: number;
  readonly election: number;
  readonly admin: number;
  readonly metrics: number;
}

export interface MemberSpec {
  readonly id: number;
  readonly kind: ServerKind;
  /** Holds the data directories, zoo.cfg and the log. */
  readonly directory: string;
  readonly ports: MemberPorts;
  /** `server.N=` lines of the ensemble; none for a standalone server. */
  readonly serverLines: readonly string[];
  readonly settings: Settings;
  /** Replaces the JVM flags of an Apache member. */
  readonly jvm?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

// A suite that is interrupted must not leave servers behind.
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

/** One server process with its own directories and ports. */
export class Member {
  readonly spec: MemberSpec;
  #process: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;

  constructor(spec: MemberSpec) {
    this.spec = spec;
  }

  get clientPort(): number {
    return this.spec.ports.client;
  }
  get dataDir(): string {
    return join(this.spec.directory, 'data');
  }
  get dataLogDir(): string {
    return join(this.spec.directory, 'log');
  }
  get zooCfg(): string {
    return join(this.spec.directory, 'zoo.cfg');
  }
  get logFile(): string {
    return join(this.spec.directory, 'server.log');
  }
  get isRunning(): boolean {
    return this.#process !== undefined;
  }
  /** The id of the process, for instruments such as /proc. @throws Error when it does not run. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error(`member ${this.spec.id} does not run`);
    return pid;
  }

  /** Starts the process; see `untilServing` for when it can be used. */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`member ${this.spec.id} runs already`);
    await this.#writeFiles();
    const { program, args } = serverCommand(this.spec.kind, this.zooCfg, this.spec.jvm);
    const log = openSync(this.logFile, 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.spec.directory });
    closeSync(log);
    running.add(child);
    this.#process = child;
    this.#exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        running.delete(child);
        if (this.#process === child) this.#process = undefined;
        resolve({ code, signal });
      });
    });
  }

  /** Sends SIGTERM and waits for the end. */
  async stop(): Promise<Exit | undefined> {
    return this.signal('SIGTERM', { untilExit: true });
  }

  /** SIGKILL: nothing gets a chance to be flushed or said goodbye to. */
  async kill(): Promise<Exit | undefined> {
    return this.signal('SIGKILL', { untilExit: true });
  }

  async signal(signal: NodeJS.Signals, { untilExit }: { untilExit: boolean }): Promise<Exit | undefined> {
    this.#process?.kill(signal);
    return untilExit ? this.untilExit() : undefined;
  }

  /** Resolves when the process has ended by itself or by a signal; undefined if it was never started. */
  async untilExit(timeoutMs = 20_000): Promise<Exit | undefined> {
    if (this.#exit === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`member ${this.spec.id} did not end in ${timeoutMs} ms`)), timeoutMs);
    });
    return Promise.race([this.#exit, late]).finally(() => clearTimeout(timer));
  }

  /** Removes everything that the (stopped) server has stored. */
  async wipe(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`member ${this.spec.id} still runs`);
    await rm(this.dataDir, { recursive: true, force: true });
    await rm(this.dataLogDir, { recursive: true, force: true });
  }

  /** Waits until `srvr` names a mode, which a server does once it serves within a quorum (or alone). */
  async untilServing(timeoutMs = 40_000): Promise<ServerMode> {
    const explain = (): Promise<string> => this.logTail();
    const mode = await waitFor(
      `member ${this.spec.id} (${this.spec.kind}) serves`,
      async () => (this.isRunning ? serverMode(this.clientPort) : 'ended'),
      { timeoutMs, explain },
    );
    if (mode === 'ended') throw new Error(`member ${this.spec.id} has ended instead of serving:\n${await explain()}`);
    return mode;
  }

  /** The last lines of what the process has written. */
  async logTail(lines = 30): Promise<string> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '(no log)');
    return text.trimEnd().split('\n').slice(-lines).join('\n');
  }

  async #writeFiles(): Promise<void> {
    const { spec } = this;
    await mkdir(this.dataDir, { recursive: true });
    await mkdir(this.dataLogDir, { recursive: true });
    const settings: Settings = {
      tickTime: 2000,
      initLimit: 10,
      syncLimit: 5,
      dataDir: this.dataDir,
      dataLogDir: this.dataLogDir,
      clientPort: spec.ports.client,
      clientPortAddress: '127.0.0.1',
      maxClientCnxns: 0,
      '4lw.commands.whitelist': '*',
      'admin.serverPort': spec.ports.admin,
      // Jetty doubles the start-up time of Apache ZooKeeper, and few suites ask it anything over HTTP.
      ...(spec.kind === 'apache' ? { 'admin.enableServer': false } : {}),
      'metricsProvider.httpPort': spec.ports.metrics,
      ...spec.settings,
    };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    await writeFile(this.zooCfg, [...lines, ...spec.serverLines, ''].join('\n'));
    if (spec.serverLines.length > 0) await writeFile(join(this.dataDir, 'myid'), `${spec.id}\n`);
  }
}
