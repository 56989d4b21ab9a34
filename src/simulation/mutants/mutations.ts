import { DISK_FLAWS } from './disk-flaws.ts';
import { HISTORY_FLAWS } from './history-flaws.ts';
import { LIFETIME_FLAWS } from './lifetime-flaws.ts';
import { MEMBERSHIP_FLAWS } from './membership-flaws.ts';
import type { Mutation } from './mutation.ts';
import { SESSION_FLAWS } from './session-flaws.ts';
import { WATCH_FLAWS } from './watch-flaws.ts';

/** Flaws that lose or contradict what clients were told. The simulator, or the test that is named, must catch each of them. */
export const MUTATIONS: readonly Mutation[] = [
  ...DISK_FLAWS,
  ...HISTORY_FLAWS,
  ...MEMBERSHIP_FLAWS,
  ...SESSION_FLAWS,
  ...WATCH_FLAWS,
  ...LIFETIME_FLAWS,
];
