import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ZooKeeper } from '../../client/zookeeper.ts';
import { freePorts } from './testing/free-ports.ts';
import { startServer } from './testing/start-server.ts';

test('a member whose log was on a volume of its own, which is another one now, does not vote with what its snapshots have', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lost-log-'));
  t.after(() => rm(directory, { recursive: true }));
  const [port] = await freePorts(1);
  const dataLogDir = join(directory, 'log');
  const zooCfg = `dataDir=${directory}/data\ndataLogDir=${dataLogDir}\ndb.autocreate=false\nadmin.enableServer=false\nclientPort=${port}`;
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data', 'initialize'), '');
  for (const life of [1, 2]) {
    const server = await startServer(zooCfg);
    const client = new ZooKeeper(`127.0.0.1:${port}`);
    await client.create(`/acknowledged-${life}`);
    await client.close();
    await server.stop();
  }
  await rm(dataLogDir, { recursive: true });
  await mkdir(dataLogDir);
  await assert.rejects(
    startServer(zooCfg).then((server) => server.stop()),
    { code: 'ZK_STORAGE_MISSING', message: /the log of this member is not in .*\/log/ },
  );
});
