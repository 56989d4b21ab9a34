import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { FakeS3, LARGE, pieces, refuse, same, SMALL, tagOf } from './testing/fake-s3.ts';

// S3 servers of different makers, and what is different about them.

test('a server that says 404 and nothing else has no such object', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.instead = (_, response) => {
    response.writeHead(404).end();
    return true;
  };
  assert.equal(await s3.place('k').exists(), false);
});

test('a server that knows no conditions is asked without', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.instead = ({ request }, response) => {
    if (request.headers['if-none-match'] === undefined) return false;
    refuse(response, 501, 'NotImplemented');
    return true;
  };
  for (const bytes of [SMALL, LARGE]) {
    await s3.place(`k${bytes.length}`).store(pieces(bytes), same(bytes));
    assert.ok(s3.objects.get(`k${bytes.length}`)?.equals(bytes));
  }
  const refused = s3.asked.filter(({ request }) => request.headers['if-none-match'] !== undefined);
  assert.equal(refused.length, 2, 'it is told so once for each');
});

test('a server that is busy, or something in front of it, is asked again', async (t) => {
  const s3 = await FakeS3.start(t);
  const answers: readonly ((response: ServerResponse) => void)[] = [
    (response) => refuse(response, 503, 'SlowDown'),
    (response) =>
      response.writeHead(503, { 'content-type': 'text/html' }).end('<html><p>Temporarily unavailable</html>'),
    (response) => response.writeHead(502).end('upstream connect error'),
    (response) => response.destroy(),
  ];
  const waiting = new Map<string, number>();
  s3.instead = ({ method, query, request }, response) => {
    if (Number(query.get('partNumber')) > 1) return false;
    const what = `${method} ${request.url}`;
    const count = waiting.get(what) ?? 0;
    waiting.set(what, count + 1);
    answers[count]?.(response);
    return count < answers.length;
  };
  await s3.place('k').store(pieces(LARGE), same(LARGE));
  assert.ok(s3.objects.get('k')?.equals(LARGE));
  assert.equal(s3.uploads.size, 0);
});

test('a server that says of what it is to remove that it is not there has done what was asked', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const id of ['1', '2']) s3.uploads.set(id, { key: 'k', parts: [] });
  s3.instead = ({ method, query }, response) => {
    if (method !== 'DELETE') return false;
    if (query.has('uploadId')) refuse(response, 404, 'NoSuchUpload');
    else refuse(response, 404, 'NoSuchKey');
    return true;
  };
  await s3.place('k').remove();
  assert.equal(s3.asked.filter(({ method }) => method === 'DELETE').length, 4);
  s3.instead = ({ method }, response) => {
    if (method === 'DELETE') refuse(response, 404, 'NoSuchBucket');
    return method === 'DELETE';
  };
  await assert.rejects(s3.place('k').remove(), { message: /make the bucket/ });
});

test('a server that cannot tell which uploads are under way keeps nobody from a backup', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.instead = ({ method, query }, response) => {
    if (method !== 'GET' || !query.has('uploads')) return false;
    refuse(response, 501, 'NotImplemented');
    return true;
  };
  await s3.place('k').removeRemains();
});

test('a bucket with a lock gets a checksum with everything, the description too', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.isLocked = true;
  for (const bytes of [SMALL, LARGE]) {
    const place = s3.place(`k${bytes.length}`);
    await place.store(pieces(bytes), same(bytes));
    await place.describe({ location: 'here' });
    assert.deepEqual(JSON.parse(String(s3.objects.get(`k${bytes.length}.json`))), { location: 'here' });
  }
});

test('a server that forgets an upload as soon as it is complete: an answer that was lost does not fail the backup', async (t) => {
  const s3 = await FakeS3.start(t);
  let isLost = false;
  s3.instead = ({ method, key, query }, response) => {
    if (method !== 'POST' || !query.has('uploadId')) return false;
    if (isLost) refuse(response, 404, 'NoSuchUpload');
    else {
      s3.objects.set(key, LARGE);
      isLost = true;
      response.destroy();
    }
    return true;
  };
  assert.equal((await s3.place('k').store(pieces(LARGE), same(LARGE))).bytes, LARGE.length);
  // Where nothing has the name, somebody else has ended the upload.
  await assert.rejects(s3.place('other').store(pieces(LARGE), same(LARGE)), {
    code: 'ZK_BACKUP_FAILED',
    message: /NoSuchUpload \(404\): somebody has ended this upload/,
  });
});

test('an answer that breaks off is gone on with where it did, if it is still the same object', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.objects.set('k', LARGE);
  const ranges: unknown[] = [];
  let breaks = 3;
  s3.instead = ({ request: { headers } }, response) => {
    ranges.push(headers.range);
    if (breaks-- <= 0) return false;
    const from = Number(/\d+/.exec(headers.range ?? '0')?.[0]);
    response.writeHead(from === 0 ? 200 : 206, {
      etag: tagOf(LARGE),
      'content-length': LARGE.length - from,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${LARGE.length - 1}/${LARGE.length}` }),
    });
    response.write(LARGE.subarray(from, from + 1_000_000), () => response.destroy());
    return true;
  };
  assert.ok(LARGE.equals(await buffer(s3.place('k').read())));
  assert.equal(ranges.length, 4);
  assert.ok(
    ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range))),
    String(ranges),
  );
  breaks = 1;
  const other = s3.place('k').read()[Symbol.asyncIterator]();
  await other.next();
  s3.objects.set('k', SMALL);
  await assert.rejects(
    async () => {
      while ((await other.next()).done !== true);
    },
    { code: 'ZK_BACKUP_FAILED', message: /the object has changed meanwhile/ },
  );
  // Who never gets any further does not try for ever.
  s3.objects.set('k', LARGE);
  s3.instead = (_, response) => {
    response.writeHead(200, { etag: tagOf(LARGE), 'content-length': LARGE.length }).flushHeaders();
    response.destroy();
    return true;
  };
  await assert.rejects(buffer(s3.place('k').read()), { code: 'ZK_BACKUP_FAILED', message: /reading s3:/ });
});
