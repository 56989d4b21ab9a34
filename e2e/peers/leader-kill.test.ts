import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import { RegisterClients } from './history.ts';
import { RawConnection } from './raw/connection.ts';
import { PersistentClient, unknownOutcome } from './raw/persistent-client.ts';
import { worldAll } from './raw/records.ts';

const subject = serverUnderTest();
const kills = 3;

/** Creates one numbered node after the other and remembers which ones were acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly #client: PersistentClient;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(ports: readonly number[]) {
    this.#client = new PersistentClient(ports, 0);
  }

  start(): void {
    this.#done = this.#run();
    this.#done.catch(() => undefined); // reported by stop()
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await this.#client.close();
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopped; number++) {
      const path = `/written/${number}`;
      const replies = await this.#client.requests([{ op: 'create', path, data: null, acl: worldAll, flags: 0 }]);
      if (replies === unknownOutcome) continue;
      assert.equal(replies[0]?.error, 0, path);
      this.acknowledged.push(path);
    }
  }
}

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

      const writer = new Writer(ports);
      const clients = new RegisterClients(ports, registers);
      writer.start();
      clients.start(5, Number(process.env['SEED'] ?? 1));
      const untilWrites = async (more: number): Promise<void> => {
        const target = writer.acknowledged.length + more;
        await waitFor(`${more} more writes are acknowledged`, () => writer.acknowledged.length >= target, {
          intervalMs: 2,
        });
      };
      for (let kill = 0; kill < kills; kill++) {
        await untilWrites(200);
        const leader = await ensemble.leader();
        await leader.kill();
        const killedMs = performance.now();
        await untilWrites(1);
        t.diagnostic(`next write acknowledged ${Math.round(performance.now() - killedMs)} ms after kill ${kill + 1}`);
        await untilWrites(100);
        await leader.start();
        await leader.untilServing();
      }
      await untilWrites(100);
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
