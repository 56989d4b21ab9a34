import { writeFileSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { live } from './life.ts';
import type { LifeResult } from './life.ts';
import { SCENARIOS, scenarioOf } from './scenarios.ts';

/**
 * `node src/simulation/main.ts [--seed N] [--lives N] [--seconds S] [--first N] [--scenario TEXT] [--failures N] [--threads N]`:
 * one life in detail; or so many, from seed `first` on, of any scenario or of those whose names hold the text, until so many have
 * failed. With `--seconds` it lives on until they are over, unless `--lives` says how many as well.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string' },
    first: { type: 'string', default: '1' },
    lives: { type: 'string' },
    scenario: { type: 'string', default: '' },
    failures: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});

/** As many on every machine, however fast it is, and whatever else it does meanwhile. */
const LIVES = 500;
const PROGRESS_MS = 10_000;

const failuresMax = Number(values.failures);
const secondsMax = Number(values.seconds ?? Infinity);
const livesMax = Number(values.lives ?? (values.seconds === undefined ? LIVES : Infinity));

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function printLife(result: LifeResult): void {
  for (const line of result.trace) print(line);
  print(
    `seed ${result.seed}, ${result.scenario}: ${result.servers} servers, ${result.acknowledged} operations answered, ${result.committed} transactions`,
  );
  for (const violation of result.violations.slice(0, 20)) print(`  VIOLATED: ${violation}`);
  if (result.violations.length > 20) print(`  and ${result.violations.length - 20} more`);
}

function liveOne(seed: number): number {
  const result = live(seed);
  printLife(result);
  return result.violations.length === 0 ? 0 : 1;
}

/** The seeds from `first` on, of the scenarios that are asked for. */
function* seedsFrom(first: number): Generator<number, never> {
  for (let seed = first; ; seed++) if (scenarioOf(seed).name.includes(values.scenario)) yield seed;
}

async function liveMany(first: number): Promise<number> {
  const startMs = performance.now();
  const seeds = seedsFrom(first);
  let [begun, passed, operations, reportedMs] = [0, 0, 0, startMs];
  const failed: number[] = [];
  const note = (result: LifeResult): void => {
    operations += result.acknowledged;
    if (result.violations.length === 0) passed++;
    else {
      failed.push(result.seed);
      printLife(result);
      print(`Again, exactly: make sim SEED=${result.seed}`);
    }
    if (performance.now() - reportedMs < PROGRESS_MS) return;
    reportedMs = performance.now();
    const goal = livesMax === Infinity ? '' : ` of ${livesMax}`;
    print(`${passed}${goal} lives without a violation, ${operations} operations answered`);
  };
  const nextSeed = (): number | undefined => {
    const isOver = performance.now() >= startMs + secondsMax * 1_000;
    if (isOver || begun >= livesMax || failed.length >= failuresMax) return undefined;
    begun++;
    return seeds.next().value;
  };
  await Promise.all(Array.from({ length: Number(values.threads) }, () => liveInWorker(nextSeed, note)));
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  print(`simulation: ${begun} lives from seed ${first} on, ${operations} operations answered, in ${seconds} s`);
  if (failed.length > 0) print(`failing seeds: ${failed.join(' ')}`);
  print(`${passed} passed, ${failed.length} failed`);
  const tap = process.env['TAP'];
  // `make test` adds up the summaries of its parts.
  if (tap !== undefined && tap !== '') writeFileSync(tap, `# pass ${passed}\n# fail ${failed.length}\n`);
  return failed.length;
}

/** Hands seeds to a thread of its own, one after the other, as long as there are any. */
function liveInWorker(nextSeed: () => number | undefined, note: (result: LifeResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./life-worker.ts', import.meta.url));
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    worker.on('message', (result: LifeResult) => {
      note(result);
      worker.postMessage(nextSeed());
    });
    worker.postMessage(nextSeed());
  });
}

if (!SCENARIOS.some(({ name }) => name.includes(values.scenario))) {
  throw new RangeError(`no scenario is called '${values.scenario}': ${SCENARIOS.map(({ name }) => name).join(', ')}`);
}
// What waits for time, in tests that run beside this one, goes first.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const failures = values.seed === undefined ? await liveMany(Number(values.first)) : liveOne(Number(values.seed));
process.exitCode = failures === 0 ? 0 : 1;
