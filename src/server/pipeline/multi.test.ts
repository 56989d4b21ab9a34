import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../common/utf8.ts';
import { readMultiResponse } from '../protocol/multi.ts';
import { CreateMode, OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { readPathResponse } from '../protocol/responses.ts';
import { OPEN_ACL, send } from './testing/requests.ts';
import { errorOf, replyTo, single } from './testing/single.ts';

test('a multi is all or nothing, and its parts see each other', () => {
  const { ensemble, client } = single();
  const done = send.multi(client, [
    { type: OpCode.create, path: '/a', data: null, acl: OPEN_ACL, flags: 0 },
    { type: OpCode.create2, path: '/a/b', data: encodeUtf8('x'), acl: OPEN_ACL, flags: 0 },
    { type: OpCode.setData, path: '/a/b', data: encodeUtf8('xyz'), version: 0 },
    { type: OpCode.check, path: '/a', version: 0 },
    { type: OpCode.delete, path: '/a/b', version: 1 },
  ]);
  const results = readMultiResponse(replyTo(ensemble, client, done).body);
  assert.deepEqual(
    results.map(({ type }) => type),
    [OpCode.create, OpCode.create2, OpCode.setData, OpCode.check, OpCode.delete],
  );

  const failed = send.multi(client, [
    { type: OpCode.create, path: '/a/c', data: null, acl: OPEN_ACL, flags: CreateMode.persistentSequential },
    { type: OpCode.check, path: '/a', version: 5 },
    { type: OpCode.delete, path: '/a', version: -1 },
  ]);
  // In the same batch: the multi's changes must be taken back before this one is prepared.
  const after = send.create(client, '/a/c', { flags: CreateMode.persistentSequential });
  const reply = replyTo(ensemble, client, failed);
  assert.equal(reply.error, ReplyCode.ok);
  assert.deepEqual(readMultiResponse(reply.body), [
    { type: OpCode.error, error: ReplyCode.ok },
    { type: OpCode.error, error: ReplyCode.badVersion },
    { type: OpCode.error, error: ReplyCode.runtimeInconsistency },
  ]);
  // /a had one create (b): its counter says 1, not 2.
  assert.equal(readPathResponse(replyTo(ensemble, client, after).body), '/a/c0000000001');
});

test('a multi with reads in it, and a multiRead with writes in it, are malformed', () => {
  const { ensemble, client } = single();
  const reads = [{ type: OpCode.getData, path: '/', watch: false } as const];
  assert.equal(errorOf(ensemble, client, send.multi(client, reads)), ReplyCode.marshallingError);
  const writes = [{ type: OpCode.delete, path: '/a', version: -1 } as const];
  assert.equal(errorOf(ensemble, client, send.multi(client, writes, OpCode.multiRead)), ReplyCode.marshallingError);
});

test('multiRead answers each read by itself', () => {
  const { ensemble, client } = single();
  send.create(client, '/a', { data: encodeUtf8('x') });
  const xid = send.multi(
    client,
    [
      { type: OpCode.getData, path: '/a', watch: false },
      { type: OpCode.getData, path: '/nope', watch: false },
      { type: OpCode.getChildren, path: '/', watch: false },
    ],
    OpCode.multiRead,
  );
  const [data, missing, children] = readMultiResponse(replyTo(ensemble, client, xid).body);
  assert.deepEqual(data?.type === OpCode.getData ? data.data : undefined, encodeUtf8('x'));
  assert.deepEqual(missing, { type: OpCode.error, error: ReplyCode.noNode });
  assert.deepEqual(children?.type === OpCode.getChildren ? children.children.toSorted() : [], ['a', 'zookeeper']);
});
