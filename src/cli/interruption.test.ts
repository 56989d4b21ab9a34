import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { snapshotFile } from '../server/backup/snapshot-stream.ts';
import { createDatabase } from '../server/database/database.ts';
import { backUp } from './backup.ts';
import { FilePlace } from './file-place.ts';
import { restore } from './restore.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const snapshot = Buffer.concat([...snapshotFile(createDatabase({ watchSink: () => undefined }).snapshot())]);

test('a backup that is interrupted tidies up, says so, and ends as a shell expects', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'zabctl-interrupted-'));
  t.after(() => rm(directory, { recursive: true }));
  let sent = Promise.withResolvers<undefined>();
  const server = createServer((request, response) => {
    if (request.url === '/status') response.writeHead(404).end();
    else {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.write(snapshot.subarray(0, 200), () => sent.resolve(undefined));
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const args = ['--server', `127.0.0.1:${(server.address() as AddressInfo).port}`, 'backup', join(directory, 'f')];
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    sent = Promise.withResolvers();
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    await sent.promise;
    const said = text(child.stderr);
    const exit = once(child, 'exit');
    child.kill(signal);
    assert.deepEqual(await exit, [code, null]);
    assert.match(await said, new RegExp(`^ZK_INTERRUPTED: ended by ${signal}`));
    assert.deepEqual(await readdir(directory), []);
  }
});

test('an interruption before a member answers is not taken for its silence, nor is the next one asked', async (t) => {
  const interruption = new AbortController();
  const reason = new Error('enough');
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url === '/status') return void response.writeHead(404).end();
    asked++;
    interruption.abort(reason);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = {
    servers: `${address},${address}`,
    auth: undefined,
    silenceMs: 60_000,
    resume: false,
    patienceMs: 0,
  };
  await assert.rejects(backUp(new FilePlace('unused'), { ...options, signal: interruption.signal }), reason);
  assert.equal(asked, 1);
});

test('a restore that is interrupted leaves nothing', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'zabctl-interrupted-'));
  t.after(() => rm(directory, { recursive: true }));
  const dataDir = join(directory, 'data');
  const interruption = new AbortController();
  const reason = new Error('enough');
  const place = new FilePlace('unused');
  place.read = () =>
    ReadableStream.from(
      (function* () {
        yield snapshot;
        assert.ok(existsSync(join(dataDir, 'version-2.restoring')));
        interruption.abort(reason);
      })(),
    );
  await assert.rejects(restore(place, dataDir, { signal: interruption.signal }), reason);
  assert.deepEqual(await readdir(dataDir), ['.zabkeeper.lock']);
});
