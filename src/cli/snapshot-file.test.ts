import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { snapshotFile } from '../server/backup/snapshot-stream.ts';
import { createDatabase } from '../server/database/database.ts';
import { inspect } from './snapshot-file.ts';

const plain = Buffer.concat([...snapshotFile(createDatabase({ watchSink: () => undefined }).snapshot())]);
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
