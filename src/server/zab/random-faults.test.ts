import { test } from 'node:test';
import { hierarchicalMembership } from './membership.ts';
import { fiveVoters, threeVoters, threeVotersAndAnObserver, voters } from './testing/memberships.ts';
import { RandomLife, type RandomLifeOptions } from './testing/random-life.ts';

/** Raise these to search for longer: ZAB_SEED_FIRST=1 ZAB_SEEDS=20000 node --test src/server/zab/random-faults.test.ts */
const FIRST = Number(process.env['ZAB_SEED_FIRST'] ?? 1);
const SEEDS = Number(process.env['ZAB_SEEDS'] ?? 60);

const groups = hierarchicalMembership({
  version: 0,
  text: '',
  members: voters(1, 2, 3, 4, 5, 6, 7),
  groups: [
    [1, 2, 3],
    [4, 5],
    [6, 7],
  ],
  weights: new Map([[7, 0]]),
});

function live(options: RandomLifeOptions): void {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const life = new RandomLife(seed, options);
    try {
      life.live();
    } catch (error) {
      const end = life.cluster.trace.slice(-80).join('\n');
      throw new Error(`seed ${seed} fails; its last lines:\n${end}`, { cause: error });
    }
  }
}

test('three servers under faults', () => live({ membership: threeVoters, steps: 1500 }));
test('three servers with a short memory of what was committed', () => {
  live({ membership: threeVoters, steps: 1500, committedLogEntries: 2 });
});
test('five servers under faults', () => live({ membership: fiveVoters, steps: 2500 }));
test('an observer among three voters', () =>
  live({ membership: threeVotersAndAnObserver, steps: 1500, committedLogEntries: 4 }));
test('servers in groups, one of them without weight', () => live({ membership: groups, steps: 2500 }));
test('three servers that lose a disk now and then', () => {
  live({ membership: threeVoters, steps: 2000, wipes: true, committedLogEntries: 4 });
});
test('five servers that lose a disk now and then', () => live({ membership: fiveVoters, steps: 2500, wipes: true }));
