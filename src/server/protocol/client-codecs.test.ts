import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as connect from './connect.ts';
import * as headers from './headers.ts';
import { JuteReader } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import * as records from './record-codecs.ts';
import * as requests from './requests.ts';
import * as responses from './responses.ts';
import {
  acl,
  bytes,
  create,
  createTtl,
  data,
  exactLong,
  int,
  long,
  path,
  pathVersion,
  pathWatch,
  setData,
  stat,
  statPersisted,
  text,
  texts,
  zxid,
} from './testing/arbitraries.ts';
import { codec, testCodecs } from './testing/codec-properties.ts';
import { fromHex, hex } from './testing/hex.ts';

const readOnly = fc.option(fc.boolean(), { nil: undefined });

const nullableText = fc.option(text, { nil: null });
const setWatches = { relativeZxid: zxid, dataWatches: texts, existWatches: texts, childWatches: texts };

testCodecs([
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
]);

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
