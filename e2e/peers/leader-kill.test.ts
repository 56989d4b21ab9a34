import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { RegisterClients } from './history.ts';
import { NumberedWriter } from './numbered-writer.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';

const subject = serverUnderTest();
const kills = 3;

describe(`SIGKILL of the leader under load (${subject})`, () => {
  it('loses nothing acknowledged, stays linearizable, and goes on', { timeout: 180_000 }, async (t) => {
    const ensemble = await Ensemble.start({ kind: subject });
    try {
      const ports = ensemble.members.map((member) => member.clientPort);
      const registers = ['/register-0', '/register-1', '/register-2'];
      const setup = await RawConnection.open({ port: ports[0] ?? 0 });
      for (const path of ['/written', ...registers]) {
        await setup.do({ op: 'create', path, data: null, acl: worldAll, flags: 0 });
      }
      await setup.close();

      const writer = new NumberedWriter(ports);
      const clients = new RegisterClients(ports, registers);
      writer.start();
      clients.start(5, Number(process.env['SEED'] ?? 1));
      for (let kill = 0; kill < kills; kill++) {
        await writer.untilMore(200);
        const leader = await ensemble.leader();
        await leader.kill();
        const killedMs = performance.now();
        await writer.untilMore(1);
        t.diagnostic(`next write acknowledged ${Math.round(performance.now() - killedMs)} ms after kill ${kill + 1}`);
        await writer.untilMore(100);
        await leader.start();
        await leader.untilServing();
      }
      await writer.untilMore(100);
      await Promise.all([writer.stop(), clients.stop()]);

      for (const port of ports) {
        const reader = await RawConnection.open({ port });
        await reader.do({ op: 'sync', path: '/written' });
        const { children } = await reader.do({ op: 'getChildren', path: '/written', watch: false });
        const present = new Set(children?.map((child) => `/written/${child}`));
        const lost = writer.acknowledged.filter((path) => !present.has(path));
        assert.deepEqual(lost, [], `acknowledged, but missing on the member at ${port}`);
        await reader.close();
      }
      const { exitCode, output } = await clients.check();
      const counts = `${writer.acknowledged.length} acknowledged creates, ${clients.size} operations on registers`;
      if (exitCode === 1 && subject === 'apache') {
        // Its leader answers sync from its own clients before it has applied what its followers have acknowledged.
        t.diagnostic(`${counts}: sync + read is stale at times, as ZOOKEEPER-1675 says`);
      } else if (exitCode !== 0) {
        const file = join(await mkdtemp(join(tmpdir(), 'zabkeeper-history-')), 'history.json');
        await writeFile(file, clients.toJson());
        assert.fail(`${output}\nThe history: ${file}`);
      } else {
        t.diagnostic(`${counts}: linearizable`);
      }
    } finally {
      await ensemble.stop();
    }
  });
});
