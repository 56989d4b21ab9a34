import { spawn } from 'node:child_process';
import type { Command } from './server-programs.ts';

export interface ProgramResult {
  readonly exitCode: number | null;
  /** Standard output and standard error in the order of their arrival. */
  readonly output: string;
}

export interface ProgramRun extends Command {
  /** What the program reads from its standard input. */
  readonly input?: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder that it runs in. */
  readonly directory?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. One that does not end in time is killed (exitCode null). @throws Error if it can't start. */
export function runProgram(run: ProgramRun): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(run.program, run.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(run.directory === undefined ? {} : { cwd: run.directory }),
      env: { ...process.env, ...run.environment },
      timeout: run.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        output += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
    child.stdin.on('error', () => undefined); // the program may end without reading its input; its exit code tells
    child.stdin.end(run.input ?? '');
  });
}
