import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ZooServer } from '../server/net/server.ts';
import { freePorts } from '../server/net/testing/free-ports.ts';
import { startServer } from '../server/net/testing/start-server.ts';
import { until } from '../server/net/testing/until.ts';
import { parseConnectString } from './connect-string.ts';
import type { SessionState } from './session.ts';
import type { WatchEvent } from './watches.ts';
import { ZooKeeper } from './zookeeper.ts';
import type { ZooKeeperOptions } from './zookeeper.ts';

let directory = '';
let port = 0;
let server: ZooServer | undefined;
const clients: ZooKeeper[] = [];

async function start(): Promise<void> {
  server = await startServer(`tickTime=500\ndataDir=${directory}\nclientPort=${port}\nadmin.enableServer=false`);
}

function client(chroot = '', options: ZooKeeperOptions = {}): ZooKeeper {
  const zk = new ZooKeeper(`127.0.0.1:${port}${chroot}`, options);
  clients.push(zk);
  return zk;
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'client-'));
  [port = 0] = await freePorts(1);
  await start();
});

after(async () => {
  await Promise.all(clients.map((zk) => zk.close()));
  await server?.stop();
  await rm(directory, { recursive: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (data: Uint8Array | null): string => new TextDecoder().decode(data ?? undefined);

test('create, get, set, delete with versions', async () => {
  const zk = client();
  const { path, stat } = await zk.create('/crud', bytes('one'));
  assert.equal(path, '/crud');
  assert.equal(stat.version, 0);
  assert.equal((await zk.set('/crud', bytes('two'), 0)).version, 1);
  await assert.rejects(zk.set('/crud', bytes('three'), 0), { failure: 'badVersion', path: '/crud' });
  assert.equal(textOf((await zk.get('/crud')).data), 'two');
  await assert.rejects(zk.create('/crud'), { failure: 'nodeExists' });
  await zk.delete('/crud', 1);
  await assert.rejects(zk.get('/crud'), { failure: 'noNode' });
  assert.equal(await zk.exists('/crud'), undefined);
  await assert.rejects(zk.get('no-slash'), { failure: 'badArguments' });
});

test('children, sequential and ephemeral znodes, ACLs, sync', async () => {
  const zk = client();
  await zk.create('/family');
  const { path } = await zk.create('/family/child-', null, { mode: 'ephemeralSequential' });
  assert.equal(path, '/family/child-0000000000');
  await zk.sync('/family');
  const { children, stat } = await zk.children('/family');
  assert.deepEqual(children, ['child-0000000000']);
  assert.equal(stat.numChildren, 1);
  assert.equal((await zk.exists(path))?.ephemeralOwner, zk.sessionId);
  await zk.setAcl('/family', [{ perms: 1, scheme: 'world', id: 'anyone' }], 0);
  assert.deepEqual((await zk.getAcl('/family')).acl, [{ perms: 1, scheme: 'world', id: 'anyone' }]);
  await assert.rejects(zk.set('/family', null), { failure: 'noAuth' });
});

test('an identity opens what is closed to others', async () => {
  const owner = client();
  owner.addAuth('digest', 'owner:secret');
  await owner.create('/private', bytes('mine'), { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
  await assert.rejects(client().get('/private'), { failure: 'noAuth' });
  assert.equal(textOf((await owner.get('/private')).data), 'mine');
});

test('a multi happens whole or not at all', async () => {
  const zk = client();
  const results = await zk.multi([
    { type: 'create', path: '/multi', data: bytes('a') },
    { type: 'set', path: '/multi', data: bytes('b'), version: 0 },
    { type: 'check', path: '/multi', version: 1 },
  ]);
  assert.equal(results.length, 3);
  await assert.rejects(
    zk.multi([
      { type: 'delete', path: '/multi' },
      { type: 'create', path: '/nowhere/child' },
    ]),
    { failure: 'noNode', path: '/nowhere/child' },
  );
  assert.ok(await zk.exists('/multi'));
});

test('watches fire once, for what they watch', async () => {
  const watcher = client();
  const actor = client();
  const events: string[] = [];
  const note = ({ type, path }: WatchEvent): void => void events.push(`${type} ${path}`);
  assert.equal(await watcher.exists('/seen', note), undefined);
  await actor.create('/seen');
  await until('the creation', () => events.includes('created /seen'));
  await watcher.get('/seen', note);
  await watcher.children('/seen', note);
  await actor.set('/seen', bytes('x'));
  await actor.set('/seen', bytes('y'));
  await actor.create('/seen/child');
  await until('the child', () => events.includes('childrenChanged /seen'));
  assert.deepEqual(events, ['created /seen', 'dataChanged /seen', 'childrenChanged /seen']);
});

test('a chroot is before every path, and in none that comes back', async () => {
  await client().create('/base');
  const zk = client('/base');
  const events: WatchEvent[] = [];
  await zk.children('/', (event) => void events.push(event));
  assert.equal((await zk.create('/inside')).path, '/inside');
  await until('the event', () => events.length === 1);
  assert.deepEqual(events, [{ type: 'childrenChanged', path: '/' }]);
  assert.ok(await client().exists('/base/inside'));
});

test('session, watches and waiting requests survive a restart of the server; what was in flight may not', async () => {
  const states: SessionState[] = [];
  const zk = client('', { onState: (state) => void states.push(state) });
  await zk.create('/restart', null, { mode: 'ephemeral' });
  const { sessionId } = zk;
  const events: string[] = [];
  await zk.get('/restart', ({ type }) => void events.push(type));
  await server?.stop();
  await until('the client has noticed', () => zk.state === 'disconnected');
  const waiting = zk.exists('/restart');
  await start();
  assert.ok(await waiting);
  assert.equal(zk.sessionId, sessionId);
  assert.deepEqual(states, ['connected', 'disconnected', 'connected']);
  await client().set('/restart', bytes('x'));
  await until('the watch', () => events.length === 1);
  assert.deepEqual(events, ['dataChanged']);
});

test('closing ends the session with its ephemerals; afterwards nothing works', async () => {
  const zk = client();
  await zk.create('/short', null, { mode: 'ephemeral' });
  await zk.close();
  assert.equal(zk.state, 'closed');
  assert.equal(await client().exists('/short'), undefined);
  await assert.rejects(zk.exists('/short'), { failure: 'sessionExpired' });
});

test('without a server, operations fail in time', async () => {
  const zk = new ZooKeeper('127.0.0.1:1', { requestTimeoutMs: 30 });
  await assert.rejects(zk.exists('/a'), { failure: 'operationTimeout', path: '/a' });
  await zk.close();
});

test('connect strings', () => {
  assert.deepEqual(parseConnectString('a,b:1,[::1]:2/c/d/'), {
    servers: [
      { host: 'a', port: 2181 },
      { host: 'b', port: 1 },
      { host: '::1', port: 2 },
    ],
    chroot: '/c/d',
  });
  for (const wrong of ['', 'a,,b', 'a:0', 'a:99999', 'a b', '::1:2181', 'a//b']) {
    assert.throws(() => parseConnectString(wrong), { code: 'ZK_CONNECT_STRING_INVALID' }, wrong);
  }
});
