import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { backUp } from './backup.ts';
import { FilePlace } from './file-place.ts';
import type { Check, Place } from './place.ts';
import { inspect, type InspectedFile } from './snapshot-file.ts';
import { FakeS3, refuse } from './testing/fake-s3.ts';
import { scratch } from './testing/scratch.ts';
import { served, servedMember } from './testing/serve.ts';
import { snapshot } from './testing/snapshots.ts';

function inspectFile(file: string) {
  return inspect(new FilePlace(file).read(), file);
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

test('backup: the file appears whole and sound, with the identity in the header, and replaces none', async (t) => {
  const directory = await scratch(t);
  const asked: unknown[] = [];
  const server = await served(t, (request, response) => {
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

test('backup: whatever goes wrong on the way leaves nothing', async (t) => {
  const directory = await scratch(t);
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
    const server = await served(t, answer);
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

test('backup: of several members the one that is best asked, and the next where one gives none', async (t) => {
  const directory = await scratch(t);
  const asked: string[] = [];
  const member = async (name: string, status: object | undefined, code: number) =>
    await served(t, (request, response) => {
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

test('backup: a member that is killed in the middle, or says nothing more, leaves nothing, and is told of', async (t) => {
  const directory = await scratch(t);
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
    const servers = await servedMember(t, (_, response) => {
      giving = response;
      response.writeHead(200, HEADERS).write(beginning);
    });
    const place = new TellingPlace(join(directory, 'f'), () => end(giving));
    await assert.rejects(backUp(place, { ...OPTIONS, servers, silenceMs }), { code: 'ZK_BACKUP_FAILED', message });
    assert.deepEqual(await readdir(directory), []);
  }
});

test('backup: members that each gave a snapshot a short time ago are waited for, as long as they say and it may take', async (t) => {
  const directory = await scratch(t);
  let asked = 0;
  const refuseOnce = await servedMember(t, (_, response) => {
    asked++;
    if (asked > 1) response.writeHead(200, HEADERS).end(snapshot());
    else response.writeHead(429, { 'retry-after': '0.01' }).end('{"error":"too many snapshots"}');
  });
  const down = await served(t, (_, response) => void response.writeHead(503).end());
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

test('backup: resumed, what is there is verified and not replaced, and what a killed attempt left is gone', async (t) => {
  const directory = await scratch(t);
  const file = join(directory, 'f.gz');
  const server = await served(t, (_, response) => void response.writeHead(200, HEADERS).end(snapshot()));
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

test('backup: no member is asked for what cannot be stored, since it gives another one only minutes later', async (t) => {
  const directory = await scratch(t);
  let asked = 0;
  const servers = await servedMember(t, (_, response) => {
    asked++;
    response.writeHead(200, HEADERS).end(snapshot());
  });
  await writeFile(join(directory, 'there'), '');
  const s3 = await FakeS3.start(t);
  s3.instead = (_, response) => {
    refuse(response, 403, 'InvalidAccessKeyId');
    return true;
  };
  const places: readonly [Place, RegExp][] = [
    [new FilePlace(join(directory, 'there')), /exists and is left as it is/],
    [new FilePlace(join(directory, 'there', 'f')), /ENOTDIR/],
    [new FilePlace(join('/proc', 'f')), /storing \/proc\/f: /],
    [s3.place('k'), /the access key is not known there/],
  ];
  for (const [place, message] of places) {
    await assert.rejects(backUp(place, { ...OPTIONS, servers }), { code: 'ZK_BACKUP_FAILED', message });
  }
  await assert.rejects(backUp(new FilePlace(join(directory, 'f')), { ...OPTIONS, servers: `${servers},zoo2` }), {
    code: 'ZK_CLI_ARGUMENTS',
  });
  assert.equal(asked, 0);
});
