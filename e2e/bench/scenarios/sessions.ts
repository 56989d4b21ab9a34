import { setTimeout as delay } from 'node:timers/promises';
import { RawConnection } from '../../peers/raw/connection.ts';
import { worldAll } from '../../peers/raw/records.ts';
import { Ensemble } from '../../support/ensemble.ts';
import { Crowd } from '../crowd-process.ts';
import { runLoad } from '../run-load.ts';
import { jvm, processorMs, residentMib, settings, type Measurement, type Scenario } from '../scenario.ts';

const OPEN = '10,000 sessions: until the last is open';
const MEMORY = '10,000 idle sessions: resident memory of the three members';
const PROCESSOR = '10,000 idle sessions: processor time of the three members';
const WRITES = '10,000 idle sessions: set, 100 B, one client beside them';
const WATCHES = '10,000 sessions watch one znode: from its change until the last knows';

const SESSIONS = 10_000;
const PATH = '/crowd';
const CHANGES = 5;

/** What clients cost that do next to nothing, and what it takes to tell all of them something. */
export const sessions: Scenario = {
  name: 'sessions',
  rows: [OPEN, MEMORY, PROCESSOR, WRITES, WATCHES],
  roundsMax: 2,
  measure: async ({ kind, directory, warmUpMs, measureMs }) => {
    const ensemble = await Ensemble.start({ kind, settings, jvm, directory });
    const { members } = ensemble;
    const ports = members.map((member) => member.clientPort);
    const crowd = new Crowd({ ports, sessions: SESSIONS, path: PATH });
    try {
      const client = await RawConnection.open({ port: ports[0] ?? 0 });
      await client.do({ op: 'create', path: PATH, data: null, acl: worldAll, flags: 0 });
      await client.close();
      const openMs = await crowd.tell('open');
      await delay(warmUpMs);
      const [beganMs, usedMs] = [performance.now(), await processorMs(members)];
      await delay(measureMs);
      const share = ((await processorMs(members)) - usedMs) / (performance.now() - beganMs);
      const memoryMib = await residentMib(members);
      const write = await runLoad({
        ports,
        root: '/beside-the-crowd',
        workload: { kind: 'mixed', readShare: 0 },
        payloadBytes: 100,
        sessions: 1,
        outstanding: 1,
        warmUpMs,
        measureMs,
      });
      const measurements: Measurement[] = [
        { row: OPEN, value: openMs / 1000, unit: 's' },
        { row: MEMORY, value: memoryMib, unit: 'MiB' },
        { row: PROCESSOR, value: share * 100, unit: '% of a core' },
        { row: WRITES, value: write.operationsPerSecond, unit: 'ops/s', p99Ms: write.p99Ms },
      ];
      // The first change warms up, for both.
      await crowd.tell('changeWatched');
      for (let change = 0; change < CHANGES; change++) {
        measurements.push({ row: WATCHES, value: await crowd.tell('changeWatched'), unit: 'ms' });
      }
      return measurements;
    } finally {
      crowd.end();
      await ensemble.stop();
    }
  },
};
