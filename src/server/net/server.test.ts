import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ZooKeeper } from '../../client/zookeeper.ts';
import { listen, portOf, stopListening } from './listen.ts';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/until.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

const directories: string[] = [];
const processes: ChildProcess[] = [];

after(async () => {
  for (const process of processes) process.kill('SIGKILL');
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

/** A directory with a zoo.cfg, and the ports that are in it. */
async function prepared(lines: readonly string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'server-'));
  directories.push(directory);
  const [clientPort = 0, adminPort = 0, metricsPort = 0] = await freePorts(3);
  const file = join(directory, 'zoo.cfg');
  const own = [
    `dataDir=${join(directory, 'data')}`,
    `clientPort=${clientPort}`,
    'clientPortAddress=127.0.0.1',
    'admin.serverAddress=127.0.0.1',
    `admin.serverPort=${adminPort}`,
    'metricsProvider.httpHost=127.0.0.1',
    `metricsProvider.httpPort=${metricsPort}`,
    '4lw.commands.whitelist=*',
  ];
  await writeFile(file, [...own, ...lines].join('\n'));
  return { directory, file, clientPort, adminPort, metricsPort };
}

function start(...args: readonly string[]): ChildProcess & { readonly said: () => string } {
  const env = { ...process.env, POD_UID: 'uid-of-the-pod' };
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  processes.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return Object.assign(child, { said: () => said });
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** The status and JSON of an admin path, or undefined if nobody answers yet. */
async function get(port: number, path: string): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}

/** All that comes back for these bytes, a four-letter word for instance, until the connection is closed. */
async function word(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let answer = '';
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.end(bytes);
  await until('the connection is closed', () => socket.closed);
  return answer;
}

