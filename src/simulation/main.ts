import { parseArgs } from 'node:util';
import { live } from './life.ts';
import type { LifeResult } from './life.ts';

/** `node src/simulation/main.ts [--seed N] [--seconds S] [--first N]`: one life in detail, or as many as time allows. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    first: { type: 'string', default: '1' },
  },
});

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function summary(result: LifeResult): string {
  return `seed ${result.seed}: ${result.servers} servers, ${result.acknowledged} operations answered, ${result.committed} transactions`;
}

function printLife(result: LifeResult): void {
  for (const line of result.trace) print(line);
  print(summary(result));
  for (const violation of result.violations.slice(0, 20)) print(`  VIOLATED: ${violation}`);
  if (result.violations.length > 20) print(`  and ${result.violations.length - 20} more`);
}

function liveOne(seed: number): boolean {
  const result = live(seed);
  printLife(result);
  return result.violations.length === 0;
}

function liveMany(first: number, seconds: number): boolean {
  const endMs = performance.now() + seconds * 1_000;
  let [passed, operations, reportedMs] = [0, 0, performance.now()];
  const failed: number[] = [];
  for (let seed = first; performance.now() < endMs && failed.length < 5; seed++) {
    const result = live(seed);
    operations += result.acknowledged;
    if (result.violations.length === 0) passed++;
    else {
      failed.push(seed);
      printLife(result);
      print(`Again, exactly: make sim SEED=${seed}`);
    }
    if (performance.now() - reportedMs > 10_000) {
      reportedMs = performance.now();
      print(`${passed} lives without a violation, ${operations} operations answered`);
    }
  }
  print(
    `simulation: seeds from ${first}, ${operations} operations answered${failed.length > 0 ? `, failing seeds: ${failed.join(' ')}` : ''}`,
  );
  print(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0;
}

const good =
  values.seed === undefined ? liveMany(Number(values.first), Number(values.seconds)) : liveOne(Number(values.seed));
process.exitCode = good ? 0 : 1;
