import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OpCode } from '../protocol/opcodes.ts';
import type { Txn } from '../protocol/transactions.ts';
import { createDatabase } from './database.ts';
import { Model, parentOf } from './testing/model.ts';
import { BodyWriter, contentOf, modelContent } from './testing/snapshots.ts';
import { ACLS, data, SESSIONS, type Transaction } from './testing/transactions.ts';

/**
 * ZooKeeper writes snapshots while transactions are applied: each znode as it is when its turn comes. Loading one and then
 * replaying every transaction since its beginning must end in the state that the transactions lead to.
 */

const wish = fc.record({
  kind: fc.constantFrom(
    'create',
    'create',
    'create',
    'ephemeral',
    'delete',
    'delete',
    'setData',
    'setAcl',
    'close',
    'multi',
  ),
  path: fc.constantFrom('/a', '/a/b', '/a/c', '/a/b/d', '/a/b/e', '/f', '/f/g'),
  session: fc.constantFrom(...SESSIONS),
  data,
  acl: fc.constantFrom(...ACLS),
});
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

/** What a leader would propose for the wish in this state; undefined where it would answer an error. */
function propose(model: Model, { kind, path, session, data, acl }: Wish): Txn | undefined {
  const znode = model.znodes.get(path);
  const parent = model.znodes.get(parentOf(path));
  switch (kind) {
    case 'create':
    case 'ephemeral':
      if (parent === undefined || parent.ephemeralOwner !== 0n || znode !== undefined) return undefined;
      return {
        type: OpCode.create,
        path,
        data,
        acl,
        ephemeral: kind === 'ephemeral',
        parentCVersion: parent.cversion + 1,
      };
    case 'delete':
      if (znode === undefined || model.childrenOf(path).length > 0) return undefined;
      return { type: OpCode.delete, path };
    case 'setData':
      return znode && { type: OpCode.setData, path, data, version: znode.version + 1 };
    case 'setAcl':
      return znode && { type: OpCode.setACL, path, acl, version: znode.aversion + 1 };
    case 'close':
      return { type: OpCode.closeSession, paths: model.ephemeralsOf(session) };
    default: {
      const first = propose(model, { kind: 'delete', path, session, data, acl });
      if (first === undefined || parent === undefined) return undefined;
      const again = {
        type: OpCode.create,
        path,
        data,
        acl,
        ephemeral: false,
        parentCVersion: parent.cversion + 1,
      } as const;
      return { type: OpCode.multi, parts: [first, again] };
    }
  }
}

/** The transactions that a history of wishes comes to. */
class History {
  readonly model = new Model();
  readonly transactions: Transaction[] = [];

  apply(wish: Wish): void {
    const txn = propose(this.model, wish);
    if (txn === undefined) return;
    const zxid = 2 ** 32 + this.transactions.length + 1;
    const header = { sessionId: wish.session, cxid: 1, zxid, timeMs: zxid % 1000, type: txn.type };
    this.model.apply(header, txn);
    this.transactions.push({ header, txn });
  }
}

test('a fuzzy snapshot and the transactions since its beginning come to the exact state', () => {
  const wishes = fc.array(wish, { maxLength: 40 });
  const during = fc.array(fc.nat(4), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(wishes, wishes, during, (before, meanwhile, pauses) => {
      const history = new History();
      for (const one of before) history.apply(one);
      const start = history.transactions.length;
      const { model } = history;
      const writer = new BodyWriter(
        model.sessions,
        [...model.znodes.values()].map((znode) => znode.acl),
      );
      let turn = 0;
      const pending = [...meanwhile];
      const visit = (path: string): void => {
        const znode = model.znodes.get(path);
        if (znode === undefined) return;
        const children = model.childrenOf(path);
        writer.znode(path, znode);
        for (let left = pauses[turn++ % pauses.length] ?? 0; left > 0; left--) {
          const next = pending.shift();
          if (next !== undefined) history.apply(next);
        }
        for (const child of children) visit(child);
      };
      visit('/');
      const body = writer.end();
      for (const one of pending) history.apply(one);

      const db = createDatabase({ watchSink: () => {}, keepDigest: true });
      const loader = db.loader();
      loader.push(body);
      loader.finish(2 ** 32 + start, undefined);
      for (const { header, txn } of history.transactions.slice(start)) db.apply(header, txn);
      assert.deepEqual(contentOf(db), modelContent(model));
      assert.equal(db.digest(), model.digest());
    }),
    { numRuns: 500 },
  );
});
