import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { encodeUtf8 } from '../../common/utf8.ts';
import { SnapshotReading } from '../backup/snapshot-reading.ts';
import { parseZooCfg } from '../config/zoo-cfg.ts';
import { createDatabase } from '../database/database.ts';
import type { Database } from '../database/types.ts';
import type { AdminAccess } from '../pipeline/admin-access.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { createAdminServer } from './admin-server.ts';
import { listen, portOf, stopListening } from './listen.ts';
import type { ServerView } from './server-view.ts';
import { SILENT } from './testing/silent-logger.ts';
import { until } from './testing/until.ts';

const ZXID = 0x300000000;
const stops: (() => Promise<unknown>)[] = [];
after(() => Promise.all(stops.map((stop) => stop())));

/** A database with so many znodes of 1000 bytes. */
function databaseOf(znodes: number): Database {
  const database = createDatabase({ watchSink: () => undefined, keepDigest: true });
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  for (let i = 1; i <= znodes; i++) {
    const header = { sessionId: 1n, cxid: i, zxid: ZXID + i, timeMs: i, type: OpCode.create };
    const data = encodeUtf8(String(i).padEnd(1000));
    database.apply(header, { type: OpCode.create, path: `/n${i}`, data, acl, ephemeral: false, parentCVersion: -1 });
  }
  return database;
}

interface Setting {
  readonly database?: Database;
  readonly access?: AdminAccess;
  readonly serving?: boolean;
  readonly config?: string;
}

/** An admin server whose snapshots are counted while they are open. */
async function admin({ database = databaseOf(100), access = 'allowed', serving = true, config = '' }: Setting) {
  const open = new Set<object>();
  const view: Partial<ServerView> = {
    config: parseZooCfg(`dataDir=/data\n${config}`, 'zoo.cfg', () => '').config,
    logger: SILENT,
    adminAccess: () => access,
    snapshotRequests: { refusedTooSoon: 0 },
    snapshot: () => {
      if (!serving) return undefined;
      const source = database.snapshot();
      const counted = {
        zxid: source.zxid,
        bodyBytes: source.bodyBytes,
        next: (maxBytes: number) => source.next(maxBytes),
        digest: () => source.digest(),
        close: () => {
          open.delete(counted);
          source.close();
        },
      };
      open.add(counted);
      return counted;
    },
  };
  const server = createAdminServer(view as ServerView);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'tests');
  stops.push(() => {
    server.closeAllConnections();
    return stopListening(server);
  });
  return { open, port: portOf(server), database };
}

async function get(port: number, path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [response] = await once(request({ port, path, headers, host: '127.0.0.1', agent: false }).end(), 'response');
  return response as IncomingMessage;
}

test('a snapshot is the state at its zxid, whatever is applied meanwhile; with its length, or compressed', async () => {
  const { port, database, open } = await admin({ config: 'admin.rateLimiterIntervalInMS=0' });
  const digest = database.digest();
  for (const encoding of ['identity', 'gzip']) {
    const response = await get(port, '/commands/snapshot?streaming=true', { 'accept-encoding': encoding });
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-type'], 'application/octet-stream');
    assert.equal(response.headers['content-encoding'], encoding === 'gzip' ? 'gzip' : undefined);
    const body = await buffer(response);
    const file = encoding === 'gzip' ? gunzipSync(body) : body;
    assert.equal(response.headers['snapshot_size'], String(file.length));
    const reading = new SnapshotReading('streamed', undefined);
    reading.push(file);
    const summary = reading.end();
    assert.equal(response.headers['last_zxid'], '0x300000064');
    assert.deepEqual([summary.zxid, summary.digest, summary.digestChecked], [ZXID + 100, digest, true]);
    await until('it is let go of', () => open.size === 0);
  }
});

test('who may not have one is told so, in the words of ZooKeeper', async () => {
  const refusals: readonly [Setting, string, number, RegExp][] = [
    [{ access: 'missing' }, '', 401, /Auth info is missing for the command/],
    [{ access: 'notAuthenticated' }, '', 401, /Not authenticated/],
    [{ access: 'notAuthorized' }, '', 403, /Not authorized/],
    [{ serving: false }, '', 503, /not currently serving requests/],
    [{ config: 'admin.snapshot.enabled=false' }, '', 503, /admin\.snapshot\.enabled=false/],
    [{}, '?streaming=false', 400, /leave out streaming=false/],
  ];
  for (const [setting, query, status, error] of refusals) {
    const { port, open } = await admin(setting);
    const response = await get(port, `/commands/snap${query}`);
    assert.equal(response.statusCode, status);
    assert.match(await text(response), error);
    assert.equal(open.size, 0);
  }
});

test('a second one within the interval has to wait', async () => {
  const { port } = await admin({ config: 'admin.snapshot.intervalInMS=60000' });
  await buffer(await get(port, '/commands/snapshot'));
  const response = await get(port, '/commands/snapshot');
  assert.equal(response.statusCode, 429);
  const waitSeconds = Number(response.headers['retry-after']);
  assert.ok(waitSeconds > 30 && waitSeconds <= 60, `retry-after ${waitSeconds}`);
  response.resume();
});

test('a client that goes away, read a part or nothing, lets go of the snapshot; one that is slow holds up nobody', async () => {
  const { port, open } = await admin({ database: databaseOf(20_000), config: 'admin.snapshot.intervalInMS=0' });
  const response = await get(port, '/commands/snapshot');
  response.on('error', () => undefined);
  assert.equal(open.size, 1);
  const busy = await get(port, '/commands/snapshot');
  assert.equal(busy.statusCode, 429, 'one at a time');
  busy.resume();
  assert.equal((await get(port, '/livez')).statusCode, 200);
  response.destroy();
  await until('it is let go of', () => open.size === 0);
});
