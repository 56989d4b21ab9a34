import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUtf8, encodeUtf8 } from '../../common/utf8.ts';
import { OpCode } from '../protocol/opcodes.ts';
import type { Txn } from '../protocol/transactions.ts';
import { createDatabase } from './database.ts';
import { formatQuota, parseQuota } from './quotas.ts';
import { drain } from './testing/snapshots.ts';
import type { Database } from './types.ts';

let zxid = 0;

function apply(db: Database, txn: Txn): void {
  zxid++;
  assert.equal(db.apply({ sessionId: 1n, cxid: 1, zxid, timeMs: 1, type: txn.type }, txn).error, 0);
}

function create(db: Database, path: string, text = ''): void {
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  apply(db, { type: OpCode.create, path, data: encodeUtf8(text), acl, ephemeral: false, parentCVersion: -1 });
}

function statsOf(db: Database, path: string): string {
  return decodeUtf8(db.znode(`/zookeeper/quota${path}/zookeeper_stats`)?.data ?? new Uint8Array(0));
}

/** `/app` with two znodes of 5 bytes in all, a third below them, and then its quota, as zkCli's setquota makes it. */
function withQuota(): Database {
  const db = createDatabase({ watchSink: () => {}, keepDigest: true });
  create(db, '/app', 'abc');
  create(db, '/app/x', 'de');
  create(db, '/app/x/y');
  create(db, '/application');
  create(db, '/zookeeper/quota/app');
  create(db, '/zookeeper/quota/app/zookeeper_limits', 'count=10,bytes=-1');
  create(db, '/zookeeper/quota/app/zookeeper_stats', 'count=0,bytes=0');
  return db;
}

test('a new quota counts what is there', () => {
  const db = withQuota();
  assert.equal(statsOf(db, '/app'), 'count=3,bytes=5');
  assert.equal(db.quotaPath('/app'), '/app');
  assert.equal(db.quotaPath('/app/x/y/z'), '/app');
  assert.equal(db.quotaPath('/application'), undefined);
  assert.equal(db.quotaPath('/'), undefined);
});

test('changes below a quota are counted, and no more of the stat than the length changes', () => {
  const db = withQuota();
  const before = db.znode('/zookeeper/quota/app/zookeeper_stats')?.stat;
  create(db, '/app/z', '12345678');
  apply(db, { type: OpCode.setData, path: '/app', data: null, version: 1 });
  apply(db, { type: OpCode.delete, path: '/app/x/y' });
  create(db, '/application/not', 'much');
  assert.equal(statsOf(db, '/app'), 'count=3,bytes=10');
  assert.deepEqual(db.znode('/zookeeper/quota/app/zookeeper_stats')?.stat, { ...before, dataLength: 16 });
});

test('the nearest of two quotas counts', () => {
  const db = withQuota();
  create(db, '/zookeeper/quota/app/x');
  create(db, '/zookeeper/quota/app/x/zookeeper_limits', 'count=10,bytes=-1');
  create(db, '/zookeeper/quota/app/x/zookeeper_stats', 'count=0,bytes=0');
  create(db, '/app/x/new', '1');
  assert.equal(statsOf(db, '/app/x'), 'count=3,bytes=3');
  assert.equal(statsOf(db, '/app'), 'count=3,bytes=5');
});

test('a quota ends with its limits', () => {
  const db = withQuota();
  apply(db, { type: OpCode.delete, path: '/zookeeper/quota/app/zookeeper_limits' });
  create(db, '/app/z', '12345678');
  assert.equal(db.quotaPath('/app/z'), undefined);
  assert.equal(statsOf(db, '/app'), 'count=3,bytes=5');
});

test('a loaded snapshot has its quotas, counted anew', () => {
  const source = withQuota();
  apply(source, {
    type: OpCode.setData,
    path: '/zookeeper/quota/app/zookeeper_stats',
    data: encodeUtf8('count=99,bytes=99'),
    version: 1,
  });
  const db = createDatabase({ watchSink: () => {} });
  const loader = db.loader();
  loader.push(drain(source.snapshot()));
  loader.finish(5, undefined);
  assert.equal(statsOf(db, '/app'), 'count=3,bytes=5');
  create(db, '/app/z', '12');
  assert.equal(statsOf(db, '/app'), 'count=4,bytes=7');
});

test('the data of quota znodes', () => {
  const text = 'count=4,bytes=5=;byteHardLimit=10;countHardLimit=-1';
  assert.equal(formatQuota(parseQuota(encodeUtf8(text))), text);
  assert.equal(formatQuota(parseQuota(null)), 'count=-1,bytes=-1');
  assert.equal(formatQuota(parseQuota(encodeUtf8('nonsense;count=x,,bytes=7'))), 'count=-1,bytes=7=;nonsense=-1');
});

test('a path is looked at once, and not once for each znode above, however deep it is', () => {
  const db = withQuota();
  create(db, '/zookeeper/quota/app/x');
  create(db, '/zookeeper/quota/app/x/zookeeper_limits', 'count=10,bytes=-1');
  let looks = 0;
  class CountedPath extends String {
    override slice(start?: number, end?: number): string {
      const slice = super.slice(start, end);
      looks += slice.length;
      return slice;
    }
    override charCodeAt(index: number): number {
      looks++;
      return super.charCodeAt(index);
    }
  }
  const path = `/app/x${'/a'.repeat(1000)}`;
  assert.equal(db.quotaPath(new CountedPath(path) as unknown as string), '/app/x');
  assert.ok(looks > 0 && looks < 2 * path.length, `${looks} looks at ${path.length} characters`);
  assert.equal(db.quotaPath('/app/x'), '/app/x');
  assert.equal(db.quotaPath('/app/xy/x'), '/app');
  assert.equal(db.quotaPath('/application'), undefined);
  apply(db, { type: OpCode.delete, path: '/zookeeper/quota/app/x/zookeeper_limits' });
  assert.equal(db.quotaPath(path), '/app');
});
