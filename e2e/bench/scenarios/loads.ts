import { Ensemble } from '../../support/ensemble.ts';
import type { Workload } from '../load.ts';
import { runLoad } from '../run-load.ts';
import { jvm, settings, type Measurement, type Scenario } from '../scenario.ts';

interface Load {
  readonly row: string;
  readonly workload: Workload;
  readonly payloadBytes: number;
  readonly sessions: number;
  readonly outstanding: number;
}

const many = { sessions: 30, outstanding: 10 };
const one = { sessions: 1, outstanding: 1 };
const writes: Workload = { kind: 'mixed', readShare: 0 };
const reads: Workload = { kind: 'mixed', readShare: 1 };
const mostlyReads: Workload = { kind: 'mixed', readShare: 0.9 };

const loads: readonly Load[] = [
  { row: 'writes only, 1 KiB, 30 sessions x 10', workload: writes, payloadBytes: 1024, ...many },
  { row: '90 % reads, 1 KiB, 30 sessions x 10', workload: mostlyReads, payloadBytes: 1024, ...many },
  { row: 'reads only, 1 KiB, 30 sessions x 10', workload: reads, payloadBytes: 1024, ...many },
  { row: 'create, 100 B, one client, one request at a time', workload: { kind: 'create' }, payloadBytes: 100, ...one },
  { row: 'set, 100 B, one client, one request at a time', workload: writes, payloadBytes: 100, ...one },
  { row: 'get, 100 B, one client, one request at a time', workload: reads, payloadBytes: 100, ...one },
  { row: 'create, 100 B, 30 sessions x 10', workload: { kind: 'create' }, payloadBytes: 100, ...many },
  {
    row: 'create and delete ephemerals, 100 B, 30 sessions x 10',
    workload: { kind: 'ephemeral' },
    payloadBytes: 100,
    ...many,
  },
  {
    row: 'multi of 5 sets, 100 B, 30 sessions x 10',
    workload: { kind: 'multi', parts: 5 },
    payloadBytes: 100,
    ...many,
  },
];

/** One load after the other on three members. */
export const underLoad: Scenario = {
  name: 'loads',
  rows: loads.map(({ row }) => row),
  roundsMax: Infinity,
  measure: async ({ kind, directory, warmUpMs, measureMs, wanted }) => {
    const ensemble = await Ensemble.start({ kind, settings, jvm, directory });
    try {
      const ports = ensemble.members.map((member) => member.clientPort);
      const durations = { ports, warmUpMs, measureMs };
      // A first load that nobody measures: both runtimes compile what is hot.
      const warmUp: Workload = { kind: 'mixed', readShare: 0.5 };
      await runLoad({ ...durations, root: '/warm-up', workload: warmUp, payloadBytes: 1024, ...many });
      const measurements: Measurement[] = [];
      for (const [index, { row, ...load }] of loads.entries()) {
        if (!wanted(row)) continue;
        const result = await runLoad({ ...durations, root: `/load-${index}`, ...load });
        measurements.push({ row, value: result.operationsPerSecond, unit: 'ops/s', p99Ms: result.p99Ms });
      }
      return measurements;
    } finally {
      await ensemble.stop();
    }
  },
};
