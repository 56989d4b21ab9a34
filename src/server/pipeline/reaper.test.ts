import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDatabase } from '../database/database.ts';
import type { Database, Znode } from '../database/types.ts';
import { OpCode } from '../protocol/opcodes.ts';
import type { Txn } from '../protocol/transactions.ts';
import { Reaper } from './reaper.ts';

const ACL = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const CREATED_MS = 1_000_000;
const TTL_MS = 500;

/** Containers of which one is empty again, and TTL znodes of which one has been changed since. */
function history(): Txn[] {
  const created = { data: null, acl: ACL, parentCVersion: -1 };
  return [
    { type: OpCode.createContainer, path: '/new', ...created },
    { type: OpCode.createContainer, path: '/full', ...created },
    { type: OpCode.create, path: '/full/child', ephemeral: false, ...created },
    { type: OpCode.createContainer, path: '/empty', ...created },
    { type: OpCode.create, path: '/empty/child', ephemeral: false, ...created },
    { type: OpCode.delete, path: '/empty/child' },
    { type: OpCode.createTTL, path: '/old', ttlMs: TTL_MS, ...created },
    { type: OpCode.createTTL, path: '/changed', ttlMs: TTL_MS, ...created },
    { type: OpCode.setData, path: '/changed', data: null, version: 1 },
  ];
}

test('of those that stay nobody makes the paths: a million of them would hold up the leader for seconds, every minute', () => {
  const database = createDatabase({ watchSink: () => undefined });
  for (const [i, txn] of history().entries()) {
    const timeMs = txn.type === OpCode.setData ? CREATED_MS + TTL_MS : CREATED_MS;
    database.apply({ sessionId: 1n, cxid: 1, zxid: i + 1, timeMs, type: txn.type }, txn);
  }
  const made: string[] = [];
  const watched = (znodes: Iterable<Znode>): Znode[] =>
    [...znodes].map((znode) => ({
      children: znode.children,
      storedCversion: znode.storedCversion,
      mtimeMs: znode.mtimeMs,
      storedEphemeralOwner: znode.storedEphemeralOwner,
      get path() {
        made.push(znode.path);
        return znode.path;
      },
    })) as Znode[];
  const view: Partial<Database> = {
    containers: () => watched(database.containers()),
    ttlZnodes: () => watched(database.ttlZnodes()),
  };
  const candidates = new Reaper(view as Database, true, undefined, 0).candidates(0, CREATED_MS + TTL_MS + 1);
  assert.deepEqual(candidates, ['/empty', '/old']);
  assert.deepEqual(made, candidates);
});
