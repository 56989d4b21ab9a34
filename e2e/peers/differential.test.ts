import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { compare, describeDifference, shrink, type Pair } from './differential/compare.ts';
import { Generator } from './differential/generator.ts';

/**
 * The same random operations to Apache ZooKeeper 3.9 and to the server under test: every reply, error, Stat and watch event
 * must be the same, except for times. SEED=n runs that seed only, SEEDS=n that many of them, STEPS=n
 * makes runs longer.
 */
const sessions = 4;
const firstSeed = Number(process.env['SEED'] ?? 1);
const shrinkLimitMs = 20_000;

const setups = [
  { members: 1, seeds: 4, steps: 500 },
  { members: 3, seeds: 3, steps: 250 },
] as const;

for (const { members, seeds, steps } of setups) {
  describe(`${members} member(s) of ${serverUnderTest()} against Apache ZooKeeper`, () => {
    let oracle: Ensemble;
    let subject: Ensemble;
    before(async () => {
      [oracle, subject] = await Promise.all([
        Ensemble.start({ kind: 'apache', size: members }),
        Ensemble.start({ kind: serverUnderTest(), size: members }),
      ]);
    });
    after(() => Promise.all([oracle.stop(), subject.stop()]));

    const seedCount = Number(process.env['SEEDS'] ?? (process.env['SEED'] === undefined ? seeds : 1));
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      it(`answers alike, seed ${seed}`, { timeout: 120_000 }, async (t) => {
        const count = Number(process.env['STEPS'] ?? steps);
        const generated = new Generator({ seed, steps: count, sessions }).steps();
        const pair: Pair = { oracle: portsOf(oracle), subject: portsOf(subject) };
        const difference = await compare(pair, generated, sessions);
        if (difference === undefined) {
          t.diagnostic(`${count} steps`);
          return;
        }
        const smallest = await shrink(pair, difference, sessions, shrinkLimitMs);
        assert.fail(
          `SEED=${seed} differs in step ${difference.steps.length}; shortest found:\n${describeDifference(smallest)}`,
        );
      });
    }
  });
}

function portsOf(ensemble: Ensemble): number[] {
  return ensemble.members.map((member) => member.clientPort);
}
