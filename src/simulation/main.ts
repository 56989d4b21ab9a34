import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { live } from './life.ts';
import type { LifeResult } from './life.ts';

/**
 * `node src/simulation/main.ts [--seed N] [--seconds S] [--first N] [--lives N] [--failures N]`: one life in detail, or, on every
 * core, as many as the time allows or are asked for, from seed `first` on, until so many have failed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    first: { type: 'string', default: '1' },
    lives: { type: 'string' },
    failures: { type: 'string', default: '5' },
  },
});

const failuresMax = Number(values.failures);
const livesMax = Number(values.lives ?? Number.POSITIVE_INFINITY);
const PROGRESS_MS = 10_000;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function printLife(result: LifeResult): void {
  for (const line of result.trace) print(line);
  print(
    `seed ${result.seed}: ${result.servers} servers, ${result.acknowledged} operations answered, ${result.committed} transactions`,
  );
  for (const violation of result.violations.slice(0, 20)) print(`  VIOLATED: ${violation}`);
  if (result.violations.length > 20) print(`  and ${result.violations.length - 20} more`);
}

function liveOne(seed: number): number {
  const result = live(seed);
  printLife(result);
  return result.violations.length === 0 ? 0 : 1;
}

async function liveMany(first: number, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1_000;
  let [next, passed, operations, reportedMs] = [first, 0, 0, performance.now()];
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
    print(`${passed} lives without a violation, ${operations} operations answered`);
  };
  const end = first + livesMax;
  const mayGoOn = (): boolean => performance.now() < endMs && next < end && failed.length < failuresMax;
  await Promise.all(Array.from({ length: availableParallelism() }, () => liveInWorker(() => next++, mayGoOn, note)));
  print(`simulation: seeds ${first} to ${next - 1}, ${operations} operations answered`);
  if (failed.length > 0) print(`failing seeds: ${failed.join(' ')}`);
  print(`${passed} passed, ${failed.length} failed`);
  const tap = process.env['TAP'];
  // `make test` adds up the summaries of its parts.
  if (tap !== undefined && tap !== '') writeFileSync(tap, `# pass ${passed}\n# fail ${failed.length}\n`);
  return failed.length;
}

/** Hands seeds to a thread of its own, one after the other, while `mayGoOn`. */
function liveInWorker(
  nextSeed: () => number,
  mayGoOn: () => boolean,
  note: (result: LifeResult) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./life-worker.ts', import.meta.url));
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    worker.on('message', (result: LifeResult) => {
      note(result);
      worker.postMessage(mayGoOn() ? nextSeed() : undefined);
    });
    worker.postMessage(nextSeed());
  });
}

const failures =
  values.seed === undefined
    ? await liveMany(Number(values.first), Number(values.seconds))
    : liveOne(Number(values.seed));
process.exitCode = failures === 0 ? 0 : 1;
