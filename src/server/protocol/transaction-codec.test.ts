import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OpCode } from './opcodes.ts';
import { decodeLogEntry, encodeLogEntry } from './transaction-codec.ts';
import type { Txn, TxnHeader } from './transactions.ts';
import { acl, data, exactLong, int, long, of, path, text, zxid } from './testing/arbitraries.ts';
import { testCodecs, wholeCodec } from './testing/codec-properties.ts';
import { fromHex, hex } from './testing/hex.ts';

const simpleTxn: fc.Arbitrary<Txn> = fc.oneof(
  fc.record({
    type: of(OpCode.create, OpCode.create2),
    path,
    data,
    acl,
    ephemeral: fc.boolean(),
    parentCVersion: int,
  }),
  fc.record({ type: of(OpCode.createContainer), path, data, acl, parentCVersion: int }),
  fc.record({ type: of(OpCode.createTTL), path, data, acl, parentCVersion: int, ttlMs: zxid }),
  fc.record({ type: of(OpCode.delete, OpCode.deleteContainer), path }),
  fc.record({ type: of(OpCode.setData, OpCode.reconfig), path, data, version: int }),
  fc.record({ type: of(OpCode.setACL), path, acl, version: int }),
  fc.record({ type: of(OpCode.createSession), timeoutMs: int }),
  fc.record({ type: of(OpCode.error), error: int }),
);
const check = fc.record({ type: of(OpCode.check), path, version: int });
const absolutePath = text.map((t) => `/${t}`);
const txn: fc.Arbitrary<Txn> = fc.oneof(
  simpleTxn,
  fc.record({
    type: of(OpCode.closeSession),
    paths: fc.option(fc.array(absolutePath, { maxLength: 3 }), { nil: null }),
  }),
  fc.record({ type: of(OpCode.multi), parts: fc.array(fc.oneof(simpleTxn, check), { maxLength: 4 }) }),
);
const digest = fc.option(fc.record({ version: fc.constant(2), treeDigest: long }), { nil: undefined });
const entry = fc.tuple(txn, digest, fc.record({ sessionId: long, cxid: int, zxid, timeMs: exactLong }));

testCodecs([
  wholeCodec(
    'log entry',
    entry.map(([txn, digest, rest]) => ({ header: { ...rest, type: txn.type } satisfies TxnHeader, txn, digest })),
    ({ header, txn, digest }) => encodeLogEntry(header, txn, digest).bytes,
    decodeLogEntry,
  ),
]);

test('the bytes of a create transaction with its digest', () => {
  const { bytes, zxid } = encodeLogEntry(
    { sessionId: 0x0200000000000001n, cxid: 1, zxid: 0x1_0000_0001, timeMs: 2, type: OpCode.create },
    {
      type: OpCode.create,
      path: '/a',
      data: null,
      acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
      ephemeral: true,
      parentCVersion: 1,
    },
    { version: 2, treeDigest: 0x1234n },
  );
  assert.equal(zxid, 0x1_0000_0001);
  assert.equal(
    hex(bytes),
    hex(
      fromHex(
        '0200000000000001 00000001 0000000100000001 0000000000000002 00000001',
        '00000002 2f61 ffffffff 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 01 00000001',
        '00000002 0000000000001234',
      ),
    ),
  );
});

test('a create of ZooKeeper 3.3 has no parentCVersion', () => {
  const header = '0200000000000001 00000001 0000000100000001 0000000000000002 00000001';
  const { txn } = decodeLogEntry(fromHex(header, '00000002 2f61 00000000 00000000 00'));
  assert.ok(txn.type === OpCode.create);
  assert.equal(txn.parentCVersion, -1);
});

test('a closeSession without a list of paths, with and without a digest', () => {
  const header = '0200000000000001 00000001 0000000100000001 0000000000000002 fffffff5';
  assert.deepEqual(decodeLogEntry(fromHex(header)).txn, { type: OpCode.closeSession, paths: null });
  const withDigest = decodeLogEntry(fromHex(header, '00000002 0000000000001234'));
  assert.deepEqual(withDigest.txn, { type: OpCode.closeSession, paths: null });
  assert.equal(withDigest.digest?.treeDigest, 0x1234n);
  const shortPath = decodeLogEntry(fromHex(header, '00000001 00000004 2f616263'));
  assert.deepEqual(shortPath.txn, { type: OpCode.closeSession, paths: ['/abc'] });
});

test('a multi transaction cannot nest, and a check cannot stand alone', () => {
  const header = '0000000000000000 00000000 0000000000000001 0000000000000000';
  assert.throws(() => decodeLogEntry(fromHex(header, '0000000e 00000001 0000000e 00000004 00000000')), {
    code: 'ZK_FRAME_MALFORMED',
  });
  assert.throws(() => decodeLogEntry(fromHex(header, '0000000d 00000001 2f 00000000')), { code: 'ZK_FRAME_MALFORMED' });
});
