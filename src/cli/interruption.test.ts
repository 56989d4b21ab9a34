import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CodedError } from '../common/errors.ts';
import { backUp } from './backup.ts';
import { FilePlace } from './file-place.ts';
import { restore } from './restore.ts';
import { FakeS3, LARGE, pieces, same } from './testing/fake-s3.ts';
import { scratch } from './testing/scratch.ts';
import { servedMember } from './testing/serve.ts';
import { EMPTY_SNAPSHOT } from './testing/snapshots.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** As a signal gives it. */
const REASON = new CodedError('ZK_INTERRUPTED', 'enough');

test('a backup that is interrupted tidies up, says so, and ends as a shell expects', async (t) => {
  const directory = await scratch(t);
  let sent = Promise.withResolvers<undefined>();
  const server = await servedMember(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.write(EMPTY_SNAPSHOT.subarray(0, 200), () => sent.resolve(undefined));
  });
  const args = ['--server', server, 'backup', join(directory, 'f')];
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

test('an interruption before a member answers, or while one is waited for, ends it; neither is taken for silence, nor is the next one asked', async (t) => {
  const directory = await scratch(t);
  const options = { auth: undefined, silenceMs: 60_000, resume: false, patienceMs: 600_000 };
  let interruption = new AbortController();
  let asked = 0;
  const silent = await servedMember(t, () => {
    asked++;
    interruption.abort(REASON);
  });
  const later = await servedMember(t, (_, response) => void response.writeHead(429, { 'retry-after': '500' }).end());
  for (const servers of [`${silent},${silent}`, later]) {
    interruption = new AbortController();
    const { signal } = interruption;
    const onWait = (): void => interruption.abort(REASON);
    await assert.rejects(backUp(new FilePlace(join(directory, 'f')), { ...options, servers, signal, onWait }), REASON);
    assert.deepEqual(await readdir(directory), []);
  }
  assert.equal(asked, 1);
});

test('an interruption is not kept waiting by an S3 server that stands still, and what was uploaded is removed', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const stuck of ['PUT', 'GET']) {
    const interruption = new AbortController();
    const place = s3.place('k', interruption.signal);
    s3.instead = ({ method, query }) => {
      if (method !== stuck || query.get('partNumber') === '1') return false;
      interruption.abort(REASON);
      return true;
    };
    await assert.rejects(place.store(pieces(LARGE), same(LARGE)), REASON);
    assert.deepEqual([[...s3.objects], [...s3.uploads]], [[], []]);
  }
  assert.equal(s3.asked.filter(({ method }) => method === 'DELETE').length, 1);
});

test('a restore that is interrupted leaves nothing', async (t) => {
  const dataDir = join(await scratch(t), 'data');
  const interruption = new AbortController();
  const place = new FilePlace('unused');
  place.read = () =>
    ReadableStream.from(
      (function* () {
        yield EMPTY_SNAPSHOT;
        assert.ok(existsSync(join(dataDir, 'version-2.restoring')));
        interruption.abort(REASON);
      })(),
    );
  await assert.rejects(restore(place, dataDir, { signal: interruption.signal }), REASON);
  assert.deepEqual(await readdir(dataDir), ['.zabkeeper.lock']);
});
