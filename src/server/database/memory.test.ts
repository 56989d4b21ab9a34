import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OpCode } from '../protocol/opcodes.ts';
import type { Txn } from '../protocol/transactions.ts';
import { Applier } from './apply.ts';
import { StateSnapshot } from './snapshot-writer.ts';
import { initialState } from './state.ts';
import { SESSIONS, transactions } from './testing/transactions.ts';
import { ClientWatches } from './watches.ts';

test('what was created, changed and deleted, under open snapshots or not, leaves no memory behind', () => {
  const opening = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(transactions, opening, (history, opens) => {
      const state = initialState({ keepDigest: false, hashSeed: 7 });
      const applier = new Applier(new ClientWatches(() => {}, state.tree.newKey()), state.tree.newKey());
      const inUse = (): unknown => [
        state.tree.records.size,
        state.tree.blocks.chunkCount,
        state.tree.acls.list().length,
      ];
      const atFirst = inUse();
      const open: StateSnapshot[] = [];
      for (const [i, { header, txn }] of history.entries()) {
        if (opens[i] === true) open.push(new StateSnapshot(state));
        applier.apply(state, header, txn);
        if (open.length > 3) open.splice(i % open.length, 1)[0]?.close();
      }
      const header = { sessionId: 1n, cxid: 1, zxid: 2 ** 50, timeMs: 1, type: OpCode.delete };
      for (const path of ['/a', '/b', '/é', '/zookeeper/own'])
        applier.apply(state, header, { type: OpCode.delete, path });
      const everybody = [{ perms: 31, scheme: 'world', id: 'anyone' }];
      applier.apply(state, header, { type: OpCode.setACL, path: '/', acl: everybody, version: 1 });
      applier.apply(state, header, { type: OpCode.setData, path: '/', data: null, version: 1 });
      for (const snapshot of open) snapshot.close();
      assert.deepEqual(inUse(), atFirst);
      for (const session of SESSIONS) assert.equal(state.tree.owners.ephemerals(session).size, 0);
    }),
    { numRuns: 300 },
  );
});

test('a snapshot that somebody reads slowly keeps what it shows, and not everything that was there for a moment since', () => {
  const state = initialState({ keepDigest: false, hashSeed: 7 });
  const applier = new Applier(new ClientWatches(() => {}, state.tree.newKey()), state.tree.newKey());
  let zxid = 1;
  const apply = (txn: Txn): void => {
    const header = { sessionId: 1n, cxid: 1, zxid: ++zxid, timeMs: 1, type: txn.type };
    assert.equal(applier.apply(state, header, txn).error, 0);
  };
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  const data = new Uint8Array(1000);
  const create = (path: string): void =>
    apply({ type: OpCode.create, path, data, acl, ephemeral: false, parentCVersion: -1 });
  create('/hot');
  create('/old');
  const snapshot = new StateSnapshot(state);
  for (let i = 1; i <= 20_000; i++) {
    apply({ type: OpCode.setData, path: '/hot', data, version: i });
    create('/short');
    apply({ type: OpCode.delete, path: '/short' });
    if (i === 10_000) apply({ type: OpCode.delete, path: '/old' });
  }
  // Three times 20,000 KB went through them.
  assert.ok(state.tree.records.size < 50, `${state.tree.records.size} records`);
  assert.ok(state.tree.blocks.chunkCount < 20, `${state.tree.blocks.chunkCount} chunks`);
  snapshot.close();
});
