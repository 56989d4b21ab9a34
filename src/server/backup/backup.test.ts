import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import { createDatabase } from '../database/database.ts';
import { contentOf, drain } from '../database/testing/snapshots.ts';
import { transactions } from '../database/testing/transactions.ts';
import type { Database } from '../database/types.ts';
import { SnapshotDecoder, SnapshotEncoder } from '../storage/formats/snapshot-format.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { BodyReader } from './body-reader.ts';
import { Restoration } from './restoration.ts';
import { SnapshotReading, type SnapshotSummary } from './snapshot-reading.ts';
import { snapshotFile, snapshotFileBytes } from './snapshot-stream.ts';

const database = (): Database => createDatabase({ watchSink: () => {}, keepDigest: true });

function after(history: typeof transactions extends fc.Arbitrary<infer T> ? T : never): Database {
  const source = database();
  for (const { header, txn } of history) source.apply(header, txn);
  return source;
}

function read(file: Uint8Array, pieceBytes: number, ...visitor: [Restoration?]): SnapshotSummary {
  const reading = new SnapshotReading('test', undefined, ...visitor);
  for (let at = 0; at < file.length; at += pieceBytes) reading.push(file.subarray(at, at + pieceBytes));
  return reading.end();
}

function loaded(file: Uint8Array, { zxid, digest }: SnapshotSummary): Database {
  const target = database();
  const loader = target.loader();
  const decoder = new SnapshotDecoder('test', (bytes) => loader.push(bytes));
  decoder.push(file);
  decoder.end();
  loader.finish(zxid, digest);
  return target;
}

const pieceBytes = fc.integer({ min: 1, max: 5000 });

test('a snapshot file says of a state what is in it, in pieces of any size', () => {
  fc.assert(
    fc.property(transactions, pieceBytes, (history, piece) => {
      const source = after(history);
      const snapshot = source.snapshot();
      const file = Buffer.concat([...snapshotFile(snapshot)]);
      assert.equal(file.length, snapshotFileBytes(snapshot));
      const summary = read(file, piece);
      assert.deepEqual(
        { ...summary, subtrees: [] },
        {
          zxid: source.lastZxid,
          digest: source.digest(),
          digestChecked: source.lastZxid > 0,
          znodes: source.znodeCount - 1,
          ephemerals: source.ephemeralCount,
          containers: [...source.containers()].length,
          ttlZnodes: [...source.ttlZnodes()].length,
          sessions: source.sessions.size,
          dataBytes: source.dataBytes - 1,
          fileBytes: file.length,
          subtrees: [],
        },
      );
      for (const { path, znodes } of summary.subtrees) assert.equal(znodes, source.descendantCount(path) + 1, path);
      const sizes = summary.subtrees.map(({ bytes }) => bytes);
      assert.deepEqual(
        sizes,
        sizes.toSorted((a, b) => b - a),
      );
    }),
  );
});

test('a restored snapshot is the tree without sessions and ephemerals, always with the same bytes', () => {
  fc.assert(
    fc.property(transactions, pieceBytes, (history, piece) => {
      const source = after(history);
      const file = Buffer.concat([...snapshotFile(source.snapshot())]);
      const restored = [piece, 1000].map((bytes) => {
        const parts: Uint8Array[] = [];
        const restoration = new Restoration((part) => void parts.push(part.slice()));
        const { zxid } = read(file, bytes, restoration);
        const digest = restoration.end(zxid);
        return { bytes: Buffer.concat(parts), digest };
      });
      assert.deepEqual(restored[0], restored[1]);
      const { bytes = file, digest } = restored[0] ?? {};
      const summary = read(bytes, piece);
      assert.deepEqual([summary.digest, summary.sessions, summary.ephemerals], [digest, 0, 0]);
      const target = loaded(bytes, summary);
      const expected = contentOf(source);
      const kept = [...expected.znodes].filter(([path]) => !isEphemeral(source, path));
      assert.deepEqual(contentOf(target), { sessions: new Map(), znodes: new Map(kept) });
      if (source.ephemeralCount === 0) assert.equal(target.digest(), source.digest());
    }),
  );
});

test('a restored snapshot does not say who belonged to the ensemble that it is from', () => {
  const source = database();
  source.setConfig('server.1=elsewhere:2888:3888:participant;2181\nversion=100000000', 2 ** 32, 0);
  const file = Buffer.concat([...snapshotFile(source.snapshot())]);
  const parts: Uint8Array[] = [];
  const restoration = new Restoration((part) => void parts.push(part.slice()));
  const { zxid } = read(file, 1000, restoration);
  restoration.end(zxid);
  const bytes = Buffer.concat(parts);
  const target = loaded(bytes, read(bytes, 1000));
  assert.equal(target.znode('/zookeeper/config')?.data?.length, 0);
  assert.equal(target.znodeCount, source.znodeCount);
});

