import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as quorum from './quorum-codec.ts';
import { bytes, data, exactLong, int, long, text, zxid } from './testing/arbitraries.ts';
import { codec, testCodecs, wholeCodec } from './testing/codec-properties.ts';
import { fromHex } from './testing/hex.ts';

testCodecs([
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
]);

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
