import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ZooKeeper } from '../../client/zookeeper.ts';
import type { ZooServer } from '../../server/net/server.ts';
import { freePorts } from '../../server/net/testing/free-ports.ts';
import { startServer } from '../../server/net/testing/start-server.ts';
import { OPEN_GATE } from '../kube/client.ts';
import type { Reconfiguration } from '../plan/model.ts';
import { superUser } from '../resources/operator-secret.ts';
import { reconfigureBehind } from './reconfigure.ts';

const administrator = superUser('secret');
const reconfigure = reconfigureBehind(OPEN_GATE);
let directory = '';
let line = '';
let address = '';
let server: ZooServer | undefined;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reconfigure-'));
  const [client, quorum, election] = await freePorts(3);
  address = `127.0.0.1:${client}`;
  line = `server.1=127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${client}`;
  server = await startServer(`tickTime=500\ninitLimit=10\nsyncLimit=5\ndataDir=${directory}\nstandaloneEnabled=false
reconfigEnabled=true\nDigestAuthenticationProvider.superDigest=${administrator.digest}\nadmin.enableServer=false\n${line}`);
});
after(async () => {
  await server?.stop();
  await rm(directory, { recursive: true });
});

function change(version: string, through = address): Reconfiguration {
  return { do: 'reconfigure', through: { podName: 'test-0', address: through }, joining: line, version };
}

test('is done once, as the super user and nobody else', async () => {
  const client = new ZooKeeper(address);
  const version = /^version=(.*)$/m.exec(await client.configuration())?.[1] ?? '';
  await client.close();

  const refused = await reconfigure(change(version), superUser('wrong'));
  assert.equal(refused.result, 'refused');
  assert.match(refused.why, /noAuth/);

  assert.deepEqual(await reconfigure(change(version), administrator), { result: 'done' });
  const stale = await reconfigure(change(version), administrator);
  assert.equal(stale.result, 'unknown');
  assert.match(stale.why, /badVersion/);
});

test('is of unknown fate where nobody answers', async () => {
  const [nobody] = await freePorts(1);
  const outcome = await reconfigure(change('0', `127.0.0.1:${nobody}`), administrator);
  assert.equal(outcome.result, 'unknown');
});
