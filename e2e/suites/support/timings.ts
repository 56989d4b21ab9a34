import { appendFile, mkdir } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';

/** Every run adds to it; `e2e/bench/timings.ts` makes a table of it. One measurement a line, tab-separated. */
export const TIMINGS_FILE = resolve(import.meta.dirname, '../../../.cache/timings.tsv');

/** What is measured, and within what it should be, in milliseconds. Nothing fails where it is not: machines differ. */
export const TARGETS_MS = {
  'three members Ready after kubectl apply, images present': 15_000,
  'rolling restart of three': 60_000,
  'pause of writes: rolling restart': 1_000,
  "pause of writes: the leader's pod is deleted": 1_000,
  "pause of writes: the leader's process is killed": 3_000,
} as const;

/** A key of {@link TARGETS_MS}. */
export type Timing = keyof typeof TARGETS_MS;

/** Prints how long something took, and keeps it for the table. */
export async function measured(what: Timing, durationMs: number): Promise<void> {
  const load = (loadavg()[0] ?? 0) / availableParallelism();
  process.stdout.write(
    `${what}: ${Math.round(durationMs)} ms (should be ${TARGETS_MS[what]}; load ${load.toFixed(1)} for each CPU)\n`,
  );
  await mkdir(dirname(TIMINGS_FILE), { recursive: true });
  await appendFile(
    TIMINGS_FILE,
    `${new Date().toISOString()}\t${what}\t${Math.round(durationMs)}\t${load.toFixed(1)}\n`,
  );
}
