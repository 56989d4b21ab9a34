import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeUtf8 } from '../../common/utf8.ts';
import { CodedError } from '../../common/errors.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { writeStat } from '../protocol/record-codecs.ts';
import { createDatabase } from './database.ts';
import { Model, textOf } from './testing/model.ts';
import { contentOf, drain, modelContent, readContent } from './testing/snapshots.ts';
import { SESSIONS, transactions } from './testing/transactions.ts';
import type { ApplyResult, Database, DatabaseSnapshot, Znode } from './types.ts';

const database = (): Database => createDatabase({ watchSink: () => {}, keepDigest: true, hashSeed: 0xdeadbeef });

function codesOf(result: ApplyResult): number[] {
  return [result.error, ...(result.parts ?? []).map((part) => part.error)];
}

function assertAgrees(db: Database, model: Model): void {
  assert.deepEqual(contentOf(db), modelContent(model));
  assert.equal(db.digest(), model.digest());
  assert.equal(db.znodeCount, model.znodes.size + 1);
  let dataBytes = 0;
  for (const [path, znode] of model.znodes) {
    const found = db.znode(path);
    assert.ok(found, path);
    dataBytes += encodeUtf8(path).length + (znode.data?.length ?? 0);
    assert.equal(textOf(found.data), znode.data);
    assert.deepEqual(found.acl, znode.acl);
    assert.equal(found.storedCversion, znode.cversion);
    assert.equal(found.storedEphemeralOwner, znode.ephemeralOwner);
    const children = model.childrenOf(path);
    assert.deepEqual(
      new Set(found.children),
      new Set(children.map((child) => child.slice(child.lastIndexOf('/') + 1))),
    );
    assert.equal(found.children.size, children.length);
    assert.equal(found.stat.numChildren, children.length);
    assert.equal(found.stat.cversion, znode.cversion * 2 - children.length);
    const expected = new JuteWriter();
    writeStat(expected, found.stat);
    const actual = new JuteWriter();
    found.writeStat(actual);
    assert.deepEqual(actual.view(), expected.view());
    const below = [...model.znodes.keys()].filter((other) => other.startsWith(path === '/' ? '/' : `${path}/`));
    assert.equal(db.descendantCount(path), path === '/' ? below.length - 1 : below.length);
  }
  assert.equal(db.dataBytes, dataBytes);
  let ephemerals = 0;
  for (const session of SESSIONS) {
    assert.deepEqual([...db.ephemerals(session)].toSorted(), model.ephemeralsOf(session).toSorted());
    ephemerals += model.ephemeralsOf(session).length;
  }
  assert.equal(db.ephemeralCount, ephemerals);
  const owners = [...model.znodes].map(([path, znode]) => ({ path, owner: znode.ephemeralOwner }));
  const containers = owners.filter(({ owner }) => owner === -(2n ** 63n)).map(({ path }) => path);
  const ttls = owners.filter(({ owner }) => owner >> 40n === -(2n ** 16n)).map(({ path }) => path);
  const pathsOf = (znodes: Iterable<Znode>): string[] => [...znodes].map(({ path }) => path).toSorted();
  assert.deepEqual(pathsOf(db.containers()), containers.toSorted());
  assert.deepEqual(pathsOf(db.ttlZnodes()), ttls.toSorted());
}

test('any transactions do what the model does', () => {
  fc.assert(
    fc.property(transactions, (history) => {
      const db = database();
      const model = new Model();
      for (const { header, txn } of history) {
        assert.deepEqual(codesOf(db.apply(header, txn)), model.apply(header, txn));
        assert.equal(db.lastZxid, header.zxid);
      }
      assertAgrees(db, model);
    }),
    { numRuns: 300 },
  );
});

test('snapshots read while transactions go on hold the moment at which they were taken', () => {
  const schedule = fc.array(fc.record({ open: fc.boolean(), read: fc.nat(2), close: fc.nat(20) }), { minLength: 60 });
  fc.assert(
    fc.property(transactions, schedule, fc.integer({ min: 1, max: 400 }), (history, steps, chunkBytes) => {
      const db = database();
      const model = new Model();
      const open: { snapshot: DatabaseSnapshot; chunks: Uint8Array[]; expected: unknown; digest: bigint }[] = [];
      for (const [i, { header, txn }] of history.entries()) {
        const step = steps[i];
        if (step?.open === true) {
          const snapshot = db.snapshot();
          assert.equal(snapshot.zxid, db.lastZxid);
          open.push({ snapshot, chunks: [], expected: modelContent(model), digest: model.digest() });
        }
        const reading = open[step?.read ?? 0];
        const chunk = reading?.snapshot.next(chunkBytes);
        if (chunk !== undefined) reading?.chunks.push(chunk);
        const closed = open[step?.close ?? open.length];
        if (closed !== undefined) {
          closed.snapshot.close();
          open.splice(open.indexOf(closed), 1);
        }
        db.apply(header, txn);
        model.apply(header, txn);
      }
      for (const { snapshot, chunks, expected, digest } of open.toReversed()) {
        const body = Buffer.concat([...chunks, drain(snapshot, chunkBytes)]);
        assert.equal(body.length, snapshot.bodyBytes);
        assert.deepEqual(readContent(body), expected);
        assert.equal(snapshot.digest(), digest);
        assert.equal(snapshot.next(1), undefined);
      }
      assertAgrees(db, model);
    }),
    { numRuns: 300 },
  );
});

