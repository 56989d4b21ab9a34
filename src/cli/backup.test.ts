import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { snapshotFile } from '../server/backup/snapshot-stream.ts';
import { createDatabase } from '../server/database/database.ts';
import { OpCode } from '../server/protocol/opcodes.ts';
import { MEMBER_FILE } from '../server/storage/formats/file-names.ts';
import { lockDirectory } from '../server/storage/instance-lock.ts';
import { backUp } from './backup.ts';
import { inspectFields, render } from './backup-report.ts';
import { restore } from './restore.ts';
import { FilePlace } from './file-place.ts';
import type { Check } from './place.ts';
import { inspect, type InspectedFile } from './snapshot-file.ts';

const directories: string[] = [];
const servers: Server[] = [];
after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

function inspectFile(file: string) {
  return inspect(new FilePlace(file).read(), file);
}

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'zabctl-'));
  directories.push(directory);
  return directory;
}

/** At zxid 0x700000003: /kept with a container in it, and an ephemeral. */
function snapshot(): Buffer {
  const database = createDatabase({ watchSink: () => undefined });
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  const header = { sessionId: 5n, cxid: 1, zxid: 0x700000000, timeMs: 1, type: OpCode.create };
  const node = { data: Buffer.from('hello'), acl, parentCVersion: -1 };
  database.apply(header, { type: OpCode.createSession, timeoutMs: 1000 });
  database.apply({ ...header, zxid: 0x700000001 }, { ...node, type: OpCode.create, path: '/kept', ephemeral: false });
  database.apply({ ...header, zxid: 0x700000002 }, { ...node, type: OpCode.createContainer, path: '/kept/box' });
  database.apply({ ...header, zxid: 0x700000003 }, { ...node, type: OpCode.create, path: '/lock', ephemeral: true });
  return Buffer.concat([...snapshotFile(database.snapshot())]);
}

/** The address of an HTTP server that answers so until the tests end. */
async function served(answer: RequestListener): Promise<string> {
  const http = createServer(answer).listen(0, '127.0.0.1');
  servers.push(http);
  await once(http, 'listening');
  return `127.0.0.1:${(http.address() as AddressInfo).port}`;
}

/** Tells when the first piece of what it stores is there. */
class TellingPlace extends FilePlace {
  readonly #onPiece: () => void;

  constructor(name: string, onPiece: () => void) {
    super(name);
    this.#onPiece = onPiece;
  }

  override async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    const onPiece = this.#onPiece;
    async function* told(): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        yield piece;
        onPiece();
      }
    }
    return await super.store(told(), check);
  }
}

const OPTIONS = { auth: undefined, silenceMs: 5000, resume: false, patienceMs: 0 };
const HEADERS = { 'content-type': 'application/octet-stream', last_zxid: '0x700000003' };

test('inspect: what is in a file, plain or packed; for people and for programs', async () => {
  const directory = await scratch();
  const bytes = snapshot();
  await writeFile(join(directory, 'plain'), bytes);
  await writeFile(join(directory, 'packed'), gzipSync(bytes));
  const [plain, packed] = await Promise.all(['plain', 'packed'].map((name) => inspectFile(join(directory, name))));
  assert.ok(plain !== undefined && packed !== undefined);
  assert.deepEqual(plain.summary, packed.summary);
  assert.deepEqual([plain.packing, plain.bytes, packed.packing], ['plain', bytes.length, 'gzip']);
  const fields = JSON.parse(render(inspectFields('f', plain), 'json')) as Record<string, unknown>;
  assert.deepEqual(
    [fields['zxid'], fields['znodes'], fields['ephemerals'], fields['containers'], fields['sessions']],
    ['0x700000003', 7, 1, 1, 1],
  );
  const largest = plain.summary.subtrees.find(({ path }) => !path.startsWith('/zookeeper'));
  assert.deepEqual(largest, { path: '/kept', znodes: 2, bytes: 24 });
  assert.match(
    render(inspectFields('f', plain), 'text'),
    /^zxid = 0x700000003\n(.*\n)*largestSubtrees = \n(.*\n)* {2}\/kept {2}2 znodes, 24 bytes$/m,
  );
});

