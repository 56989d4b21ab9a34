import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import type { Txn } from '../protocol/transactions.ts';
import { createDatabase } from './database.ts';
import { parentOf } from './testing/model.ts';
import { drain, readContent } from './testing/snapshots.ts';
import { ACLS } from './testing/transactions.ts';

/** Enough for every table to grow by several pages, and for chunks of every size up to the largest. */
const ZNODES = 40_000;

/** As deep as numbers are long: the parent of 1234 is 123. */
function pathOf(number: number): string {
  return number < 10 ? `/${number}` : `${pathOf(Math.floor(number / 10))}/${number}`;
}

function dataOf(number: number, round: number): string {
  return `${round}`.repeat((number * 7 + round) % 50);
}

test('a tree that grows, shrinks and grows again loses nothing, and a snapshot keeps what it was', () => {
  const db = createDatabase({ watchSink: () => undefined, keepDigest: true });
  const tree = new Map<string, string>();
  let zxid = 2 ** 32;
  const apply = (txn: Txn): void => {
    const header = { sessionId: 1n, cxid: 1, zxid: ++zxid, timeMs: 1, type: txn.type };
    assert.equal(db.apply(header, txn).error, ReplyCode.ok);
  };
  const put = (number: number, round: number): void => {
    const path = pathOf(number);
    const data = dataOf(number, round);
    const acl = ACLS[number % ACLS.length] ?? [];
    const bytes = Buffer.from(data);
    if (tree.has(path)) apply({ type: OpCode.setData, path, data: bytes, version: round });
    else apply({ type: OpCode.create, path, data: bytes, acl, ephemeral: false, parentCVersion: -1 });
    tree.set(path, data);
  };
  const check = (): void => {
    const childCounts = new Map<string, number>();
    for (const path of tree.keys()) childCounts.set(parentOf(path), (childCounts.get(parentOf(path)) ?? 0) + 1);
    for (const [path, data] of tree) {
      const znode = db.znode(path);
      assert.ok(znode !== undefined, `${path} is lost`);
      assert.equal(Buffer.from(znode.data ?? []).toString(), data, path);
      assert.equal(znode.children.size, childCounts.get(path) ?? 0, path);
    }
  };

  for (let number = 1; number <= ZNODES; number++) put(number, 1);
  check();

  const before = new Map(tree);
  const snapshot = db.snapshot();
  // Those with the most digits have no children.
  for (let number = ZNODES; number > 10_000; number -= 2) {
    apply({ type: OpCode.delete, path: pathOf(number) });
    tree.delete(pathOf(number));
  }
  for (let number = 1; number <= ZNODES; number += 3) put(number, 2);
  check();

  const body = drain(snapshot);
  const kept = [...readContent(body).znodes].filter(([path]) => path !== '/' && !path.startsWith('/zookeeper'));
  assert.deepEqual(new Map(kept.map(([path, { data }]) => [path, data])), before);

  // What the snapshot held on to is used again.
  for (let number = 1; number <= ZNODES; number++) put(number, 3);
  check();
  const loaded = createDatabase({ watchSink: () => undefined, keepDigest: true });
  const loader = loaded.loader();
  loader.push(drain(db.snapshot()));
  loader.finish(zxid, db.digest());
  assert.equal(loaded.znodeCount, db.znodeCount);
});
