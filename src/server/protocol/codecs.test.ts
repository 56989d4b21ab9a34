import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import * as connect from './connect.ts';
import { decodeNotification, encodeNotification } from './election-codec.ts';
import * as headers from './headers.ts';
import { JuteReader } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import * as multi from './multi.ts';
import { OpCode } from './opcodes.ts';
import * as quorum from './quorum-codec.ts';
import * as records from './record-codecs.ts';
import * as requests from './requests.ts';
import * as responses from './responses.ts';
import { decodeLogEntry, encodeLogEntry } from './transaction-codec.ts';
import type { Txn, TxnHeader } from './transactions.ts';

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const exactLong = fc.oneof(
  fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
  fc.constantFrom(0, -1, -(2 ** 63), -(2 ** 53), 2 ** 32, -(2 ** 32), 0x5_0000_0001),
);
const zxid = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const text = fc.string({ unit: 'binary', maxLength: 30 });
const path = fc.oneof(text, fc.constantFrom('/', '/a', '/zookeeper/config', '/ä/日本', '/x'.repeat(200)));
const bytes = fc.uint8Array({ maxLength: 40 });
const data = fc.option(bytes, { nil: null });
const nullableText = fc.option(text, { nil: null });
const acl = fc.array(fc.record({ perms: int, scheme: text, id: text }), { maxLength: 3 });
const texts = fc.array(text, { maxLength: 4 });
const stat = fc.record({
  czxid: zxid,
  mzxid: zxid,
  ctimeMs: exactLong,
  mtimeMs: exactLong,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: zxid,
});
const statPersisted = stat.map(({ dataLength: _d, numChildren: _n, ...rest }) => rest);
const readOnly = fc.option(fc.boolean(), { nil: undefined });

const create = { path, data, acl, flags: int };
const createTtl = { ...create, ttlMs: zxid };
const pathVersion = { path, version: int };
const pathWatch = { path, watch: fc.boolean() };
const setData = { path, data, version: int };
const setWatches = { relativeZxid: zxid, dataWatches: texts, existWatches: texts, childWatches: texts };

const of = <T extends number>(...types: T[]) => fc.constantFrom(...types);

const multiOperation: fc.Arbitrary<multi.MultiOperation> = fc.oneof(
  fc.record({ type: of(OpCode.create, OpCode.create2, OpCode.createContainer), ...create }),
  fc.record({ type: of(OpCode.createTTL), ...createTtl }),
  fc.record({ type: of(OpCode.delete, OpCode.check), ...pathVersion }),
  fc.record({ type: of(OpCode.setData), ...setData }),
  fc.record({ type: of(OpCode.getData, OpCode.getChildren), ...pathWatch }),
);
const multiResult: fc.Arbitrary<multi.MultiResult> = fc.oneof(
  fc.record({ type: of(OpCode.create), path }),
  fc.record({ type: of(OpCode.create2), path, stat }),
  fc.record({ type: of(OpCode.delete, OpCode.check) }),
  fc.record({ type: of(OpCode.setData), stat }),
  fc.record({ type: of(OpCode.getData), data, stat }),
  fc.record({ type: of(OpCode.getChildren), children: texts }),
  fc.record({ type: of(OpCode.error), error: int }),
);
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

/** One kind of record: how it is made, written and read. */
interface Codec {
  readonly name: string;
  readonly value: fc.Arbitrary<unknown>;
  readonly write: (writer: JuteWriter, value: unknown) => void;
  readonly read: (reader: JuteReader) => unknown;
}

function codec<T>(
  name: string,
  value: fc.Arbitrary<T>,
  write: (writer: JuteWriter, value: T) => void,
  read: (reader: JuteReader) => unknown,
): Codec {
  return { name, value, write: (writer, v) => write(writer, v as T), read };
}