/** Such a znode, or one that these transactions, unlike a server, put below one. */
function isEphemeral(source: Database, path: string): boolean {
  if (path === '') return false;
  const owner = source.znode(path)?.storedEphemeralOwner ?? 0n;
  return source.ephemerals(owner).has(path) || isEphemeral(source, path.slice(0, path.lastIndexOf('/')));
}

test('a file that is cut or changed anywhere is refused', () => {
  fc.assert(
    fc.property(transactions, fc.nat(), fc.integer({ min: 1, max: 255 }), pieceBytes, (history, place, flip, piece) => {
      const file = Buffer.concat([...snapshotFile(after(history).snapshot())]);
      const at = place % file.length;
      const changed = Buffer.from(file);
      changed[at] = (changed[at] ?? 0) ^ flip;
      for (const damaged of [changed, file.subarray(0, at), Buffer.concat([file, file.subarray(0, at + 1)])]) {
        assert.throws(() => read(damaged, piece), { code: 'ZK_SNAPSHOT_CORRUPT' });
      }
    }),
  );
});

test('a path without a slash is refused', () => {
  const source = database();
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  const header = { sessionId: 1n, cxid: 1, zxid: 0x500000007, timeMs: 1, type: OpCode.create };
  source.apply(header, { type: OpCode.create, path: '/a', data: null, acl, ephemeral: false, parentCVersion: -1 });
  const file = Buffer.concat([...snapshotFile(source.snapshot())]);
  file.write('x', file.indexOf('\0\0\0\x02/a') + 4);
  assert.throws(() => read(file, 1000), { code: 'ZK_SNAPSHOT_CORRUPT', message: /xa does not follow/ });
});

test('what servers of other versions write: the zxid from the name, no digest; what is of no one moment is refused', () => {
  const source = database();
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  const header = { sessionId: 1n, cxid: 1, zxid: 0x500000007, timeMs: 1, type: OpCode.create };
  const node = { path: '/a', data: null, acl, ephemeral: false, parentCVersion: -1 };
  source.apply(header, { type: OpCode.create, ...node });
  const file = (zxid: number, digest: bigint | undefined): Buffer => {
    const encoder = new SnapshotEncoder();
    return Buffer.concat([encoder.header(), encoder.body(drain(source.snapshot())), encoder.trailer(zxid, digest)]);
  };
  const summary = (bytes: Uint8Array, nameZxid?: number): SnapshotSummary => {
    const reading = new SnapshotReading('test', nameZxid);
    reading.push(bytes);
    return reading.end();
  };
  assert.equal(summary(file(header.zxid, undefined)).digestChecked, false);
  // Without the zxid and its seal it is as of ZooKeeper 3.6 to 3.8.
  const older = file(header.zxid, source.digest()).subarray(0, -21);
  assert.equal(summary(older, header.zxid).digestChecked, true);
  // Named for when it was begun: the digest at the end tells that nothing that it holds has changed since.
  assert.equal(summary(older, header.zxid - 1).zxid, header.zxid);
  assert.throws(() => summary(older), { code: 'ZK_SNAPSHOT_CORRUPT', message: /give it the name/ });
  for (const inexact of [file(header.zxid - 1, undefined), file(header.zxid, 1n)]) {
    assert.throws(() => summary(inexact), {
      code: 'ZK_SNAPSHOT_CORRUPT',
      message: /is not the tree at 0x50000000[67]/,
    });
  }
  // Begun before a znode was deleted that it then did not find any more: without a digest only the name tells.
  assert.equal(summary(file(header.zxid, undefined), header.zxid).zxid, header.zxid);
  for (const inexact of [file(header.zxid + 1, undefined), file(header.zxid + 1, 1n).subarray(0, -21)]) {
    assert.throws(() => summary(inexact, header.zxid), { code: 'ZK_SNAPSHOT_CORRUPT', message: /is not the tree/ });
  }
});

