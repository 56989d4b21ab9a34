import { Ensemble } from '../../support/ensemble.ts';
import { serverMode } from '../../support/four-letter.ts';
import { waitFor } from '../../support/wait-for.ts';
import { jvm, residentMib, settings, type Scenario } from '../scenario.ts';

const TIME = 'start of one server until it serves';
const MEMORY = 'resident memory of one idle server';

/** One server of its own with nothing stored. */
export const start: Scenario = {
  name: 'start',
  rows: [TIME, MEMORY],
  roundsMax: Infinity,
  measure: async ({ kind, directory }) => {
    const ensemble = await Ensemble.prepare({ kind, size: 1, settings, jvm, directory });
    try {
      const member = ensemble.member(1);
      const startedMs = performance.now();
      await member.start();
      await waitFor('the server serves', () => serverMode(member.clientPort), { intervalMs: 5 });
      return [
        { row: TIME, value: performance.now() - startedMs, unit: 'ms' },
        { row: MEMORY, value: await residentMib([member]), unit: 'MiB' },
      ];
    } finally {
      await ensemble.stop();
    }
  },
};
