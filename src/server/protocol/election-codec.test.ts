import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import { ElectionStream, decodeNotification, encodeElectionHandshake, encodeNotification } from './election-codec.ts';
import type { ElectionHandshake } from './election-codec.ts';
import type { Notification } from './quorum.ts';
import { exactLong, int, text } from './testing/arbitraries.ts';
import { testCodecs, wholeCodec } from './testing/codec-properties.ts';

const NOTIFICATION: Notification = {
  state: 0,
  leader: 3,
  zxid: 0x2_0000_0001,
  electionEpoch: 4,
  peerEpoch: 2,
  config: 'server.1=a:1:2:participant',
  nextConfig: '',
};

testCodecs([
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
]);

function recorder() {
  const handshakes: ElectionHandshake[] = [];
  const notifications: Notification[] = [];
  return {
    handshakes,
    notifications,
    sink: {
      handshake: (handshake: ElectionHandshake) => void handshakes.push(handshake),
      notification: (notification: Notification) => void notifications.push(notification),
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('handshakes of one and of several addresses', () => {
  const one = encodeElectionHandshake({ serverId: 2, addresses: [{ host: 'zk-1', port: 3888 }] });
  assert.equal(hex(one), hex(fromHex('ffffffffffff0000 0000000000000002 00000009 7a6b2d313a33383838')));
  const two = {
    serverId: 2,
    addresses: [
      { host: '10.0.0.1', port: 1 },
      { host: 'fe80::1', port: 65535 },
    ],
  };
  const bytes = encodeElectionHandshake(two);
  assert.equal(hex(bytes.subarray(0, 8)), 'ffffffffffff0001');
  const { handshakes, sink } = recorder();
  const stream = new ElectionStream(sink, true);
  for (const byte of bytes) stream.push(new Uint8Array([byte]));
  assert.deepEqual(handshakes, [two]);
});

test('a server before 3.5 sends only its id', () => {
  const { handshakes, notifications, sink } = recorder();
  const stream = new ElectionStream(sink, true);
  stream.push(fromHex('0000000000000005'));
  stream.push(encodeNotification(NOTIFICATION));
  assert.deepEqual(handshakes, [{ serverId: 5, addresses: [] }]);
  assert.deepEqual(notifications, [NOTIFICATION]);
});

test('handshakes that cannot be', () => {
  for (const text of [
    'ffffffffffff0002 0000000000000002 00000001 61',
    'ffffffffffff0000 0000000000000002 00000000',
    'ffffffffffff0000 0000000000000002 00000801',
    'ffffffffffff0000 0000000000000002 00000003 612d62',
  ]) {
    const stream = new ElectionStream(recorder().sink, true);
    assert.throws(() => stream.push(fromHex(text)), { code: 'ZK_FRAME_MALFORMED' });
  }
});

test('messages without epoch, version and configuration', () => {
  const old = fromHex('00000002 0000000000000003 0000000200000001 0000000000000004');
  assert.deepEqual(decodeNotification(old), { ...NOTIFICATION, state: 2, config: '' });
  const newer = fromHex('00000002 0000000000000003 0000000200000001 0000000000000004 0000000000000007');
  assert.deepEqual(decodeNotification(newer.slice(0, 36)), { ...NOTIFICATION, state: 2, peerEpoch: 7, config: '' });
});

test('a configuration that is under way comes behind what ZooKeeper reads', () => {
  const notification = { ...NOTIFICATION, nextConfig: 'server.2=b:1:2:participant' };
  const bytes = encodeNotification(notification).subarray(4);
  assert.deepEqual(decodeNotification(bytes), notification);
  const whatZooKeeperReads = encodeNotification(NOTIFICATION).subarray(4);
  assert.equal(hex(bytes.subarray(0, whatZooKeeperReads.length)), hex(whatZooKeeperReads));
});

test('a server that proposes nobody says -2^63 throughout', () => {
  const nobody = { ...NOTIFICATION, leader: -(2 ** 63), zxid: -(2 ** 63), peerEpoch: -(2 ** 63) };
  assert.deepEqual(decodeNotification(encodeNotification(nobody).subarray(4)), nobody);
});

test('changed bytes give messages or a coded error', () => {
  const good = new Uint8Array([
    ...encodeElectionHandshake({ serverId: 2, addresses: [{ host: 'zk-1', port: 3888 }] }),
    ...encodeNotification(NOTIFICATION),
    ...encodeNotification(NOTIFICATION),
  ]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(50),
      (changes, cut) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        const stream = new ElectionStream(recorder().sink, true);
        try {
          stream.push(bytes.slice(0, cut));
          stream.push(bytes.slice(cut));
        } catch (error) {
          assert.ok(error instanceof CodedError, String(error));
          assert.equal(error.code, 'ZK_FRAME_MALFORMED');
        }
      },
    ),
    { numRuns: 1000 },
  );
});