test('inspect: what is cut or changed, packed or not, is refused', async () => {
  const file = join(await scratch(), 'f');
  const bytes = snapshot();
  const changed = Buffer.from(bytes);
  changed[60] = (changed[60] ?? 0) ^ 1;
  const packed = gzipSync(bytes);
  for (const damaged of [changed, bytes.subarray(0, -1), packed.subarray(0, -9), gzipSync(changed), Buffer.alloc(0)]) {
    await writeFile(file, damaged);
    await assert.rejects(inspectFile(file), { code: 'ZK_SNAPSHOT_CORRUPT' });
  }
});

test('backup: the file appears whole and sound, with the identity in the header, and replaces none', async () => {
  const directory = await scratch();
  const asked: unknown[] = [];
  const server = await served((request, response) => {
    asked.push([request.url, request.headers.authorization, request.headers['accept-encoding']]);
    response.writeHead(200, HEADERS).end(snapshot());
  });
  const options = { ...OPTIONS, servers: server, auth: 'digest:user:pass:word' };
  for (const name of ['plain', 'packed.gz']) {
    const file = join(directory, name);
    const { summary, sha256 } = (await backUp(new FilePlace(file), options)).stored;
    assert.equal(summary.zxid, 0x700000003);
    assert.deepEqual((await inspectFile(file)).sha256, sha256);
    const before = await readFile(file);
    await assert.rejects(backUp(new FilePlace(file), options), {
      code: 'ZK_BACKUP_FAILED',
      message: /exists and is left as it is/,
    });
    assert.deepEqual(await readFile(file), before);
  }
  assert.equal((await inspectFile(join(directory, 'packed.gz'))).packing, 'gzip');
  assert.deepEqual(
    asked.find((one) => Array.isArray(one) && one[0] !== '/status'),
    ['/commands/snapshot?streaming=true', 'digest user:pass:word', 'identity'],
  );
  assert.deepEqual(await readdir(directory), ['packed.gz', 'plain']);
});

test('backup: whatever goes wrong on the way leaves nothing', async () => {
  const directory = await scratch();
  const bytes = snapshot();
  const changed = Buffer.from(bytes);
  changed[60] = (changed[60] ?? 0) ^ 1;
  const answers: readonly [RequestListener, string, RegExp][] = [
    [
      (_, r) => r.writeHead(401).end('{"error":"Not authenticated"}'),
      'ZK_BACKUP_FAILED',
      /401 \(Not authenticated\): give --auth/,
    ],
    [(_, r) => r.writeHead(429, { 'retry-after': '7' }).end(), 'ZK_BACKUP_FAILED', /ask again in 7 seconds/],
    [(_, r) => r.writeHead(200, { 'content-type': 'application/json' }).end('{}'), 'ZK_BACKUP_FAILED', /answered 200/],
    [
      (_, r) =>
        void r
          .writeHead(200, { ...HEADERS, 'content-length': bytes.length })
          .write(bytes.subarray(0, 90), () => r.destroy()),
      'ZK_BACKUP_FAILED',
      /did not arrive whole/,
    ],
    [(_, r) => r.writeHead(200, HEADERS).end(changed), 'ZK_SNAPSHOT_CORRUPT', /checksum/],
    [
      (_, r) => r.writeHead(200, { ...HEADERS, last_zxid: '0x1' }).end(bytes),
      'ZK_BACKUP_FAILED',
      /announced a snapshot at 0x1/,
    ],
  ];
  for (const [answer, code, message] of answers) {
    const server = await served(answer);
    await assert.rejects(backUp(new FilePlace(join(directory, 'f')), { ...OPTIONS, servers: server }), {
      code,
      message,
    });
  }
  await assert.rejects(backUp(new FilePlace(join(directory, 'f')), { ...OPTIONS, servers: '127.0.0.1:1' }), {
    code: 'ZK_BACKUP_FAILED',
  });
  await assert.rejects(backUp(new FilePlace(join(directory, 'f')), { ...OPTIONS, servers: 'nowhere' }), {
    code: 'ZK_CLI_ARGUMENTS',
  });
  assert.deepEqual(await readdir(directory), []);
});

