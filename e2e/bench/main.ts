import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ServerKind } from '../support/server-programs.ts';
import { measureLimits } from './limits.ts';
import { writeIntoReadme } from './readme.ts';
import { renderResults } from './report.ts';
import type { Measurement, Scenario } from './scenario.ts';
import { failover } from './scenarios/failover.ts';
import { underLoad } from './scenarios/loads.ts';
import { million } from './scenarios/million.ts';
import { sessions } from './scenarios/sessions.ts';
import { start } from './scenarios/start.ts';

// `node e2e/bench/main.ts`: this server and Apache ZooKeeper side by side, alternating; see README.md.

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    'measure-ms': { type: 'string', default: '4000' },
    'warm-up-ms': { type: 'string', default: '1500' },
    /** Only this scenario, or the rows that have this text in their name; leaves README.md as it is. */
    only: { type: 'string', default: '' },
    /** Where the data directories go: a disk of the kind that counts. */
    directory: { type: 'string', default: tmpdir() },
    /** `apache` measures Apache ZooKeeper against itself: how much of a difference is noise. */
    subject: { type: 'string', default: 'ours' },
    /** Prints the table only, and leaves README.md as it is. */
    'print-only': { type: 'boolean', default: false },
  },
});

const scenarios: readonly Scenario[] = [start, underLoad, failover, sessions, million];
const batchBytes = 300 * 1100; // 30 sessions x 10 writes of 1 KiB, with their headers
const rounds = Number(options.rounds);

const startedMs = performance.now();
const say = (text: string): boolean =>
  process.stderr.write(`${`${Math.round((performance.now() - startedMs) / 1000)} s`.padStart(6)}  ${text}\n`);

/** The name of a scenario stands for all of its rows; anything else for the rows that have it in their name. */
const isScenario = scenarios.some(({ name }) => name === options.only);

function isWanted({ name }: Scenario, row: string): boolean {
  return isScenario ? name === options.only : row.includes(options.only);
}

async function measure(scenario: Scenario, kind: ServerKind, directory: string): Promise<readonly Measurement[]> {
  const measurements = await scenario.measure({
    kind,
    directory,
    warmUpMs: Number(options['warm-up-ms']),
    measureMs: Number(options['measure-ms']),
    wanted: (row) => isWanted(scenario, row),
  });
  for (const { row, value, unit, p99Ms } of measurements) {
    say(`  ${row}: ${value.toFixed(1)} ${unit}${p99Ms === undefined ? '' : `, p99 ${p99Ms.toFixed(1)} ms`}`);
  }
  return measurements;
}

const directory = await mkdtemp(join(options.directory, 'zabkeeper-bench-'));
try {
  const asked = scenarios.filter((scenario) => scenario.rows.some((row) => isWanted(scenario, row)));
  if (asked.length === 0) throw new Error(`no row has '${options.only}' in its name`);
  say('limits of this machine');
  const limits = await measureLimits(directory, batchBytes);
  const subject: Measurement[] = [];
  const oracle: Measurement[] = [];
  const contestants = [
    { kind: options.subject as ServerKind, measurements: subject },
    { kind: 'apache' as ServerKind, measurements: oracle },
  ];
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of asked.filter(({ roundsMax }) => round <= roundsMax)) {
      // Who comes first alternates as well.
      for (const { kind, measurements } of round % 2 === 0 ? contestants : contestants.toReversed()) {
        say(`round ${round} of ${rounds}, ${scenario.name}: ${kind}`);
        measurements.push(...(await measure(scenario, kind, directory)));
      }
    }
  }
  const text = renderResults({ subject, oracle, rounds, limits, batchBytes });
  process.stdout.write(`${text}\n`);
  if (!options['print-only'] && options.only === '') await writeIntoReadme('results', text);
} finally {
  await rm(directory, { recursive: true, force: true });
}
