import * as fc from 'fast-check';
import { OpCode, ReplyCode } from '../../protocol/opcodes.ts';
import type { Acl } from '../../protocol/records.ts';
import type { Txn, TxnHeader } from '../../protocol/transactions.ts';

export interface Transaction {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

const names = ['a', 'b', 'é'];
const paths = [
  ...names.map((name) => `/${name}`),
  ...names.flatMap((a) => names.map((b) => `/${a}/${b}`)),
  ...names.flatMap((a) => names.map((b) => `/a/${a}/${b}`)),
  '/zookeeper/own',
  '/missing/child',
];
export const ACLS: readonly (readonly Acl[])[] = [
  [{ perms: 31, scheme: 'world', id: 'anyone' }],
  [{ perms: 1, scheme: 'world', id: 'anyone' }],
  [
    { perms: 31, scheme: 'digest', id: 'u:x' },
    { perms: 1, scheme: 'world', id: 'anyone' },
  ],
  [{ perms: 31, scheme: 'digest', id: 'v:y' }],
];
export const SESSIONS = [0x100000000000001n, -0x7ffffffffffffffen, 3n] as const;

const path = fc.constantFrom(...paths);
export const data: fc.Arbitrary<Uint8Array | null> = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ minLength: 100, maxLength: 300 }),
  fc.constantFrom(9000, 70_000).map((length) => new Uint8Array(length).fill(length & 0xff)),
);
const acl = fc.constantFrom(...ACLS);
const parentCVersion = fc.constantFrom(-1, -1, -1, 0, 1, 5, 100);
const version = fc.integer({ min: 0, max: 1000 });
const constant = <const T>(value: T): fc.Arbitrary<T> => fc.constant(value);

const part: fc.Arbitrary<Txn> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom(OpCode.create, OpCode.create2),
      path,
      data,
      acl,
      ephemeral: fc.boolean(),
      parentCVersion,
    }),
  },
  fc.record({ type: constant(OpCode.createContainer), path, data, acl, parentCVersion }),
  fc.record({
    type: constant(OpCode.createTTL),
    path,
    data,
    acl,
    parentCVersion,
    ttlMs: fc.integer({ min: 1, max: 2 ** 40 - 1 }),
  }),
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom(OpCode.delete, OpCode.deleteContainer), path }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: constant(OpCode.setData), path: fc.oneof(path, constant('/')), data, version }),
  },
  fc.record({ type: constant(OpCode.check), path, version }),
);
const error = fc.record({
  type: constant(OpCode.error),
  error: fc.constantFrom(ReplyCode.noNode, ReplyCode.badVersion),
});

const txn: fc.Arbitrary<Txn> = fc.oneof(
  { weight: 12, arbitrary: part },
  // Never in a multi: no client may ask for it there.
  fc.record({ type: constant(OpCode.setACL), path: fc.oneof(path, constant('/')), acl, version }),
  error,
  fc.record({ type: constant(OpCode.createSession), timeoutMs: fc.integer({ min: 1, max: 100_000 }) }),
  fc.record({ type: constant(OpCode.closeSession), paths: fc.option(fc.array(path, { maxLength: 3 }), { nil: null }) }),
  fc.record({
    type: constant(OpCode.multi),
    parts: fc.array(fc.oneof({ weight: 8, arbitrary: part }, { weight: 1, arbitrary: error }), { maxLength: 5 }),
  }),
);

/** Transactions of every kind, valid or not, in the order of their zxids. */
export const transactions: fc.Arbitrary<readonly Transaction[]> = fc
  .array(fc.record({ txn, sessionId: fc.constantFrom(...SESSIONS), zxidStep: fc.constantFrom(1, 1, 2, 2 ** 32) }), {
    maxLength: 60,
  })
  .map((steps) => {
    let zxid = 2 ** 32;
    return steps.map(({ txn, sessionId, zxidStep }) => {
      zxid += zxidStep;
      const header = { sessionId, cxid: 1, zxid, timeMs: 1_700_000_000_000 + zxid / 2 ** 20, type: txn.type };
      return { header: { ...header, timeMs: Math.floor(header.timeMs) }, txn };
    });
  });
