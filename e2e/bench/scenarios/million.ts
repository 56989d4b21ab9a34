import { RawConnection } from '../../peers/raw/connection.ts';
import type { MultiPart } from '../../peers/raw/operations.ts';
import { worldAll } from '../../peers/raw/records.ts';
import { Ensemble } from '../../support/ensemble.ts';
import { fourLetterWord, serverMode } from '../../support/four-letter.ts';
import type { Member } from '../../support/member.ts';
import { waitFor } from '../../support/wait-for.ts';
import { runLoad } from '../run-load.ts';
import { jvm, residentMib, settings, type Scenario } from '../scenario.ts';

const MEMORY = 'one server with 1 M znodes of 100 B: resident memory';
const WRITES = 'one server with 1 M znodes: writes, 100 B, 30 sessions x 10, while it takes a snapshot';
const SNAPSHOT = 'one server with 1 M znodes: snapshot, under these writes';
const START = 'one server with 1 M znodes: start from snapshot and log until it serves';

const PARENTS = 1000;
const CHILDREN = 1000;
/** Children made by one multi, and multis under way at a time. */
const PARTS = 250;
const OUTSTANDING = 8;

/** Few enough for the writes that are measured to lead to a snapshot, and more than the multis that fill the server. */
const SNAP_COUNT = 20_000;

async function populate(port: number): Promise<void> {
  const connection = await RawConnection.open({ port });
  const data = Buffer.alloc(100, 'x');
  const create = (path: string): MultiPart => ({ op: 'create', path, data, acl: worldAll, flags: 0 });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < PARENTS) {
      const parent = `/p${next++}`;
      for (let from = 0; from < CHILDREN; from += PARTS) {
        const children = Array.from({ length: PARTS }, (_, at) => create(`${parent}/c${from + at}`));
        await connection.do({ op: 'multi', parts: from === 0 ? [create(parent), ...children] : children });
      }
    }
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, lane));
  await connection.close();
}

/** The longest snapshot that the server has taken, once it has taken one. */
async function snapshotMs({ clientPort }: Member): Promise<number> {
  return await waitFor(
    'a snapshot has been taken',
    async () => {
      const [, taken] = /^zk_max_snapshottime\t([\d.]+)$/m.exec(await fourLetterWord(clientPort, 'mntr')) ?? [];
      return Number(taken ?? 0) > 100 ? Number(taken) : undefined;
    },
    { intervalMs: 200, timeoutMs: 60_000 },
  );
}

/** What a large tree costs. */
export const million: Scenario = {
  name: 'million',
  rows: [MEMORY, WRITES, SNAPSHOT, START],
  roundsMax: 1,
  measure: async ({ kind, directory, measureMs }) => {
    const ensemble = await Ensemble.prepare({
      kind,
      size: 1,
      settings: { ...settings, snapCount: SNAP_COUNT },
      jvm,
      directory,
    });
    try {
      const member = ensemble.member(1);
      await member.start();
      await member.untilServing();
      await populate(member.clientPort);
      const memoryMib = await residentMib([member]);
      const load = await runLoad({
        ports: [member.clientPort],
        root: '/load',
        workload: { kind: 'mixed', readShare: 0 },
        payloadBytes: 100,
        sessions: 30,
        outstanding: 10,
        warmUpMs: 0,
        measureMs: 2 * measureMs,
      });
      const tookMs = await snapshotMs(member);
      await member.stop();
      const startedMs = performance.now();
      await member.start();
      await waitFor('the server serves', () => serverMode(member.clientPort), { intervalMs: 20, timeoutMs: 120_000 });
      return [
        { row: MEMORY, value: memoryMib, unit: 'MiB' },
        { row: WRITES, value: load.operationsPerSecond, unit: 'ops/s', p99Ms: load.p99Ms },
        { row: SNAPSHOT, value: tookMs / 1000, unit: 's' },
        { row: START, value: (performance.now() - startedMs) / 1000, unit: 's' },
      ];
    } finally {
      await ensemble.stop();
    }
  },
};