test('a server from start to stop: words, admin commands, metrics, lock, SIGTERM', async () => {
  const { file, directory, clientPort, adminPort, metricsPort } = await prepared();
  const server = start(file);
  await until('it is ready', async () => (await get(adminPort, '/readyz'))?.status === 200);

  assert.equal((await get(adminPort, '/livez'))?.status, 200);
  const status = JSON.parse((await get(adminPort, '/status'))?.text ?? '') as Record<string, unknown>;
  assert.equal(status['state'], 'standalone');
  assert.equal(status['serving'], true);
  assert.equal(status['leaderId'], 1);
  assert.equal(status['podUid'], 'uid-of-the-pod');
  assert.deepEqual(status['configuration'], { version: '0', servers: [] });
  assert.deepEqual([status['voting'], status['synced'], status['learners']], [true, [1], []]);
  const { bytes, freeBytes } = status['volume'] as { bytes: number; freeBytes: number };
  assert.ok(bytes >= freeBytes && freeBytes > 0);
  assert.match((await get(adminPort, '/commands/monitor'))?.text ?? '', /"server_state":"standalone"/);
  assert.equal((await get(adminPort, '/commands/nonsense'))?.status, 404);
  const metrics = await until('metrics', () => get(metricsPort, '/metrics'));
  assert.match(metrics.text, /^znode_count 5$/m);
  assert.match(metrics.text, /^fsynctime_count \d/m);

  assert.equal(await word(clientPort, 'ruok'), 'imok');
  assert.match(await word(clientPort, 'srvr\n'), /^Zookeeper version: .*\n(.*\n)*Mode: standalone\nNode count: 5\n$/);
  assert.match(await word(clientPort, 'mntr'), /^zk_version\t.*\nzk_server_state\tstandalone\n/);
  assert.equal(await word(clientPort, 'isro'), 'rw');
  assert.match(await word(clientPort, 'conf'), new RegExp(`^clientPort=${clientPort}\n`));
  assert.equal(await word(clientPort, 'abcd'), '');

  // No URL can be made of most of these; nobody may end a server by asking for them.
  for (const target of ['//', '//[', '/\\', 'http://[', 'http://a:99999/', '*', '///livez', '/%', 'x'.repeat(20_000)]) {
    for (const port of [adminPort, metricsPort]) {
      const answer = await word(port, `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, target.slice(0, 20));
    }
  }
  assert.equal((await get(adminPort, '/livez'))?.status, 200);

  const second = start(file);
  assert.equal(await exitCodeOf(second), 4);
  assert.match(second.said(), /^ZK_DATA_IN_USE: .*is in use by another running server/m);

  server.kill('SIGTERM');
  assert.equal(await exitCodeOf(server), 0);
  assert.ok(existsSync(join(directory, 'data', 'version-2', 'currentEpoch')));
});

test('who has sessions, ephemerals and watches is told; counts are set back when asked', async (t) => {
  const { file, clientPort, adminPort } = await prepared();
  start(file);
  await until('it is ready', async () => (await get(adminPort, '/readyz'))?.status === 200);
  const client = new ZooKeeper(`127.0.0.1:${clientPort}`);
  t.after(() => client.close());
  await client.create('/mine', new Uint8Array(1), { mode: 'ephemeral' });
  await client.exists('/watched', () => undefined);
  const session = client.sessionId;
  const hex = `0x${session.toString(16)}`;

  const dump = await word(clientPort, 'dump');
  assert.match(
    dump,
    new RegExp(`^SessionTracker dump:\\nGlobal Sessions\\(1\\):\\n${hex}\\t10000ms\\nephemeral nodes dump:\\n`),
  );
  assert.match(dump, new RegExp(`Sessions with Ephemerals \\(1\\):\\n${hex}:\\n\\t/mine\\nConnections dump:\\n /127`));
  assert.equal(await word(clientPort, 'wchc'), `${hex}\n\t/watched\n\n`);
  assert.equal(await word(clientPort, 'wchp'), `/watched\n\t${hex}\n\n`);
  assert.match(await word(clientPort, 'hash'), /^this server keeps no digests of the tree: write digest.enabled=true/);
  assert.deepEqual([await word(clientPort, 'gtmk'), (await word(clientPort, 'stmk')).length > 20], ['0', true]);
  const command = async (name: string) =>
    JSON.parse((await get(adminPort, `/commands/${name}`))?.text ?? '') as Record<string, unknown>;
  assert.deepEqual((await command('watches'))['session_id_to_watched_paths'], { [String(session)]: ['/watched'] });
  assert.deepEqual((await command('wchp'))['path_to_session_ids'], { '/watched': [String(session)] });
  assert.deepEqual((await command('dump'))['session_id_to_ephemeral_paths'], { [String(session)]: ['/mine'] });
  assert.equal((await command('observers'))['synced_observers'], 0);
  await client.create('/watched', new Uint8Array(1));
  const monitored = await command('monitor');
  assert.deepEqual([monitored['sum_node_created_watch_count'], monitored['cnt_startup_txns_loaded']], [1, 1]);
  assert.ok(Number(monitored['watch_bytes']) > 0 && Number(monitored['response_bytes']) > 0);
  assert.equal(monitored['cnt_propagation_latency'], 3, 'a session and two znodes');
  const { initial_configuration: written } = await command('icfg');
  assert.match(String(written), new RegExp(`^dataDir=.*\\nclientPort=${clientPort}\\n`));
  assert.equal((await command('sysp'))['zookeeper.clientPort'], String(clientPort));
  const { zxid, timestamp } = await command('lsnp');
  assert.deepEqual([zxid, Math.abs(Number(timestamp) - Date.now() / 1000) < 600], ['0', true]);

  assert.match(await word(clientPort, 'srvr'), /^Received: [1-9]/m);
  assert.equal(await word(clientPort, 'srst'), 'Server stats reset.\n');
  assert.match(await word(clientPort, 'srvr'), /^Latency min\/avg\/max: 0\/0\.0000\/0\nReceived: 0\n/m);
  assert.equal(await word(clientPort, 'crst'), 'Connection stats reset.\n');
  assert.match(await word(clientPort, 'cons'), new RegExp(`recved=0,sent=0,sid=${hex}`));
});

test('a server that is told to stop while it starts ends of itself', async () => {
  const { file } = await prepared();
  const server = start(file);
  await until('it starts', () => server.said().includes('"starting"'));
  server.kill('SIGTERM');
  assert.equal(
    await exitCodeOf(server),
    0,
    'as the first process of a container it would not be ended by the signal itself',
  );
});

test('a zoo.cfg that cannot be used: exit code 2 and one line that says what to write', async () => {
  const { file } = await prepared(['tickTme=2000']);
  const server = start(file);
  assert.equal(await exitCodeOf(server), 2);
  assert.match(
    server.said(),
    /^ZK_CONFIG_INVALID: .*zoo\.cfg line 9: tickTme is not a key of zoo\.cfg: write tickTime, or remove it\n$/,
  );
  const missing = start('/nowhere/zoo.cfg');
  assert.equal(await exitCodeOf(missing), 2);
  assert.match(missing.said(), /^ZK_CONFIG_INVALID: cannot read \/nowhere\/zoo\.cfg/);
  assert.equal(await exitCodeOf(start()), 2);
});

test('an environment that cannot be used is refused like a zoo.cfg, and --help says what may be in it', async () => {
  const { file } = await prepared();
  process.env['ZABKEEPER_STOP_DELAY_MS'] = '3s';
  const server = start(file);
  delete process.env['ZABKEEPER_STOP_DELAY_MS'];
  assert.equal(await exitCodeOf(server), 2);
  assert.match(server.said(), /^ZK_CONFIG_INVALID: ZABKEEPER_STOP_DELAY_MS is '3s': write a number of milliseconds/);
  const help = start('--help');
  assert.equal(await exitCodeOf(help), 0);
  for (const name of ['ZABKEEPER_STOP_DELAY_MS', 'ZABKEEPER_FORMED']) assert.ok(help.said().includes(name));
});

test('a port that is taken', async () => {
  const taken = createServer();
  await listen(taken, { host: '127.0.0.1', port: 0 }, 'tests');
  const directory = await mkdtemp(join(tmpdir(), 'server-'));
  directories.push(directory);
  const file = join(directory, 'zoo.cfg');
  await writeFile(
    file,
    `dataDir=${directory}\nclientPort=${portOf(taken)}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n`,
  );
  const server = start(file);
  assert.equal(await exitCodeOf(server), 4);
  assert.match(server.said(), /^ZK_LISTEN_FAILED: cannot listen on 127\.0\.0\.1:\d+ for clients/m);
  await stopListening(taken);
});

test('a member without data and without leave to begin an ensemble is alive, but not ready', async () => {
  const [own = 0, ownElection = 0, other = 0, otherElection = 0] = await freePorts(4);
  const { file, directory, adminPort, clientPort } = await prepared([
    'initLimit=10',
    'syncLimit=5',
    'db.autocreate=false',
    `server.1=127.0.0.1:${own}:${ownElection}`,
    `server.2=127.0.0.1:${other}:${otherElection}`,
  ]);
  await mkdir(join(directory, 'data'));
  await writeFile(join(directory, 'data', 'myid'), '1\n');
  const server = start('--initialize', file);
  const readiness = await until('it answers', () => get(adminPort, '/readyz'));
  assert.equal(readiness.status, 503);
  assert.match(readiness.text, /"ready":false,"reason":"looking for a leader/);
  assert.equal((await get(adminPort, '/livez'))?.status, 200);
  assert.match(await word(clientPort, 'srvr'), /^This ZooKeeper instance is not currently serving requests/);
  assert.ok(existsSync(join(directory, 'data', 'initialize')), 'the bootstrap is allowed to begin the ensemble');
  server.kill('SIGTERM');
  assert.equal(await exitCodeOf(server), 0);
});

test('told to stop with a delay it serves on for so long, and ends then', async () => {
  const { file, clientPort } = await prepared(['tickTime=2000']);
  process.env['ZABKEEPER_STOP_DELAY_MS'] = '1500';
  const server = start(file);
  delete process.env['ZABKEEPER_STOP_DELAY_MS'];
  await until('it serves', async () => /listening/.test(server.said()) && (await word(clientPort, 'ruok')) === 'imok');
  server.kill('SIGTERM');
  await until('it has heard it', async () => /"msg":"stopping"/.test(server.said()));
  assert.equal(await word(clientPort, 'ruok'), 'imok');
  assert.equal(await exitCodeOf(server), 0);
  assert.match(server.said(), /"msg":"stopped"/);
});

test('a member whose directory somebody clears, or whose disk is wiped whole, does not begin anew, although it is started as it was', async () => {
  const [quorum = 0, election = 0] = await freePorts(2);
  const { file, directory, adminPort } = await prepared([
    'initLimit=10',
    'syncLimit=5',
    'db.autocreate=false',
    'standaloneEnabled=false',
    'reconfigEnabled=true',
    `server.1=127.0.0.1:${quorum}:${election}`,
  ]);
  const dataDir = join(directory, 'data');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'myid'), '1\n');
  const first = start('--initialize', file);
  await until('it leads', async () => (await get(adminPort, '/readyz'))?.status === 200);
  first.kill('SIGKILL');
  await exitCodeOf(first);
  await rm(join(dataDir, 'version-2'), { recursive: true });
  const mayVote = async (): Promise<unknown> => {
    const status = await until('it answers', () => get(adminPort, '/status'));
    return (JSON.parse(status.text) as Record<string, unknown>)['voting'];
  };
  const second = start('--initialize', file);
  assert.equal(await mayVote(), false);
  assert.match(second.said(), /--initialize means nothing: this server had data/);
  assert.ok(!existsSync(join(dataDir, 'initialize')));
  second.kill('SIGTERM');
  assert.equal(await exitCodeOf(second), 0);

  await rm(dataDir, { recursive: true });
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'myid'), '1\n');
  process.env['ZABKEEPER_FORMED'] = 'true';
  const third = start('--initialize', file);
  delete process.env['ZABKEEPER_FORMED'];
  assert.equal(await mayVote(), false);
  assert.match(third.said(), /--initialize means nothing any more: the ensemble has been formed, this server had data/);
  assert.ok(!existsSync(join(dataDir, 'initialize')));
  third.kill('SIGTERM');
  assert.equal(await exitCodeOf(third), 0);
});

test('a server that zoo.cfg does not list (any more) goes by the configuration in its data directory', async () => {
  const [quorum = 0, election = 0, other = 0, otherElection = 0] = await freePorts(4);
  const { file, directory, adminPort, clientPort } = await prepared([
    'initLimit=10',
    'syncLimit=5',
    'reconfigEnabled=true',
    'standaloneEnabled=false',
    `server.1=127.0.0.1:${other}:${otherElection}`,
  ]);
  const dataDir = join(directory, 'data');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'myid'), '2\n');
  const refused = start(file);
  assert.equal(await exitCodeOf(refused), 2);
  assert.match(refused.said(), /myid says 2, but .*zoo\.cfg has servers 1 only/);
  const address = `127.0.0.1:${quorum}:${election}:participant;127.0.0.1:${clientPort}`;
  await writeFile(join(dataDir, 'zoo.cfg.dynamic.100000005'), `server.2=${address}\n`);
  const server = start(file);
  await until('it leads', async () => (await get(adminPort, '/readyz'))?.status === 200);
  const status = JSON.parse((await get(adminPort, '/status'))?.text ?? '') as Record<string, unknown>;
  assert.deepEqual(status['configuration'], {
    version: '100000005',
    servers: [{ id: 2, address, role: 'participant' }],
  });
  server.kill('SIGTERM');
  assert.equal(await exitCodeOf(server), 0);
});
