import { join, resolve } from 'node:path';
import { runProgram, type ProgramResult } from './run-program.ts';

const repository = resolve(import.meta.dirname, '..', '..');
const entry = process.env['BUNDLE'] ? ['dist', 'zabctl.mjs'] : ['src', 'cli', 'main.ts'];

/** Runs zabctl. BUNDLE=1 takes the bundle that goes into the image instead of the sources. */
export function zabctl(...args: readonly string[]): Promise<ProgramResult> {
  return runProgram({ program: process.execPath, args: [join(repository, ...entry), ...args] });
}

/** Runs a command of zabctl that has to succeed, and returns the JSON that it prints. @throws Error with its output */
export async function zabctlJson(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { exitCode, output } = await zabctl(...args, '--output', 'json');
  if (exitCode !== 0) throw new Error(`zabctl ${args.join(' ')} ended with ${exitCode}: ${output}`);
  return JSON.parse(output) as Record<string, unknown>;
}
