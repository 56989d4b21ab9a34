import { cpus } from 'node:os';
import type { MachineLimits } from './limits.ts';
import type { Measurement, Unit } from './scenario.ts';

export interface Results {
  /** What was measured, in any order, of the server under test and of Apache ZooKeeper. */
  readonly subject: readonly Measurement[];
  readonly oracle: readonly Measurement[];
  readonly rounds: number;
  readonly limits: MachineLimits;
  readonly batchBytes: number;
}

interface Row {
  readonly name: string;
  readonly subject: string;
  readonly oracle: string;
  /** How many times better than the oracle; below 1 is worse. */
  readonly ratio: number;
  /** The same of the latency that one request in a hundred exceeds; NaN where there is none. */
  readonly tailRatio: number;
}

/** The results as Markdown, worst ratio first. */
export function renderResults(results: Results): string {
  const { limits } = results;
  const names = [...new Set([...results.oracle, ...results.subject].map(({ row }) => row))];
  const rows = names.map((name) => rowOf(name, results)).sort((a, b) => a.ratio - b.ratio);
  const worse = rows.filter((row) => row.ratio < 1).map((row) => `${row.name} (${row.ratio.toFixed(2)} x)`);
  const slower = rows.filter((row) => row.tailRatio < 1).map((row) => `${row.name} (${row.tailRatio.toFixed(2)} x)`);
  return [
    `Medians of up to ${results.rounds} rounds (in brackets the lowest and the highest) on ${cpus().length} cores`,
    `(${cpus()[0]?.model ?? 'unknown'}), servers alternating. Other processes kept ${Math.round(limits.busyShare * 100)} %`,
    `of the cores busy when it began. Ours ran from ${process.env['BUNDLE'] ? 'its bundle' : 'its sources'}.`,
    worse.length === 0
      ? 'Nothing is worse than Apache ZooKeeper.'
      : `Worse than Apache ZooKeeper: ${worse.join('; ')}.`,
    ...(slower.length === 0 ? [] : [`Slower in the slowest hundredth (p99): ${slower.join('; ')}.`]),
    '',
    '| workload | zabkeeper | Apache ZooKeeper 3.9 | times better |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row.name} | ${row.subject} | ${row.oracle} | ${row.ratio.toFixed(2)} |`),
    '',
    'The limits of this machine, which all three members and the load generator share:',
    `${round(limits.smallSyncsPerSecond)} fdatasync/s of 256 B, ${round(limits.batchSyncsPerSecond)} fdatasync/s of`,
    `${Math.round(results.batchBytes / 1024)} KiB (a batch of all outstanding writes), ${round(limits.roundTripsPerSecond)} loopback`,
    'round trips/s of 100 B.',
  ].join('\n');
}

function rowOf(name: string, { subject, oracle }: Results): Row {
  const ours = subject.filter(({ row }) => row === name);
  const theirs = oracle.filter(({ row }) => row === name);
  const [value, peer] = [median(ours.map((each) => each.value)), median(theirs.map((each) => each.value))];
  const isRate = [...ours, ...theirs].some(({ unit }) => unit === 'ops/s');
  return {
    name,
    subject: cell(ours),
    oracle: cell(theirs),
    ratio: isRate ? value / peer : peer / value,
    tailRatio: median(tails(theirs)) / median(tails(ours)),
  };
}

function cell(measurements: readonly Measurement[]): string {
  const [first] = measurements;
  if (first === undefined) return 'not measured';
  const p99s = tails(measurements);
  const tail = p99s.length === 0 ? '' : `, p99 ${median(p99s).toFixed(1)} ms`;
  return `${spread(measurements.map(({ value }) => value))} ${first.unit satisfies Unit}${tail}`;
}

function tails(measurements: readonly Measurement[]): number[] {
  return measurements.flatMap(({ p99Ms }) => p99Ms ?? []);
}

function spread(values: readonly number[]): string {
  if (values.length === 1) return round(median(values));
  return `${round(median(values))} [${round(Math.min(...values))} - ${round(Math.max(...values))}]`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** To three digits, and never to less than whole ones. */
function round(value: number): string {
  return value.toLocaleString('en-US', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 });
}
