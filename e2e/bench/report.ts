import { cpus } from 'node:os';
import type { MachineLimits } from './limits.ts';
import { loadRows, type Round } from './measure.ts';

export interface Results {
  /** For each kind, its rounds in order. */
  readonly subject: readonly Round[];
  readonly oracle: readonly Round[];
  readonly limits: MachineLimits;
  readonly batchBytes: number;
}

interface Row {
  readonly name: string;
  readonly subject: string;
  readonly oracle: string;
  /** How many times better than the oracle; below 1 is worse. */
  readonly ratio: number;
}

/** The results as Markdown, worst ratio first. */
export function renderResults(results: Results): string {
  const { limits } = results;
  const rows = [...loadRows.map(({ name }) => loadRow(name, results)), ...startRows(results)].sort(
    (a, b) => a.ratio - b.ratio,
  );
  const worse = rows.filter((row) => row.ratio < 1).map((row) => `${row.name} (${row.ratio.toFixed(2)} x)`);
  return [
    `Medians of ${results.subject.length} rounds (in brackets the lowest and the highest) on ${cpus().length} cores`,
    `(${cpus()[0]?.model ?? 'unknown'}), servers alternating. Other processes kept ${Math.round(limits.busyShare * 100)} %`,
    `of the cores busy when it began. Ours ran from ${process.env['BUNDLE'] ? 'its bundle' : 'its sources'}.`,
    worse.length === 0
      ? 'Nothing is worse than Apache ZooKeeper.'
      : `Worse than Apache ZooKeeper: ${worse.join('; ')}.`,
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

function loadRow(name: string, results: Results): Row {
  const all = (rounds: readonly Round[], field: 'operationsPerSecond' | 'p99Ms'): number[] =>
    rounds.map((one) => one.loads.get(name)?.[field] ?? Number.NaN);
  const cell = (rounds: readonly Round[]): string =>
    `${spread(all(rounds, 'operationsPerSecond'))} ops/s, p99 ${median(all(rounds, 'p99Ms')).toFixed(1)} ms`;
  const rate = (rounds: readonly Round[]): number => median(all(rounds, 'operationsPerSecond'));
  return {
    name,
    subject: cell(results.subject),
    oracle: cell(results.oracle),
    ratio: rate(results.subject) / rate(results.oracle),
  };
}

function startRows(results: Results): Row[] {
  const row = (name: string, unit: string, value: (round: Round) => number): Row => {
    const [subject, oracle] = [results.subject.map(value), results.oracle.map(value)];
    return {
      name,
      subject: `${spread(subject)} ${unit}`,
      oracle: `${spread(oracle)} ${unit}`,
      ratio: median(oracle) / median(subject),
    };
  };
  return [
    row('start of one server until it serves', 'ms', (one) => one.startMs),
    row('resident memory of one idle server', 'MiB', (one) => one.idleBytes / 1024 ** 2),
  ];
}

function spread(values: readonly number[]): string {
  return `${round(median(values))} [${round(Math.min(...values))} - ${round(Math.max(...values))}]`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
