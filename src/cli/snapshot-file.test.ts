import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { inspectFields, render } from './backup-report.ts';
import { inspect } from './snapshot-file.ts';
import { EMPTY_SNAPSHOT as plain, snapshot } from './testing/snapshots.ts';

const PIECE_BYTES = [1, 7, 100, 1_000_000];

function inspectBytes(bytes: Buffer, pieceBytes: number) {
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, i) =>
    bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes),
  );
  return inspect(ReadableStream.from(pieces), 'f');
}

/** As snappy-java packs it, with nothing but literals. */
function snappy(...parts: readonly Buffer[]): Buffer {
  const header = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
  return Buffer.concat([
    Buffer.from(header),
    ...parts.flatMap((part) => {
      const literal = [
        (part.length & 0x7f) | 0x80,
        part.length >> 7,
        61 << 2,
        (part.length - 1) & 255,
        (part.length - 1) >> 8,
      ];
      return [Buffer.from([0, 0, (part.length + 5) >> 8, (part.length + 5) & 255, ...literal]), part];
    }),
  ]);
}

const halves = [plain.subarray(0, 130), plain.subarray(130)];

test('a snapshot is the same however it is packed, in one part or in several', async () => {
  const { summary } = await inspectBytes(plain, 1000);
  const files = {
    gzip: [gzipSync(plain), Buffer.concat(halves.map((half) => gzipSync(half)))],
    snappy: [snappy(plain), snappy(...halves)],
  };
  for (const [packing, packed] of Object.entries(files)) {
    for (const file of packed) {
      for (const pieceBytes of PIECE_BYTES) {
        const inspected = await inspectBytes(file, pieceBytes);
        assert.deepEqual([inspected.summary, inspected.packing], [summary, packing]);
      }
    }
  }
});

test('a packed snapshot is refused wherever it is changed, cut, or goes on behind its end', async () => {
  for (const packed of [gzipSync(plain), snappy(...halves)]) {
    const isGzip = packed[0] === 0x1f;
    const flipped = [...packed.keys()]
      // Of gzip's header, time, operating system and a hint are nobody's business; of Snappy's stream, the versions.
      .filter((at) => (isGzip ? at < 4 || at > 9 : at < 8 || at > 15))
      .map((at) => packed.with(at, (packed[at] ?? 0) ^ 0x55));
    const cut = [...packed.keys()].map((length) => packed.subarray(0, length));
    const longer = [Buffer.alloc(1000), Buffer.from('something else'), packed].map((more) =>
      Buffer.concat([packed, more]),
    );
    for (const damaged of [...flipped, ...cut, ...longer]) {
      for (const pieceBytes of [100, 1_000_000]) {
        await assert.rejects(inspectBytes(Buffer.from(damaged), pieceBytes), {
          code: 'ZK_SNAPSHOT_CORRUPT',
          message: /^f: /,
        });
      }
    }
  }
});

test('what is in a file, plain or packed; for people and for programs', async () => {
  const bytes = snapshot();
  const [plain, packed] = await Promise.all([inspectBytes(bytes, 1000), inspectBytes(gzipSync(bytes), 1000)]);
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

test('what is cut or changed, packed or not, is refused', async () => {
  const bytes = snapshot();
  const changed = Buffer.from(bytes);
  changed[60] = (changed[60] ?? 0) ^ 1;
  const packed = gzipSync(bytes);
  for (const damaged of [changed, bytes.subarray(0, -1), packed.subarray(0, -9), gzipSync(changed), Buffer.alloc(0)]) {
    await assert.rejects(inspectBytes(damaged, 1000), { code: 'ZK_SNAPSHOT_CORRUPT' });
  }
});
