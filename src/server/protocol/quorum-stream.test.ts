import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import { JuteWriter } from './jute-writer.ts';
import { PacketType, SNAPSHOT_SIGNATURE } from './quorum.ts';
import type { QuorumPacket } from './quorum.ts';
import { writeQuorumPacket } from './quorum-codec.ts';
import { QuorumPacketStream } from './quorum-stream.ts';
import { writeAcl, writeStatPersisted } from './record-codecs.ts';

interface SnapshotShape {
  readonly sessions: number;
  readonly acls: readonly (readonly { perms: number; scheme: string; id: string }[])[];
  readonly znodes: readonly { path: string; data: Uint8Array | null }[];
}

const STAT = {
  czxid: 1,
  mzxid: 2,
  ctimeMs: 3,
  mtimeMs: 4,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: 0n,
  pzxid: 8,
};

function writeSnapshot(writer: JuteWriter, { sessions, acls, znodes }: SnapshotShape): void {
  writer.writeInt(sessions);
  for (let i = 0; i < sessions; i++) {
    writer.writeLong(BigInt(i));
    writer.writeInt(4000);
  }
  writer.writeInt(acls.length);
  for (const [index, acl] of acls.entries()) {
    writer.writeLong(BigInt(index));
    writeAcl(writer, acl);
  }
  for (const { path, data } of [{ path: '', data: null }, ...znodes]) {
    writer.writeString(path);
    writer.writeBuffer(data);
    writer.writeLong(1n);
    writeStatPersisted(writer, STAT);
  }
  writer.writeString('/');
}

const text = fc.string({ maxLength: 12 });
const snapshot: fc.Arbitrary<SnapshotShape> = fc.record({
  sessions: fc.nat(4),
  acls: fc.array(fc.array(fc.record({ perms: fc.nat(31), scheme: text, id: text }), { maxLength: 3 }), {
    maxLength: 3,
  }),
  znodes: fc.array(
    fc.record({
      path: fc.string({ minLength: 1, maxLength: 12 }).map((name) => `/${name}`),
      data: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: null }),
    }),
    { maxLength: 5 },
  ),
});
const packet: fc.Arbitrary<QuorumPacket> = fc.record({
  type: fc.constantFrom(PacketType.proposal, PacketType.commit, PacketType.ping, PacketType.diff, PacketType.request),
  zxid: fc.integer({ min: -1, max: 2 ** 53 - 1 }),
  data: fc.option(fc.uint8Array({ maxLength: 60 }), { nil: null }),
  authinfo: fc.option(fc.array(fc.record({ scheme: text, id: text }), { maxLength: 3 }), { nil: null }),
});
/** A packet, or a SNAP packet and its snapshot. */
const item = fc.oneof({ weight: 4, arbitrary: packet }, { weight: 1, arbitrary: snapshot });
const SNAP: QuorumPacket = { type: PacketType.snap, zxid: 9, data: null, authinfo: null };

type Seen = { readonly packet: string } | { readonly snapshot: string };

const showPacket = (p: QuorumPacket): string =>
  JSON.stringify({ ...p, data: p.data === null ? null : [...p.data], authinfo: p.authinfo });

/** Records what a stream finds. Pieces are only joined at the end, which shows whether their memory stays theirs. */
function recorder() {
  const seen: Seen[] = [];
  let pieces: Uint8Array[] = [];
  return {
    seen,
    sink: {
      packet: (p: QuorumPacket) => void seen.push({ packet: showPacket(p) }),
      snapshotBytes: (bytes: Uint8Array) => void pieces.push(bytes),
      snapshotEnd: () => {
        seen.push({ snapshot: Buffer.concat(pieces).toString('hex') });
        pieces = [];
      },
    },
  };
}

function chunks(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const points = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return points.slice(1).map((end, index) => bytes.slice(points[index], end));
}

function encode(items: readonly (QuorumPacket | SnapshotShape)[]): { bytes: Uint8Array; expected: Seen[] } {
  const writer = new JuteWriter();
  const expected: Seen[] = [];
  for (const item of items) {
    if ('type' in item) {
      writeQuorumPacket(writer, item);
      expected.push({ packet: showPacket(item) });
      continue;
    }
    writeQuorumPacket(writer, SNAP);
    const body = new JuteWriter();
    writeSnapshot(body, item);
    writer.writeRaw(body.view());
    writer.writeString(SNAPSHOT_SIGNATURE);
    expected.push({ packet: showPacket(SNAP) }, { snapshot: Buffer.from(body.view()).toString('hex') });
  }
  return { bytes: writer.copy(), expected };
}

test('packets and snapshots come out of the stream however it is cut', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 30 }), (items, cuts) => {
      const { bytes, expected } = encode(items);
      const { seen, sink } = recorder();
      const stream = new QuorumPacketStream(sink, true);
      for (const chunk of chunks(bytes, cuts)) stream.push(chunk);
      assert.deepEqual(seen, expected);
    }),
    { numRuns: 500 },
  );
});

test('byte by byte', () => {
  const { bytes, expected } = encode([
    { sessions: 1, acls: [[{ perms: 31, scheme: 'world', id: 'anyone' }]], znodes: [{ path: '/a', data: null }] },
    { type: PacketType.newLeader, zxid: 5, data: null, authinfo: null },
  ]);
  const { seen, sink } = recorder();
  const stream = new QuorumPacketStream(sink, true);
  for (const byte of bytes) stream.push(new Uint8Array([byte]));
  assert.deepEqual(seen, expected);
});

test('changed bytes give packets or a coded error', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 4 }), changes, (items, changes) => {
      const { bytes } = encode(items);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      const stream = new QuorumPacketStream(recorder().sink, true);
      try {
        for (const chunk of chunks(bytes, [17, 40])) stream.push(chunk);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
        assert.equal(error.code, 'ZK_FRAME_MALFORMED');
      }
    }),
    { numRuns: 500 },
  );
});

test('a leader refuses a snapshot from a learner', () => {
  const { bytes } = encode([{ sessions: 0, acls: [], znodes: [] }]);
  const stream = new QuorumPacketStream(recorder().sink, false);
  assert.throws(() => stream.push(bytes), { code: 'ZK_FRAME_MALFORMED' });
});

test('a snapshot must end with its signature', () => {
  const { bytes } = encode([{ sessions: 0, acls: [], znodes: [] }]);
  bytes[bytes.length - 1] = 0;
  const stream = new QuorumPacketStream(recorder().sink, true);
  assert.throws(() => stream.push(bytes), { code: 'ZK_FRAME_MALFORMED' });
});
