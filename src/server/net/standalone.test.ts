import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ZooKeeper } from '../../client/zookeeper.ts';
import { freePorts } from './testing/free-ports.ts';
import { startServer } from './testing/start-server.ts';

test('a server of its own has no configuration that changes, and writes none for a day when it belongs to an ensemble', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'standalone-'));
  t.after(() => rm(directory, { recursive: true }));
  const [port, quorum, election] = await freePorts(3);
  const line = `server.1=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${port}`;
  const server = await startServer(
    `dataDir=${directory}\nreconfigEnabled=true\nskipACL=yes\nadmin.enableServer=false\n${line}`,
  );
  t.after(() => server.stop());
  const client = new ZooKeeper(`127.0.0.1:${port}`);
  t.after(() => client.close());
  await client.create('/written');
  assert.equal(await client.configuration(), '');
  await assert.rejects(client.reconfig({ joining: [line] }), { failure: 'unimplemented' });
  const files = await readdir(directory);
  assert.deepEqual(
    files.filter((name) => name.startsWith('zoo.cfg.dynamic')),
    [],
  );
});
