import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { makeZxid } from '../../../common/zxid.ts';
import { adler32 } from './adler32.ts';
import { decodeEpoch, encodeEpoch } from './epoch-format.ts';
import { installingFiles, isLeftover, logFiles, logName, snapshotFiles, snapshotName } from './file-names.ts';
import { followsInLog } from './log-format.ts';
import { SnapshotDecoder, SnapshotEncoder } from './snapshot-format.ts';
import { SnappyStream, unpackSnappyStream } from './snappy.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('Adler-32', () => {
  it('is that of RFC 1950', () => {
    assert.equal(adler32(new Uint8Array(0)), 1);
    assert.equal(adler32(bytesOf('Wikipedia')), 0x11e60398);
    assert.equal(adler32(new Uint8Array(100_000).fill(255)), naiveAdler32(new Uint8Array(100_000).fill(255)));
  });

  it('goes on where it ended', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000, size: 'max' }), fc.nat(9000), (bytes, cut) => {
        assert.equal(adler32(bytes.subarray(cut), adler32(bytes.subarray(0, cut))), naiveAdler32(bytes));
      }),
    );
  });
});

function naiveAdler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

describe('file names', () => {
  it('are those of ZooKeeper, sorted by zxid', () => {
    const names = ['log.a', 'log.9', 'log.100000001', 'snapshot.0', 'snapshot.2.gz', 'snapshot.10.snappy', 'myid'];
    assert.deepEqual(
      logFiles(names).map(({ name }) => name),
      ['log.9', 'log.a', 'log.100000001'],
    );
    assert.deepEqual(snapshotFiles(names), [
      { name: 'snapshot.10.snappy', zxid: 16, packing: 'snappy' },
      { name: 'snapshot.2.gz', zxid: 2, packing: 'gzip' },
      { name: 'snapshot.0', zxid: 0, packing: 'plain' },
    ]);
    assert.equal(logName(makeZxid(3, 5)), 'log.300000005');
    assert.equal(snapshotName(makeZxid(3, 5)), 'snapshot.300000005');
  });

  it('that are not quite those are left alone', () => {
    const names = ['log.', 'log.x', 'log.1.chopped', 'snapshot.1.tmp', 'snapshot', 'log.ffffffffffffffff', 'Log.1'];
    assert.deepEqual(logFiles(names), []);
    assert.deepEqual(snapshotFiles(names), []);
    assert.deepEqual(installingFiles(names), []);
    assert.deepEqual(names.filter(isLeftover), ['snapshot.1.tmp']);
  });
});

describe('epochs', () => {
  it('come back', () => {
    for (const epoch of [0, 7, 2 ** 21 - 1]) assert.equal(decodeEpoch('currentEpoch', encodeEpoch(epoch)), epoch);
    assert.equal(decodeEpoch('currentEpoch', bytesOf('12\n')), 12);
  });

  it('are refused where they are none', () => {
    for (const text of ['', '-1', '1x', '99999999', '0x2', ' ']) {
      assert.throws(() => decodeEpoch('currentEpoch', bytesOf(text)), { code: 'ZK_EPOCH_CORRUPT' });
    }
  });
});

describe('the order of a log', () => {
  it('is the next counter, or the first of any later epoch', () => {
    assert.ok(followsInLog(0, 1));
    assert.ok(followsInLog(0, makeZxid(4, 1)));
    assert.ok(followsInLog(makeZxid(2, 0), makeZxid(2, 1)));
    assert.ok(followsInLog(makeZxid(2, 9), makeZxid(5, 1)));
    for (const next of [makeZxid(2, 9), makeZxid(2, 11), makeZxid(3, 2), makeZxid(3, 0), makeZxid(1, 1)]) {
      assert.ok(!followsInLog(makeZxid(2, 9), next));
    }
  });
});

describe('snapshots', () => {
  it('come back, in pieces of whatever size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array()),
        fc.integer({ min: 1, max: 300 }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (chunks, piece, digest) => {
          const encoder = new SnapshotEncoder();
          const zxid = makeZxid(2, 7);
          const parts = [
            encoder.header(),
            ...chunks.map((chunk) => encoder.body(chunk)),
            encoder.trailer(zxid, digest),
          ];
          const file = Buffer.concat(parts);
          const body: Uint8Array[] = [];
          const decoder = new SnapshotDecoder('snapshot.200000007', (bytes) => body.push(bytes.slice()));
          for (let at = 0; at < file.length; at += piece) decoder.push(file.subarray(at, at + piece));
          assert.deepEqual(decoder.end(), { digest: { zxid, value: digest }, zxid });
          assert.deepEqual(Buffer.concat(body), Buffer.concat(chunks));
        },
      ),
    );
  });
});

describe('Snappy', () => {
  const magic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
  const stream = (...blocks: number[][]): Uint8Array =>
    Uint8Array.from(
      magic.concat(...blocks.map((block) => [0, 0, block.length >> 8, block.length & 255].concat(block))),
    );

  it('unpacks literals and all kinds of copies', () => {
    const abcd = [0x61, 0x62, 0x63, 0x64];
    // "abcd", copy of 4 from 4 back (one byte), copy of 3 from 8 back (two bytes), of 2 from 1 back (four bytes)
    const block = [13, 3 << 2, ...abcd, 0b000_000_01, 4, (2 << 2) | 2, 8, 0, (1 << 2) | 3, 1, 0, 0, 0];
    const longLiteral = [70, 60 << 2, 69, ...Array.from({ length: 70 }, () => 0x78)];
    const unpacked = new TextDecoder().decode(unpackSnappyStream(stream(block, longLiteral)));
    assert.equal(unpacked, `abcdabcdabccc${'x'.repeat(70)}`);
  });

  it('unpacks pieces of any size', () => {
    const literal = [4, 3 << 2, 0x61, 0x62, 0x63, 0x64];
    const packed = stream(literal, literal);
    for (let pieceBytes = 1; pieceBytes <= packed.length; pieceBytes++) {
      let unpacked = '';
      const unpacker = new SnappyStream((block) => (unpacked += new TextDecoder().decode(block)));
      for (let at = 0; at < packed.length; at += pieceBytes) unpacker.push(packed.subarray(at, at + pieceBytes));
      unpacker.end();
      assert.equal(unpacked, 'abcdabcd');
    }
  });

  it('refuses what is damaged, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (block) => {
        try {
          unpackSnappyStream(stream([...block]));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ZK_SNAPSHOT_CORRUPT');
        }
      }),
    );
    assert.throws(() => unpackSnappyStream(bytesOf('not Snappy')), { code: 'ZK_SNAPSHOT_CORRUPT' });
  });
});