test('restore: tree and epochs appear in an empty data directory, without the old life, the same bytes for every member', async () => {
  const directory = await scratch();
  const backup = join(directory, 'backup.gz');
  await writeFile(backup, gzipSync(snapshot()));
  const members = [1, 2].map((id) => join(directory, `member-${id}`));
  // A volume that was never used may have these.
  await mkdir(join(directory, 'member-2', 'version-2'), { recursive: true });
  await writeFile(join(directory, 'member-2', 'myid'), '2\n');
  for (const dataDir of members) {
    const restored = await restore(new FilePlace(backup), dataDir, {});
    assert.equal(restored?.backup.summary.ephemerals, 1);
    const data = join(dataDir, 'version-2');
    assert.deepEqual(await readdir(data), ['acceptedEpoch', 'currentEpoch', 'snapshot.700000003']);
    assert.equal(await readFile(join(data, 'currentEpoch'), 'utf8'), '7');
    const { summary } = await inspectFile(join(data, 'snapshot.700000003'));
    assert.deepEqual([summary.znodes, summary.ephemerals, summary.sessions], [6, 0, 0]);
    assert.equal(summary.digest, restored.digest);
  }
  const [one, two] = await Promise.all(members.map((m) => readFile(join(m, 'version-2', 'snapshot.700000003'))));
  assert.deepEqual(one, two);
});

test('restore: never over data, never from what is not sound, never beside a running server', async () => {
  const directory = await scratch();
  const [good, bad, dataDir] = [join(directory, 'good'), join(directory, 'bad'), join(directory, 'data')];
  await writeFile(good, snapshot());
  await writeFile(bad, snapshot().subarray(0, -20));
  await assert.rejects(restore(new FilePlace(bad), dataDir, {}), { code: 'ZK_SNAPSHOT_CORRUPT' });
  assert.deepEqual(await readdir(dataDir), ['.zabkeeper.lock'], 'nothing of it is left');

  const lock = await lockDirectory(dataDir);
  await assert.rejects(restore(new FilePlace(good), dataDir, {}), { code: 'ZK_DATA_IN_USE' });
  lock.release();

  const dataLogDir = join(directory, 'log');
  await mkdir(join(dataLogDir, 'version-2'), { recursive: true });
  await writeFile(join(dataLogDir, 'version-2', 'log.1'), '');
  await assert.rejects(restore(new FilePlace(good), dataDir, { dataLogDir }), {
    code: 'ZK_RESTORE_REFUSED',
    message: /log\.1 is data/,
  });

  const alien = join(dataDir, 'zoo.cfg.dynamic.500000001');
  await writeFile(alien, 'server.1=of-another-life:2888:3888:participant\n');
  for (const onlyIfEmpty of [false, true]) {
    await assert.rejects(restore(new FilePlace(good), dataDir, { onlyIfEmpty }), {
      code: 'ZK_RESTORE_REFUSED',
      message: /zoo\.cfg\.dynamic\.500000001 says who belonged/,
    });
  }
  await rm(alien);

  await restore(new FilePlace(good), dataDir, {});
  const before = await readdir(join(dataDir, 'version-2'));
  await assert.rejects(restore(new FilePlace(good), dataDir, {}), { code: 'ZK_RESTORE_REFUSED' });
  assert.equal(await restore(new FilePlace(good), dataDir, { onlyIfEmpty: true }), undefined);
  assert.deepEqual(await readdir(join(dataDir, 'version-2')), before);

  // As a server leaves it that has been a member since, and whose data somebody cleared.
  await writeFile(join(dataDir, MEMBER_FILE), '');
  await rm(join(dataDir, 'version-2'), { recursive: true });
  assert.equal(await restore(new FilePlace(good), dataDir, { onlyIfEmpty: true }), undefined);
  await assert.rejects(readdir(join(dataDir, 'version-2')), { code: 'ENOENT' });
});