/** A codec of bytes that stand alone. */
function wholeCodec<T>(
  name: string,
  value: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Codec {
  return codec(
    name,
    value,
    (writer, v) => writer.writeRaw(encode(v)),
    (reader) => decode(reader.readRaw(reader.remaining)),
  );
}

const entry = fc.tuple(txn, digest, fc.record({ sessionId: long, cxid: int, zxid, timeMs: exactLong }));

const codecs: readonly Codec[] = [
  codec(
    'ConnectRequest',
    fc.record({ protocolVersion: int, lastZxidSeen: zxid, timeoutMs: int, sessionId: long, password: bytes, readOnly }),
    connect.writeConnectRequest,
    connect.readConnectRequest,
  ),
  codec(
    'ConnectResponse',
    fc.record({ protocolVersion: int, timeoutMs: int, sessionId: long, password: bytes, readOnly }),
    connect.writeConnectResponse,
    connect.readConnectResponse,
  ),
  codec(
    'RequestHeader',
    fc.record({ xid: int, type: int }),
    (w, h) => headers.writeRequestHeader(w, h.xid, h.type),
    headers.readRequestHeader,
  ),
  codec(
    'ReplyHeader',
    fc.record({ xid: int, zxid: exactLong, error: int }),
    (w, h) => headers.writeReplyHeader(w, h.xid, h.zxid, h.error),
    headers.readReplyHeader,
  ),
  codec('CreateRequest', fc.record(create), requests.writeCreateRequest, requests.readCreateRequest),
  codec('CreateTTLRequest', fc.record(createTtl), requests.writeCreateTtlRequest, requests.readCreateTtlRequest),
  codec('DeleteRequest', fc.record(pathVersion), requests.writePathVersionRequest, requests.readPathVersionRequest),
  codec('GetDataRequest', fc.record(pathWatch), requests.writePathWatchRequest, requests.readPathWatchRequest),
  codec('SyncRequest', fc.record({ path }), requests.writePathRequest, requests.readPathRequest),
  codec('SetDataRequest', fc.record(setData), requests.writeSetDataRequest, requests.readSetDataRequest),
  codec(
    'SetACLRequest',
    fc.record({ path, acl, version: int }),
    requests.writeSetAclRequest,
    requests.readSetAclRequest,
  ),
  codec(
    'ReconfigRequest',
    fc.record({
      joiningServers: nullableText,
      leavingServers: nullableText,
      newMembers: nullableText,
      configVersion: zxid,
    }),
    requests.writeReconfigRequest,
    requests.readReconfigRequest,
  ),
  codec(
    'AuthPacket',
    fc.record({ type: int, scheme: text, auth: data }),
    requests.writeAuthPacket,
    requests.readAuthPacket,
  ),
  codec('SetSASLRequest', fc.record({ token: data }), requests.writeSaslToken, requests.readSaslToken),
  codec(
    'SetWatches',
    fc.record({ ...setWatches, persistentWatches: fc.constant([]), persistentRecursiveWatches: fc.constant([]) }),
    requests.writeSetWatchesRequest,
    requests.readSetWatchesRequest,
  ),
  codec(
    'SetWatches2',
    fc.record({ ...setWatches, persistentWatches: texts, persistentRecursiveWatches: texts }),
    requests.writeSetWatches2Request,
    requests.readSetWatches2Request,
  ),
  codec('AddWatchRequest', fc.record({ path, kind: int }), requests.writeWatchRequest, requests.readWatchRequest),
  codec('Stat', stat, records.writeStat, records.readStat),
  codec('StatPersisted', statPersisted, records.writeStatPersisted, records.readStatPersisted),
  codec('ACL', acl, records.writeAcl, records.readAcl),
  codec('CreateResponse', path, responses.writePathResponse, responses.readPathResponse),
  codec('Create2Response', fc.record({ path, stat }), responses.writeCreate2Response, responses.readCreate2Response),
  codec('GetDataResponse', fc.record({ data, stat }), responses.writeGetDataResponse, responses.readGetDataResponse),
  codec('GetACLResponse', fc.record({ acl, stat }), responses.writeGetAclResponse, responses.readGetAclResponse),
  codec('GetChildrenResponse', texts, responses.writeStringsResponse, responses.readStringsResponse),
  codec(
    'GetChildren2Response',
    fc.record({ children: texts, stat }),
    responses.writeGetChildren2Response,
    responses.readGetChildren2Response,
  ),
  codec('ErrorResponse', int, responses.writeIntResponse, responses.readIntResponse),
  codec(
    'WatcherEvent',
    fc.record({ type: int, state: int, path }),
    responses.writeWatcherEvent,
    responses.readWatcherEvent,
  ),
  codec(
    'WhoAmIResponse',
    fc.array(fc.record({ scheme: text, user: text }), { maxLength: 3 }),
    responses.writeWhoAmIResponse,
    responses.readWhoAmIResponse,
  ),
  codec('MultiRequest', fc.array(multiOperation, { maxLength: 4 }), multi.writeMultiRequest, multi.readMultiRequest),
  codec('MultiResponse', fc.array(multiResult, { maxLength: 4 }), multi.writeMultiResponse, multi.readMultiResponse),
  wholeCodec(
    'log entry',
    entry.map(([txn, digest, rest]) => ({ header: { ...rest, type: txn.type } satisfies TxnHeader, txn, digest })),
    ({ header, txn, digest }) => encodeLogEntry(header, txn, digest).bytes,
    decodeLogEntry,
  ),
  codec(
    'QuorumPacket',
    fc.record({
      type: int,
      zxid: exactLong,
      data,
      authinfo: fc.option(fc.array(fc.record({ scheme: text, id: text }), { maxLength: 3 }), { nil: null }),
    }),
    quorum.writeQuorumPacket,
    quorum.readQuorumPacket,
  ),
  wholeCodec(
    'LearnerInfo',
    fc.record({ serverId: zxid, protocolVersion: int, configVersion: zxid }),
    quorum.encodeLearnerInfo,
    quorum.decodeLearnerInfo,
  ),
  wholeCodec(
    'REQUEST data',
    fc.record({ sessionId: long, cxid: int, type: int, body: bytes }),
    quorum.encodeForwardedRequest,
    quorum.decodeForwardedRequest,
  ),
  wholeCodec(
    'PING data',
    fc.array(fc.record({ sessionId: long, timeoutMs: int }), { maxLength: 4 }),
    quorum.encodeTouchedSessions,
    quorum.decodeTouchedSessions,
  ),
  wholeCodec(
    'REVALIDATE request',
    fc.record({ sessionId: long, timeoutMs: int }),
    quorum.encodeRevalidateRequest,
    quorum.decodeRevalidateRequest,
  ),
  wholeCodec(
    'REVALIDATE response',
    fc.record({ sessionId: long, valid: fc.boolean() }),
    quorum.encodeRevalidateResponse,
    quorum.decodeRevalidateResponse,
  ),
  wholeCodec(
    'INFORMANDACTIVATE data',
    fc.record({ leader: zxid, proposal: bytes }),
    (v) => quorum.encodeDesignatedLeader(v.leader, v.proposal),
    quorum.decodeDesignatedLeader,
  ),
  wholeCodec('int data', int, quorum.encodeInt, quorum.decodeInt),
  wholeCodec(
    'ACKEPOCH data',
    fc.record({ currentEpoch: int, snapshotZxid: zxid }),
    quorum.encodeEpochAck,
    quorum.decodeEpochAck,
  ),
  wholeCodec(
    'election message',
    fc.record({
      state: int,
      leader: exactLong,
      zxid: exactLong,
      electionEpoch: exactLong,
      peerEpoch: exactLong,
      config: text,
      nextConfig: text,
    }),
    (value) => encodeNotification(value).subarray(4),
    decodeNotification,
  ),
];

/** fast-check's records have no prototype, and views are not arrays of their own: compare what they hold. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

/** The only error that a decoder may throw. */
function expectCoded(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof CodedError, `${String(error)} is not a coded error`);
    assert.equal(error.code, 'ZK_FRAME_MALFORMED');
  }
}