test('a znode that came after the ACLs had been written, with one of its own, makes a snapshot that is of no one moment', () => {
  const source = database();
  const partsOf = (): { readonly acls: Buffer; readonly znodes: Buffer } => {
    const acls: Uint8Array[] = [];
    const znodes: Uint8Array[] = [];
    const reader = new BodyReader([
      { acls: (bytes) => void acls.push(bytes.slice()) },
      { znode: ({ memory, start, end }) => void znodes.push(memory.slice(start, end)) },
    ]);
    reader.push(drain(source.snapshot()));
    return { acls: Buffer.concat(acls), znodes: Buffer.concat(znodes) };
  };
  const before = partsOf();
  const acl = [{ perms: 31, scheme: 'digest', id: 'anna:its-digest' }];
  const header = { sessionId: 1n, cxid: 1, zxid: 0x500000007, timeMs: 1, type: OpCode.create };
  source.apply(header, { type: OpCode.create, path: '/a', data: null, acl, ephemeral: false, parentCVersion: -1 });
  const now = partsOf();
  const fileWith = (acls: Buffer): Buffer => {
    const encoder = new SnapshotEncoder();
    const body = Buffer.concat([Buffer.alloc(4), acls, now.znodes, Buffer.of(0, 0, 0, 1, 0x2f)]);
    return Buffer.concat([encoder.header(), encoder.body(body), encoder.trailer(header.zxid, source.digest())]);
  };
  const sound = read(fileWith(now.acls), 1000);
  assert.equal(sound.znodes, source.znodeCount - 1);
  // The digest has no ACLs in it, and fits; nobody but the super user would get at the znode any more.
  const file = fileWith(before.acls);
  assert.throws(() => read(file, 1000), { code: 'ZK_SNAPSHOT_CORRUPT', message: /is not the tree at/ });
  // Who began with it all the same, as another maker's server may have long ago, can be backed up with the nobody that it has there.
  const begun = loaded(file, sound);
  assert.equal(read(Buffer.concat([...snapshotFile(begun.snapshot())]), 1000).znodes, sound.znodes);
});

test('whatever is in a file with a checksum that fits: what is found sound, a server can begin with', () => {
  const change = fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 2, 4, 0x2f, 0x61, 255), fc.nat(255)));
  fc.assert(
    fc.property(transactions, fc.array(change, { maxLength: 2 }), pieceBytes, (history, changes, piece) => {
      const body = drain(after(history).snapshot());
      for (const [place, byte] of changes) body[place % body.length] = byte;
      const encoder = new SnapshotEncoder();
      const file = Buffer.concat([encoder.header(), encoder.body(body), encoder.trailer(2 ** 40, undefined)]);
      const parts: Uint8Array[] = [];
      const restoration = new Restoration((part) => void parts.push(part.slice()));
      const summary = refusable(() => read(file, piece, restoration));
      if (summary === undefined) return;
      const digest = restoration.end(summary.zxid);
      // That no znode is there twice, only somebody can see who remembers all of them; the server does.
      refusable(() => loaded(Buffer.concat(parts), { ...summary, digest }), /a znode is there twice/);
    }),
    { numRuns: 500 },
  );
});

test('a file without a tree is refused', () => {
  const encoder = new SnapshotEncoder();
  const body = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2f);
  const file = Buffer.concat([encoder.header(), encoder.body(body), encoder.trailer(5, 0n)]);
  assert.throws(() => read(file, 1000), { code: 'ZK_SNAPSHOT_CORRUPT', message: /no root/ });
});

test('a zxid that no server counts to, and under whose name none would look for the snapshot, is refused', () => {
  const encoder = new SnapshotEncoder();
  const body = drain(database().snapshot());
  const file = Buffer.concat([encoder.header(), encoder.body(body), encoder.trailer(2 ** 53, undefined)]);
  assert.throws(() => read(file, 1000), { code: 'ZK_SNAPSHOT_CORRUPT', message: /its zxid is larger/ });
});

/** What it gives, unless it refuses the file for such a reason. */
function refusable<T>(reading: () => T, reason = /./): T | undefined {
  try {
    return reading();
  } catch (error) {
    if (error instanceof CodedError && error.code === 'ZK_SNAPSHOT_CORRUPT' && reason.test(error.message)) return;
    throw error;
  }
}

test('a reader that gives up lets go of the snapshot', () => {
  const source = database();
  const snapshot = source.snapshot();
  let closed = 0;
  const pieces = snapshotFile({
    zxid: snapshot.zxid,
    bodyBytes: snapshot.bodyBytes,
    next: (maxBytes) => snapshot.next(maxBytes),
    digest: () => undefined,
    close: () => void closed++,
  });
  pieces.next();
  pieces.return();
  assert.equal(closed, 1);
});