test('backup: of several members the one that is best asked, and the next where one gives none', async () => {
  const directory = await scratch();
  const asked: string[] = [];
  const member = async (name: string, status: object | undefined, code: number) =>
    await served((request, response) => {
      if (request.url === '/status')
        return void response.writeHead(status === undefined ? 404 : 200).end(JSON.stringify(status));
      asked.push(name);
      return void (code === 200 ? response.writeHead(200, HEADERS).end(snapshot()) : response.writeHead(code).end());
    });
  const serving = { serving: true, version: '0.1.0' };
  const servers = [
    await member('silent', undefined, 200),
    await member('leader', { ...serving, state: 'leader', lastZxid: '0x9' }, 200),
    await member('behind', { ...serving, state: 'follower', lastZxid: '0x5' }, 429),
    await member('newest', { ...serving, state: 'follower', lastZxid: '0x9' }, 503),
    await member('looking', { ...serving, serving: false, state: 'looking', lastZxid: '0x9' }, 200),
  ].join(',');
  const { source } = await backUp(new FilePlace(join(directory, 'f')), { ...OPTIONS, servers });
  assert.deepEqual(asked, ['newest', 'behind', 'leader']);
  assert.deepEqual([source?.address, source?.version], [servers.split(',')[1], '0.1.0']);
});

test('backup: a member that is killed in the middle, or says nothing more, leaves nothing, and is told of', async () => {
  const directory = await scratch();
  const beginning = snapshot().subarray(0, 90);
  // A process that is killed while there is something that it has not read yet resets its connections.
  const ends: readonly [(response: ServerResponse | undefined) => void, number, RegExp][] = [
    [
      (response) => response?.socket?.resetAndDestroy(),
      60_000,
      /not arrive whole \(Error: (aborted|.*ECONNRESET)\): try again/,
    ],
    [(response) => response?.destroy(), 60_000, /not arrive whole \(Error: aborted\): try again/],
    [() => undefined, 100, /not arrive whole \(Error: nothing was heard for 100 ms\): try again/],
  ];
  for (const [end, silenceMs, message] of ends) {
    let giving: ServerResponse | undefined;
    const servers = await served((request, response) => {
      if (request.url === '/status') return void response.writeHead(404).end();
      giving = response;
      return void response.writeHead(200, HEADERS).write(beginning);
    });
    const place = new TellingPlace(join(directory, 'f'), () => end(giving));
    await assert.rejects(backUp(place, { ...OPTIONS, servers, silenceMs }), { code: 'ZK_BACKUP_FAILED', message });
    assert.deepEqual(await readdir(directory), []);
  }
});

test('backup: members that each gave a snapshot a short time ago are waited for, as long as they say and it may take', async () => {
  const directory = await scratch();
  let asked = 0;
  const refuseOnce = await served((request, response) => {
    if (request.url === '/status') return void response.writeHead(404).end();
    asked++;
    if (asked > 1) return void response.writeHead(200, HEADERS).end(snapshot());
    return void response.writeHead(429, { 'retry-after': '0.01' }).end('{"error":"too many snapshots"}');
  });
  const down = await served((_, response) => void response.writeHead(503).end());
  const waits: [number, string][] = [];
  const options = {
    ...OPTIONS,
    servers: `${down},${refuseOnce}`,
    onWait: (...wait: [number, string]) => waits.push(wait),
  };
  await assert.rejects(backUp(new FilePlace(join(directory, 'f')), options), {
    message: /answered 503 .*; .* answered 429/,
  });
  assert.deepEqual(waits, [], 'who has no patience waits for nobody');
  asked = 0;
  await backUp(new FilePlace(join(directory, 'f')), { ...options, patienceMs: 60_000 });
  assert.deepEqual([asked, waits.length, waits[0]?.[0]], [2, 1, 10]);
  assert.match(waits[0]?.[1] ?? '', /answered 429 \(too many snapshots\)/);
});

test('backup: resumed, what is there is verified and not replaced, and what a killed attempt left is gone', async () => {
  const directory = await scratch();
  const file = join(directory, 'f.gz');
  const server = await served((_, response) => void response.writeHead(200, HEADERS).end(snapshot()));
  await writeFile(`${file}.partial-1234abcd`, 'half of it');
  const resumed = { ...OPTIONS, servers: server, resume: true };
  const first = await backUp(new FilePlace(file), resumed);
  assert.deepEqual(await readdir(directory), ['f.gz']);
  const second = await backUp(new FilePlace(file), resumed);
  assert.equal(second.source, undefined);
  assert.equal(second.stored.sha256, first.stored.sha256);
  await writeFile(file, gzipSync(snapshot().subarray(0, -20)));
  await assert.rejects(backUp(new FilePlace(file), resumed), { code: 'ZK_SNAPSHOT_CORRUPT' });
  await new FilePlace(file).remove();
  assert.deepEqual(await readdir(directory), []);
});