test('a snapshot loads in pieces of any size, into the same state and the same snapshot', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(transactions, transactions, sizes, (history, before, pieces) => {
      const source = database();
      const model = new Model();
      for (const { header, txn } of history) {
        source.apply(header, txn);
        model.apply(header, txn);
      }
      const body = drain(source.snapshot());
      const target = database();
      for (const { header, txn } of before) target.apply(header, txn);
      const loader = target.loader();
      for (let at = 0, i = 0; at < body.length; i++) {
        const size = pieces[i % pieces.length] ?? 1;
        loader.push(body.subarray(at, at + size));
        at += size;
      }
      loader.finish(77, source.digest());
      assert.equal(target.lastZxid, 77);
      assertAgrees(target, model);
      assert.deepEqual(drain(target.snapshot()), body);
    }),
    { numRuns: 200 },
  );
});

test('a damaged snapshot is refused, or is a state, and leaves the present one alone', () => {
  const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { maxLength: 4 });
  fc.assert(
    fc.property(transactions, damage, fc.option(fc.nat()), (history, changes, cut) => {
      const source = database();
      for (const { header, txn } of history) source.apply(header, txn);
      const whole = drain(source.snapshot());
      const body = whole.slice(0, cut === null ? whole.length : cut % (whole.length + 1));
      for (const { at, byte } of changes) body[at % Math.max(1, body.length)] = byte;
      const target = database();
      target.apply(
        { sessionId: 1n, cxid: 1, zxid: 5, timeMs: 1, type: OpCode.setData },
        { type: OpCode.setData, path: '/', data: encodeUtf8('mine'), version: 1 },
      );
      const present = contentOf(target);
      try {
        const loader = target.loader();
        loader.push(body);
        loader.finish(9, undefined);
        assert.equal(readContent(body).znodes.size, target.znodeCount - 1);
        assert.ok(contentOf(target));
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
        assert.equal(error.code, 'ZK_SNAPSHOT_CORRUPT');
        assert.deepEqual(contentOf(target), present);
      }
    }),
    { numRuns: 500 },
  );
});

test('a wrong digest is refused', () => {
  const source = database();
  const loader = source.loader();
  loader.push(drain(source.snapshot()));
  assert.throws(() => loader.finish(1, 1n), { code: 'ZK_SNAPSHOT_CORRUPT' });
});

test('a new database is that of a new ZooKeeper server', () => {
  const db = database();
  assert.equal(db.znodeCount, 5);
  assert.equal(db.dataBytes, 44);
  assert.equal(db.descendantCount('/'), 3);
  assert.equal(db.znode('/')?.stat.cversion, -1);
  assert.equal(db.znode('/zookeeper')?.stat.cversion, -2);
  assert.deepEqual(db.znode('/zookeeper/config')?.acl, [{ perms: 1, scheme: 'world', id: 'anyone' }]);
  assert.equal(db.znode('/nothing'), undefined);
  assert.equal(db.znode('nothing'), undefined);
  assert.equal(db.znode('//'), undefined);
});

test('the configuration is written without a transaction', () => {
  const db = database();
  const digest = db.digest();
  db.setConfig('server.1=a:1:2:participant', 0x100000000, 5);
  const znode = db.znode('/zookeeper/config');
  assert.equal(textOf(znode?.data ?? null), 'server.1=a:1:2:participant');
  assert.equal(znode?.stat.mzxid, 0x100000000);
  assert.equal(znode.version, -1);
  assert.equal(db.digest(), digest);
});

test('the root is neither created nor deleted', () => {
  const db = database();
  const header = { sessionId: 1n, cxid: 1, zxid: 5, timeMs: 1, type: OpCode.delete };
  assert.equal(db.apply(header, { type: OpCode.delete, path: '/' }).error, ReplyCode.badArguments);
  assert.equal(db.znodeCount, 5);
});
