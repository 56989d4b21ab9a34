import type { ServerId } from '../common/types.ts';
import type { SeededRandom } from './random.ts';

/** Of one group a majority is needed, of two both, of three any two. */
const GROUPS_MAX = 3;
/** Who weighs nothing votes for others only. */
const WEIGHTS = [1, 1, 2, 0] as const;

/** Lines of a configuration that put each of these voters into a group, and say what it weighs there. */
export function groupLines(voters: readonly ServerId[], random: SeededRandom): readonly string[] {
  const groups = Array.from({ length: random.between(1, GROUPS_MAX) }, (): ServerId[] => []);
  for (const voter of voters) random.pick(groups).push(voter);
  const filled = groups.filter((group) => group.length > 0);
  return [
    ...filled.map((group, index) => `group.${index + 1}=${group.join(':')}`),
    // Somebody must be able to lead.
    ...voters.map((voter, index) => `weight.${voter}=${index === 0 ? 1 : random.pick(WEIGHTS)}`),
  ];
}
