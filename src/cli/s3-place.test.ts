import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../common/errors.ts';
import { FakeS3, LARGE, pieces, refuse, same, SMALL } from './testing/fake-s3.ts';

test('an object is there once all of it is, with a checksum at each part, and only where there was none', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const [key, bytes] of [
    ['small', SMALL],
    ['a folder/l=ä+rge?#%20', LARGE],
  ] as const) {
    const place = s3.place(key);
    assert.equal(await place.exists(), false);
    assert.equal((await place.store(pieces(bytes), same(bytes))).bytes, bytes.length);
    assert.ok(s3.objects.get(key)?.equals(bytes));
    assert.equal(await place.exists(), true);
    await assert.rejects(place.store(pieces(SMALL), same(SMALL)), { message: /exists and is left as it is/ });
    assert.ok(s3.objects.get(key)?.equals(bytes));
  }
  const writes = s3.asked.filter(({ method, body }) => method === 'PUT' && body.length > 0);
  assert.equal(writes.length, 4);
  for (const { request } of writes) assert.ok(request.headers['content-md5'] !== undefined);
  assert.equal(s3.uploads.size, 0);
});

test('what breaks off leaves neither an object nor parts; what is read back and is not the same goes', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const bytes of [SMALL, LARGE]) {
    const broken = new CodedError('ZK_SNAPSHOT_CORRUPT', 'its end is missing');
    await assert.rejects(s3.place('k').store(pieces(bytes, broken), same(bytes)), broken);
    s3.instead = ({ method, query }, response) => {
      if (method !== 'PUT' || query.get('partNumber') === '1') return false;
      refuse(response, 403, 'AccessDenied');
      return true;
    };
    await assert.rejects(s3.place('k').store(pieces(bytes), same(bytes)), {
      code: 'ZK_BACKUP_FAILED',
      message: /AccessDenied \(403\): the credentials/,
    });
    s3.instead = () => false;
    await assert.rejects(s3.place('k').store(pieces(bytes), same(Buffer.from('other'))), {
      code: 'ZK_SNAPSHOT_CORRUPT',
    });
    assert.deepEqual([[...s3.objects], [...s3.uploads]], [[], []]);
  }
});

test('an answer that was lost does not make what was stored somebody else’s', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const bytes of [SMALL, LARGE]) {
    let lost = 0;
    s3.instead = ({ method, key, query, body }, response) => {
      const ends = query.has('uploadId') ? method === 'POST' : method === 'PUT';
      if (!ends || lost++ > 0) return false;
      s3.objects.set(key, query.has('uploadId') ? LARGE : body);
      response.destroy();
      return true;
    };
    assert.equal((await s3.place(`k${bytes.length}`).store(pieces(bytes), same(bytes))).bytes, bytes.length);
    assert.equal(lost, 2);
  }
  // But this one is.
  s3.instead = ({ method, key }) => {
    if (method === 'PUT') s3.objects.set(key, LARGE);
    return false;
  };
  await assert.rejects(s3.place('other').store(pieces(SMALL), same(SMALL)), { message: /exists and is left as it is/ });
  assert.ok(s3.objects.get('other')?.equals(LARGE));
});

test('what a killed attempt left is removed, and nothing of anybody else', async (t) => {
  const s3 = await FakeS3.start(t);
  for (const key of ['a', 'a', 'a.gz', 'b']) s3.uploads.set(`${key}-${s3.uploads.size}`, { key, parts: [] });
  s3.objects.set('a', SMALL).set('a.json', SMALL).set('a.gz', SMALL);
  await s3.place('a').removeRemains();
  assert.deepEqual(
    [...s3.uploads.values()].map(({ key }) => key),
    ['a.gz', 'b'],
  );
  await s3.place('a').remove();
  assert.deepEqual([...s3.objects.keys()], ['a.gz']);
});
