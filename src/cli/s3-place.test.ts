import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { CodedError } from '../common/errors.ts';
import type { Check } from './place.ts';
import { S3Place } from './s3-place.ts';
import type { InspectedFile } from './snapshot-file.ts';

process.env['AWS_ACCESS_KEY_ID'] = 'key';
process.env['AWS_SECRET_ACCESS_KEY'] = 'very-secret';

interface Asked {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** What of the S3 protocol a backup needs, of one bucket. End to end it is a real server. */
class FakeS3 {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, { readonly key: string; readonly parts: Buffer[] }>();
  readonly asked: Asked[] = [];
  /** Answers a request in place of the server, or does not. */
  instead: (asked: Asked, response: ServerResponse) => boolean = () => false;
  #port = 0;

  static async start(t: TestContext): Promise<FakeS3> {
    const fake = new FakeS3();
    const server = createServer((request, response) => void fake.#answer(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    fake.#port = (server.address() as AddressInfo).port;
    return fake;
  }

  place(key: string): S3Place {
    const endpoint = `http://127.0.0.1:${this.#port}`;
    return new S3Place(`s3://bucket/${key}`, 'bucket', key, {
      endpoint,
      region: undefined,
      pathStyle: true,
      caBundle: undefined,
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://s3');
    const key = decodeURIComponent(pathname).slice('/bucket/'.length);
    const asked = { method: request.method ?? '', key, query, request, body: await buffer(request) };
    this.asked.push(asked);
    const md5 = request.headers['content-md5'];
    if (md5 !== undefined) assert.equal(md5, createHash('md5').update(asked.body).digest('base64'));
    if (!this.instead(asked, response)) this.#serve(asked, response);
  }

  #serve({ method, key, query, request, body }: Asked, response: ServerResponse): void {
    const uploadId = query.get('uploadId') ?? '';
    const part = query.get('partNumber');
    const upload = this.uploads.get(uploadId);
    const isTaken = request.headers['if-none-match'] === '*' && this.objects.has(key);
    switch (method) {
      case 'GET': {
        if (query.has('uploads')) {
          const rows = [...this.uploads].map(
            ([id, { key: name }]) => `<Upload><Key>${name}</Key><UploadId>${id}</UploadId></Upload>`,
          );
          response.end(`<ListMultipartUploadsResult>${rows.join('')}</ListMultipartUploadsResult>`);
          return;
        }
        const object = this.objects.get(key);
        if (object === undefined) refuse(response, 404, 'NoSuchKey');
        else response.end(object);
        return;
      }
      case 'PUT':
        if (isTaken) return refuse(response, 412, 'PreconditionFailed');
        if (part === null) this.objects.set(key, body);
        else if (upload !== undefined) upload.parts[Number(part) - 1] = body;
        response.writeHead(200, { etag: '"tag"' }).end();
        return;
      case 'POST':
        if (query.has('uploads')) {
          const id = `upload-${this.asked.length}`;
          this.uploads.set(id, { key, parts: [] });
          response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
          return;
        }
        if (isTaken) return refuse(response, 412, 'PreconditionFailed');
        this.objects.set(key, Buffer.concat(upload?.parts ?? []));
        this.uploads.delete(uploadId);
        response.end('<CompleteMultipartUploadResult><ETag>"tag"</ETag></CompleteMultipartUploadResult>');
        return;
      default:
        if (uploadId === '') this.objects.delete(key);
        else this.uploads.delete(uploadId);
        response.writeHead(204).end();
    }
  }
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`);
}

/** Believes what is read back if it is what was stored. */
function same(as: Buffer): Check {
  return async (stored) => {
    if (!as.equals(await buffer(stored))) throw new CodedError('ZK_SNAPSHOT_CORRUPT', 'it is another');
    return { bytes: as.length } as InspectedFile;
  };
}

const SMALL = Buffer.from('small');
/** Of three parts. */
const LARGE = Buffer.alloc(20 * 1024 * 1024, 'large');

function pieces(bytes: Buffer, error?: Error): AsyncIterable<Uint8Array> {
  return ReadableStream.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
      if (error !== undefined) throw error;
    })(),
  );
}

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
  assert.equal(writes.length, 5);
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

test('what an S3 server refuses is said with what would help, and without what is secret', async (t) => {
  const s3 = await FakeS3.start(t);
  const refusals: readonly [number, string, RegExp][] = [
    [403, 'AccessDenied', /AccessDenied \(403\): the credentials are wrong, or may not do this/],
    [403, 'SignatureDoesNotMatch', /the secret access key is wrong/],
    [403, 'RequestTimeTooSkewed', /compare the clocks/],
    [400, 'ExpiredToken', /get new ones/],
    [404, 'NoSuchBucket', /make the bucket/],
    [404, 'XAdminUserNotFound', /XAdminUserNotFound \(404\)/],
    [301, 'PermanentRedirect', /the bucket is in another region: give that one \(--s3-region/],
    [400, 'AuthorizationHeaderMalformed', /the bucket is in another region/],
    [500, 'InternalError', /try again later/],
  ];
  for (const [status, code, message] of refusals) {
    s3.instead = (_, response) => {
      refuse(response, status, code);
      return true;
    };
    for (const ask of [() => s3.place('k').exists(), () => buffer(s3.place('k').read())]) {
      const error = await ask().then(() => assert.fail(code), String);
      assert.match(error, message);
      assert.doesNotMatch(error, /very-secret/);
    }
  }
});

test('a host name that is made of the bucket and leads nowhere is told with what to try', async (t) => {
  t.mock.method(dns, 'lookup', (host: string, _: unknown, answer: (error: Error) => void) => {
    answer(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
  });
  const place = new S3Place('s3://bucket/k', 'bucket', 'k', {
    endpoint: 'http://s3.invalid:9000',
    region: undefined,
    pathStyle: false,
    caBundle: undefined,
  });
  await assert.rejects(place.exists(), {
    message: /bucket\.s3\.invalid.*want the bucket in the path.*--s3-path-style/,
  });
});
