import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { backUp, type BackupOptions } from './backup.ts';
import type { Check, Place } from './place.ts';
import { heard } from './silence.ts';
import type { InspectedFile } from './snapshot-file.ts';
import { servedMember } from './testing/serve.ts';
import { snapshotAt } from './testing/snapshots.ts';

const HEADERS = { 'content-type': 'application/octet-stream' };

async function optionsFor(t: TestContext, silenceMs: number, answer: RequestListener): Promise<BackupOptions> {
  return { servers: await servedMember(t, answer), silenceMs, auth: undefined, resume: false, patienceMs: 0 };
}

/** Keeps what is stored in memory. */
class MemoryPlace implements Place {
  readonly name = 'memory';
  stored = Buffer.alloc(0);

  async store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile> {
    const taken: Uint8Array[] = [];
    for await (const piece of pieces) {
      taken.push(piece);
    }
    this.stored = Buffer.concat(taken);
    return await check(this.read());
  }

  read(): AsyncIterable<Uint8Array> {
    return ReadableStream.from([this.stored]);
  }
  exists = () => Promise.resolve(false);
  describe = () => Promise.resolve();
  removeRemains = () => Promise.resolve();
  remove = () => Promise.resolve();
}

test('who takes its time to store a piece does not take the member for one that says nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const member = new PassThrough();
  const pieces = heard(member, 1000);
  member.write('first');
  assert.equal(String((await pieces.next()).value), 'first');
  t.mock.timers.tick(5000);
  member.write('second');
  assert.equal(String((await pieces.next()).value), 'second');
  const third = pieces.next();
  t.mock.timers.tick(999);
  member.write('third');
  assert.equal(String((await third).value), 'third');
  const never = pieces.next();
  t.mock.timers.tick(1000);
  await assert.rejects(never, /nothing was heard for 1000 ms/);
});

test('a member that stops in the middle is given up, and not waited for', async (t) => {
  const bytes = snapshotAt(1);
  const options = await optionsFor(t, 50, (_, response) => {
    response.writeHead(200, HEADERS).write(bytes.subarray(0, bytes.length - 10));
  });
  await assert.rejects(backUp(new MemoryPlace(), options), {
    code: 'ZK_BACKUP_FAILED',
    message: /nothing was heard for 50 ms/,
  });
});

test('a member that does not answer at all is given up', async (t) => {
  const options = await optionsFor(t, 50, () => undefined);
  await assert.rejects(backUp(new MemoryPlace(), options), {
    code: 'ZK_BACKUP_FAILED',
    message: /no answer from .*nothing was heard for 50 ms/,
  });
});

test('a place that gives back another snapshot than was stored there is not believed', async (t) => {
  const options = await optionsFor(t, 10_000, (_, response) => response.writeHead(200, HEADERS).end(snapshotAt(1)));
  const place = new MemoryPlace();
  place.read = () => ReadableStream.from([snapshotAt(2)]);
  await assert.rejects(backUp(place, options), { code: 'ZK_BACKUP_FAILED', message: /not what was stored there/ });
});
