import { Side, type Observation } from './side.ts';
import { describeStep, type Step } from './steps.ts';

/** The client ports of two servers (or ensembles) that must not differ. */
export interface Pair {
  readonly oracle: readonly number[];
  readonly subject: readonly number[];
}

export interface Difference {
  /** The steps up to the one in which the two differ. */
  readonly steps: readonly Step[];
  readonly oracle: Observation;
  readonly subject: Observation;
}

let runs = 0;

/** Carries out the same steps on both, each time below a new root; returns the first difference. */
export async function compare(pair: Pair, steps: readonly Step[], sessions: number): Promise<Difference | undefined> {
  const root = `/run-${++runs}`;
  const oracleSide = await Side.open(pair.oracle, root, sessions);
  const subjectSide = await Side.open(pair.subject, root, sessions);
  try {
    for (const [index, step] of steps.entries()) {
      const [oracle, subject] = await Promise.all([oracleSide.run(step), subjectSide.run(step)]);
      if (!sameObservation(oracle, subject)) return { steps: steps.slice(0, index + 1), oracle, subject };
    }
    return undefined;
  } finally {
    await Promise.allSettled([oracleSide.close(), subjectSide.close()]);
  }
}

/** Leaves out steps, in ever smaller pieces, for as long as the two still differ and there is time. */
export async function shrink(
  pair: Pair,
  found: Difference,
  sessions: number,
  timeLimitMs: number,
): Promise<Difference> {
  const deadlineMs = performance.now() + timeLimitMs;
  let smallest = found;
  let piece = Math.ceil(smallest.steps.length / 2);
  while (piece >= 1) {
    let shrunk = false;
    for (let start = 0; start < smallest.steps.length - 1 && performance.now() < deadlineMs;) {
      const steps = [...smallest.steps.slice(0, start), ...smallest.steps.slice(start + piece)];
      const difference = steps.length === 0 ? undefined : await compare(pair, steps, sessions);
      if (difference === undefined) {
        start += piece;
      } else {
        smallest = difference;
        shrunk = true;
      }
    }
    if (performance.now() >= deadlineMs) break;
    if (piece === 1 && !shrunk) break;
    piece = shrunk ? piece : Math.floor(piece / 2);
  }
  return smallest;
}

/** Text to find the cause with: the steps, and line by line what only one of the two sent in the last. */
export function describeDifference(difference: Difference): string {
  const lines = difference.steps.map((step, index) => `${String(index + 1).padStart(4)}. ${describeStep(step)}`);
  for (const [session, oracle] of difference.oracle.entries()) {
    const subject = difference.subject[session] ?? [];
    if (sameLines(oracle, subject)) continue;
    lines.push(`  session ${session} in the last step:`);
    for (let i = 0; i < Math.max(oracle.length, subject.length); i++) {
      if (oracle[i] === subject[i]) lines.push(`      both    ${oracle[i]}`);
      else lines.push(`      oracle  ${oracle[i] ?? '(nothing)'}`, `      subject ${subject[i] ?? '(nothing)'}`);
    }
  }
  return lines.join('\n');
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}

function sameObservation(a: Observation, b: Observation): boolean {
  return a.length === b.length && a.every((lines, index) => sameLines(lines, b[index] ?? []));
}