for (const { name, value, write, read } of codecs) {
  test(`${name}: what was written is read again, with nothing left over`, () => {
    fc.assert(
      fc.property(value, (v) => {
        const writer = new JuteWriter(1);
        write(writer, v);
        const reader = new JuteReader(writer.copy());
        assert.deepEqual(plain(read(reader)), plain(v));
        assert.equal(reader.remaining, 0);
      }),
    );
  });

  test(`${name}: cut or changed bytes give a value or a coded error`, () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (v, cut, changes) => {
        const writer = new JuteWriter();
        write(writer, v);
        const changed = writer.copy();
        if (changed.length === 0) return;
        for (const [at, byte] of changes) changed[at % changed.length] = byte;
        expectCoded(() => read(new JuteReader(changed)));
        expectCoded(() => read(new JuteReader(changed.subarray(0, cut % changed.length))));
      }),
    );
  });
}

test('random bytes are a value or a coded error', () => {
  fc.assert(
    fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 120 }), ({ read }, noise) => {
      expectCoded(() => read(new JuteReader(noise)));
    }),
    { numRuns: 2000 },
  );
});

const hex = (view: Uint8Array): string => Buffer.from(view).toString('hex');
const fromHex = (...parts: string[]): Uint8Array =>
  new Uint8Array(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));

