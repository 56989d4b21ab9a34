import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ServerKind } from '../support/server-programs.ts';
import { measureLimits } from './limits.ts';
import { measureRound, type Round } from './measure.ts';
import { writeIntoReadme } from './readme.ts';
import { renderResults } from './report.ts';

// `node e2e/bench/main.ts`: this server and Apache ZooKeeper side by side, alternating; see README.md.

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    'measure-ms': { type: 'string', default: '4000' },
    'warm-up-ms': { type: 'string', default: '1500' },
    /** Where the data directories go: a disk of the kind that counts. */
    directory: { type: 'string', default: tmpdir() },
    /** `apache` measures Apache ZooKeeper against itself: how much of a difference is noise. */
    subject: { type: 'string', default: 'ours' },
    /** Prints the table only, and leaves README.md as it is. */
    'print-only': { type: 'boolean', default: false },
  },
});

const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const batchBytes = 300 * 1100; // 30 sessions x 10 writes of 1 KiB, with their headers

const directory = await mkdtemp(join(options.directory, 'zabkeeper-bench-'));
try {
  const durations = { warmUpMs: Number(options['warm-up-ms']), measureMs: Number(options['measure-ms']) };
  say('limits of this machine');
  const limits = await measureLimits(directory, batchBytes);
  const subject: Round[] = [];
  const oracle: Round[] = [];
  const contestants = [
    { kind: options.subject as ServerKind, rounds: subject },
    { kind: 'apache' as ServerKind, rounds: oracle },
  ];
  for (let round = 1; round <= Number(options.rounds); round++) {
    // Who comes first alternates as well.
    for (const { kind, rounds } of round % 2 === 0 ? contestants : contestants.toReversed()) {
      say(`round ${round} of ${options.rounds}: ${kind}`);
      const measured = await measureRound(kind, directory, durations);
      for (const [name, load] of measured.loads) say(`  ${name}: ${Math.round(load.operationsPerSecond)} ops/s`);
      rounds.push(measured);
    }
  }
  const text = renderResults({ subject, oracle, limits, batchBytes });
  process.stdout.write(`${text}\n`);
  if (!options['print-only']) await writeIntoReadme('results', text);
} finally {
  await rm(directory, { recursive: true, force: true });
}
