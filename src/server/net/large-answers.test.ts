import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ZooKeeper } from '../../client/zookeeper.ts';
import { freePorts } from './testing/free-ports.ts';
import { startServer } from './testing/start-server.ts';

test('a client that asks at once for more than the server would keep for it gets all of it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'large-'));
  t.after(() => rm(directory, { recursive: true }));
  const [port] = await freePorts(1);
  const server = await startServer(`dataDir=${directory}\nclientPort=${port}\nadmin.enableServer=false`);
  t.after(() => server.stop());
  const client = new ZooKeeper(`127.0.0.1:${port}`);
  t.after(() => client.close());
  const data = new Uint8Array(900_000).fill(7);
  await client.create('/large', data);
  let bytes = 0;
  const reads = Array.from({ length: 150 }, async () => {
    const read = await client.get('/large');
    bytes += read.data?.length ?? 0;
  });
  await Promise.all(reads);
  assert.equal(bytes, 150 * data.length);
});
