import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServerId } from '../../common/types.ts';
import { ZooKeeper } from '../../client/zookeeper.ts';
import { listen, portOf, stopListening } from './listen.ts';
import type { ZooServer } from './server.ts';
import { freePorts } from './testing/free-ports.ts';
import { startServer } from './testing/start-server.ts';
import { until } from './testing/until.ts';

const IDS = [1, 2, 3];

// Server 2 must reach the election port of 1, which is turned away where it dials 2; and 1 the quorum port of 2, which leads.
for (const again of [2, 1]) {
  test(`servers are reached where a reconfiguration has moved them, here by server ${again} when it starts again`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'moved-'));
    const running = new Map<ServerId, ZooServer>();
    t.after(async () => {
      await Promise.all([...running.values()].map((server) => server.stop()));
      await rm(root, { recursive: true });
    });
    const clientPorts = await freePorts(3);
    const lineOf = (id: ServerId, [quorum = 0, election = 0]: readonly number[]) =>
      `server.${id}=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${clientPorts[id - 1]}`;
    const lines = await Promise.all(IDS.map(async (id) => lineOf(id, await freePorts(2))));
    const start = async (id: ServerId): Promise<void> => {
      const settings =
        'tickTime=500\nreconfigEnabled=true\nskipACL=yes\nadmin.enableServer=false\ninitLimit=10\nsyncLimit=5';
      running.set(id, await startServer([`dataDir=${join(root, String(id))}`, settings, ...lines].join('\n'), id));
    };
    const stop = async (id: ServerId): Promise<void> => {
      await running.get(id)?.stop();
      running.delete(id);
    };
    // Where one cannot start, those that did are stopped all the same.
    const starts = await Promise.allSettled(IDS.map(start));
    assert.deepEqual(
      starts.filter(({ status }) => status === 'rejected'),
      [],
    );
    const client = new ZooKeeper(
      clientPorts
        .slice(0, 2)
        .map((port) => `127.0.0.1:${port}`)
        .join(','),
    );
    t.after(() => client.close());

    const moved = await Promise.all([1, 2].map(async (id) => lineOf(id, await freePorts(2))));
    const text = await client.reconfig({ joining: moved });
    for (const line of moved) assert.ok(text.includes(line), text);
    await stop(3);
    await stop(again);
    await start(again);
    // Whoever answers serves, and nobody serves without the other one.
    await until('the two serve', () => client.exists('/').catch(() => undefined));
  });
}

test(
  'a server that is moved to where it cannot listen serves on where it was, until it is moved elsewhere',
  { timeout: 60_000 },
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'moved-'));
    const [clientPort = 0, otherPort = 0, ...ports] = await freePorts(6);
    const taken = createServer();
    await listen(taken, { host: '127.0.0.1', port: 0 }, 'tests');
    const line = (quorum = 0, election = 0, client = 0): string =>
      `server.1=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${client}`;
    const settings =
      'tickTime=500\nreconfigEnabled=true\nskipACL=yes\nadmin.enableServer=false\ninitLimit=10\nsyncLimit=5';
    const server = await startServer(
      `dataDir=${directory}\nstandaloneEnabled=false\n${settings}\n${line(ports[0], ports[1], clientPort)}`,
    );
    t.after(async () => {
      await server.stop();
      await stopListening(taken);
      await rm(directory, { recursive: true });
    });
    const reconfigureAt = async (port: number, joining: string): Promise<void> => {
      const client = new ZooKeeper(`127.0.0.1:${port}`);
      await client.reconfig({ joining: [joining] });
      await client.close();
    };
    await reconfigureAt(clientPort, line(portOf(taken), ports[1], clientPort));
    await reconfigureAt(clientPort, line(ports[2], ports[3], portOf(taken)));
    await reconfigureAt(clientPort, line(ports[2], ports[3], otherPort));
    await reconfigureAt(otherPort, line(ports[2], ports[3], otherPort));
  },
);
