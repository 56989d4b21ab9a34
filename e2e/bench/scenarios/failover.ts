import { RawConnection } from '../../peers/raw/connection.ts';
import { worldAll } from '../../peers/raw/records.ts';
import { Ensemble } from '../../support/ensemble.ts';
import type { Member } from '../../support/member.ts';
import { waitFor } from '../../support/wait-for.ts';
import { jvm, settings, type Measurement, type Scenario } from '../scenario.ts';

const ROW = 'leader killed: until the next write is acknowledged';
const KILLS = 3;
const PATH = '/failover';

/** Tries to write through this member until it works or somebody else was sooner. */
async function write({ clientPort }: Member, isOver: () => boolean): Promise<void> {
  await waitFor(
    'a write is acknowledged',
    async () => {
      if (isOver()) return true;
      const connection = await RawConnection.open({ port: clientPort });
      if (connection.session.timeoutMs === 0) return false;
      await connection.do({ op: 'setData', path: PATH, data: Buffer.alloc(100), version: -1 });
      await connection.close();
      return true;
    },
    { intervalMs: 5 },
  );
}

async function killAndMeasure(ensemble: Ensemble): Promise<number> {
  const leader = await ensemble.leader();
  const survivors = ensemble.members.filter((member) => member !== leader);
  const killedMs = performance.now();
  await leader.kill();
  let isOver = false;
  const writers = survivors.map((member) => write(member, () => isOver));
  await Promise.any(writers);
  const outageMs = performance.now() - killedMs;
  isOver = true;
  await Promise.all(writers);
  await leader.start();
  await ensemble.untilServing();
  return outageMs;
}

/** How long nobody can write when the leader's process is gone, without a goodbye. */
export const failover: Scenario = {
  name: 'failover',
  rows: [ROW],
  roundsMax: 2,
  measure: async ({ kind, directory }) => {
    const ensemble = await Ensemble.start({ kind, settings, jvm, directory });
    try {
      const client = await RawConnection.open({ port: ensemble.member(1).clientPort });
      await client.do({ op: 'create', path: PATH, data: null, acl: worldAll, flags: 0 });
      await client.close();
      const measurements: Measurement[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        measurements.push({ row: ROW, value: await killAndMeasure(ensemble), unit: 'ms' });
      }
      return measurements;
    } finally {
      await ensemble.stop();
    }
  },
};
