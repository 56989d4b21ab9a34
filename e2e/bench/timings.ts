import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { TARGETS_MS, TIMINGS_FILE, type Timing } from '../suites/support/timings.ts';
import { writeIntoReadme } from './readme.ts';

// `node e2e/bench/timings.ts`: what the last runs of the e2e suites measured, as the table in README.md.

/** So many of the latest measurements of each kind are shown. */
const RUNS_MAX = 10;

interface Measurement {
  readonly what: string;
  readonly ms: number;
  readonly load: number;
}

function row(what: Timing, all: readonly Measurement[]): string {
  const latest = all.filter((one) => one.what === what).slice(-RUNS_MAX);
  const times = latest.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  if (median === undefined) return `| ${what} | ${seconds(TARGETS_MS[what])} | not measured | | |`;
  const spread = `${seconds(times[0] ?? median)} to ${seconds(times.at(-1) ?? median)}`;
  const loads = latest.map(({ load }) => load);
  const busy = `${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  return `| ${what} | ${seconds(TARGETS_MS[what])} | ${seconds(median)} | ${spread} (${times.length}) | ${busy} |`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

const text = await readFile(TIMINGS_FILE, 'utf8');
const measurements = text
  .trim()
  .split('\n')
  .map((line): Measurement => {
    const [, what = '', ms = '', load = ''] = line.split('\t');
    return { what, ms: Number(ms), load: Number(load) };
  });
const rows = (Object.keys(TARGETS_MS) as Timing[]).map((what) => row(what, measurements));
const table = [
  `On a kind cluster of four nodes on one machine of ${availableParallelism()} CPUs; the load is the machine's, for each CPU.`,
  '',
  '| what | should be | median | lowest to highest (runs) | load |',
  '|---|---|---|---|---|',
  ...rows,
].join('\n');
process.stdout.write(`${table}\n`);
await writeIntoReadme('timings', table);
