import assert from 'node:assert/strict';
import dns from 'node:dns';
import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { S3Place } from './s3-place.ts';
import { FakeS3, pieces, refuse, same, SMALL } from './testing/fake-s3.ts';

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

test('what comes of an endpoint that is no S3 server’s is told in one line', async (t) => {
  const s3 = await FakeS3.start(t);
  const page = '<html><body><p>Sign in</body></html>';
  const answers: readonly [(response: ServerResponse) => void, RegExp][] = [
    [
      (r) => r.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page),
      /would be a page for people: is the endpoint that of an S3 server/,
    ],
    [
      (r) => r.writeHead(403, { 'content-type': 'text/html' }).end(page),
      /HTTP status 403: is the endpoint that of an S3 server/,
    ],
    [
      (r) => r.writeHead(400).end('Client sent an HTTP request to an HTTPS server.'),
      /HTTP status 400: is the endpoint/,
    ],
    [(r) => r.writeHead(404).end('404 page not found'), /HTTP status 404: is the endpoint/],
    [(r) => r.writeHead(502).end('Bad Gateway'), /HTTP status 502: the S3 server is busy or not well: try again later/],
    [
      (r) => r.writeHead(308, { location: 'https://s3.example/bucket/k' }).end(),
      /it sends to https:\/\/s3\.example\/bucket\/k: give the endpoint/,
    ],
    [(r) => r.writeHead(301, { location: 'https://s3.example/' }).end(), /it sends to https:\/\/s3\.example\//],
  ];
  for (const [answer, message] of answers) {
    s3.instead = (_, response) => {
      answer(response);
      return true;
    };
    for (const ask of [() => s3.place('k').exists(), () => buffer(s3.place('k').read())]) {
      const error = await ask().then(() => assert.fail(String(message)), String);
      assert.match(error, message);
      assert.doesNotMatch(error, /\n/);
    }
  }
});

test('where a bucket is, and what a server says that nobody has advice for, is passed on', async (t) => {
  const s3 = await FakeS3.start(t);
  s3.instead = (_, response) => {
    response.setHeader('x-amz-bucket-region', 'eu-south-2');
    refuse(response, 301, 'PermanentRedirect');
    return true;
  };
  await assert.rejects(s3.place('k').exists(), { message: /the bucket is in region eu-south-2 \(--s3-region/ });
  s3.instead = ({ method }, response) => {
    if (method === 'PUT') refuse(response, 507, 'StorageFull', 'only 3 bytes\n are left');
    return method === 'PUT';
  };
  await assert.rejects(s3.place('k').store(pieces(SMALL), same(SMALL)), {
    message:
      /^storing s3:\/\/bucket\/k: StorageFull \(507\): the S3 server has no room left: .*; it says: only 3 bytes are left$/,
  });
  s3.instead = (_, response) => {
    refuse(response, 400, 'InvalidBucketName', 'The specified bucket is not valid.');
    return true;
  };
  await assert.rejects(s3.place('k').exists(), {
    message: /InvalidBucketName \(400\): it says: The specified bucket is not valid\.$/,
  });
});

test('an endpoint that is no URL and certificates that are none are refused before anything is asked', () => {
  const options = { endpoint: undefined, region: undefined, pathStyle: true, caBundle: undefined };
  const place = (more: Partial<typeof options> | Record<string, string>) =>
    new S3Place('s3://b/k', 'b', 'k', { ...options, ...more });
  for (const endpoint of ['localhost:9000', 'minio', 'ftp://minio', 'https://', 's3://b', 'https://s3.example/?x']) {
    assert.throws(() => place({ endpoint }), { code: 'ZK_CLI_ARGUMENTS', message: /is no URL of an S3 server: write/ });
  }
  for (const caBundle of ['/etc/ca.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', '']) {
    assert.throws(() => place({ caBundle }), { code: 'ZK_CLI_ARGUMENTS', message: /holds no certificates/ });
  }
});