test('a ConnectRequest without the read-only flag, as kazoo of old sends it', () => {
  const bytes = fromHex('00000000', '0000000500000007', '00002710', '0100000000000abc', '00000002 beef');
  assert.deepEqual(connect.readConnectRequest(new JuteReader(bytes)), {
    protocolVersion: 0,
    lastZxidSeen: 0x5_0000_0007,
    timeoutMs: 10_000,
    sessionId: 0x0100000000000abcn,
    password: new Uint8Array([0xbe, 0xef]),
    readOnly: undefined,
  });
});

test('the bytes of a getData reply', () => {
  const writer = new JuteWriter();
  const mark = writer.beginLength();
  headers.writeReplyHeader(writer, 7, 0x1_0000_0002, 0);
  responses.writeGetDataResponse(writer, {
    data: new Uint8Array([0x68, 0x69]),
    stat: {
      czxid: 1,
      mzxid: 0x1_0000_0002,
      ctimeMs: 1_700_000_000_000,
      mtimeMs: 1_700_000_000_001,
      version: 3,
      cversion: -1,
      aversion: 0,
      ephemeralOwner: -1n,
      dataLength: 2,
      numChildren: 0,
      pzxid: 1,
    },
  });
  writer.endLength(mark);
  assert.equal(
    hex(writer.view()),
    hex(
      fromHex(
        '0000005a 00000007 0000000100000002 00000000 00000002 6869',
        '0000000000000001 0000000100000002 0000018bcfe56800 0000018bcfe56801',
        '00000003 ffffffff 00000000 ffffffffffffffff 00000002 00000000 0000000000000001',
      ),
    ),
  );
});

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

test('old learners send less of their LearnerInfo', () => {
  assert.deepEqual(quorum.decodeLearnerInfo(fromHex('0000000000000003')), {
    serverId: 3,
    protocolVersion: 1,
    configVersion: 0,
  });
  assert.deepEqual(quorum.decodeLearnerInfo(fromHex('0000000000000003 00010000')), {
    serverId: 3,
    protocolVersion: 0x10000,
    configVersion: 0,
  });
});

test('a length or a count that cannot be is refused before anything is allocated', () => {
  assert.throws(() => new JuteReader(fromHex('7fffffff')).readBuffer(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('fffffffe')).readString(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('7fffffff 00000000')).readStrings(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('0020000000000000')).readExactLong(), { code: 'ZK_FRAME_MALFORMED' });
  assert.equal(new JuteReader(fromHex('8000000000000000')).readExactLong(), -(2 ** 63));
});
