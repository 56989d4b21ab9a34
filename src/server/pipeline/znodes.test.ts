import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../common/utf8.ts';
import { CreateMode, OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { readStat } from '../protocol/record-codecs.ts';
import {
  readCreate2Response,
  readGetChildren2Response,
  readGetDataResponse,
  readIntResponse,
  readPathResponse,
  readStringsResponse,
  readWhoAmIResponse,
} from '../protocol/responses.ts';
import { send, statOf } from './testing/requests.ts';
import { errorOf, replyTo, single } from './testing/single.ts';

test('create, get, set, delete: data, versions, zxids, times', () => {
  const { ensemble, client } = single();
  const created = replyTo(ensemble, client, send.create(client, '/a', { data: encodeUtf8('one') }));
  assert.equal(created.error, ReplyCode.ok);
  assert.equal(readPathResponse(created.body), '/a');
  const got = readGetDataResponse(replyTo(ensemble, client, send.getData(client, '/a')).body);
  assert.deepEqual(got.data, encodeUtf8('one'));
  assert.equal(got.stat.czxid, created.zxid);
  assert.equal(got.stat.version, 0);
  assert.equal(got.stat.ctimeMs, 1_700_000_000_000 + ensemble.nowMs);

  const set = replyTo(ensemble, client, send.setData(client, '/a', 'three', 0));
  const stat = statOf(set);
  assert.deepEqual([stat.version, stat.mzxid, stat.dataLength], [1, set.zxid, 5]);
  assert.equal(errorOf(ensemble, client, send.setData(client, '/a', 'x', 0)), ReplyCode.badVersion);
  assert.equal(errorOf(ensemble, client, send.delete(client, '/a', 0)), ReplyCode.badVersion);
  assert.equal(errorOf(ensemble, client, send.delete(client, '/a', 1)), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.getData(client, '/a')), ReplyCode.noNode);
});

test('a write that fails takes a zxid like any other', () => {
  const { ensemble, client } = single();
  const first = replyTo(ensemble, client, send.delete(client, '/missing'));
  assert.equal(first.error, ReplyCode.noNode);
  const second = replyTo(ensemble, client, send.create(client, '/a'));
  assert.equal(second.zxid, first.zxid + 1);
});

test('what a create is refused for', () => {
  const { ensemble, client } = single();
  const refused = (path: string, options: Parameters<typeof send.create>[2]): number =>
    errorOf(ensemble, client, send.create(client, path, options));
  assert.equal(refused('/a', {}), ReplyCode.ok);
  assert.equal(refused('/a', {}), ReplyCode.nodeExists);
  assert.equal(refused('/x/y', {}), ReplyCode.noNode);
  assert.equal(refused('a', {}), ReplyCode.badArguments);
  assert.equal(refused('', {}), ReplyCode.badArguments);
  assert.equal(refused('/a/', {}), ReplyCode.badArguments);
  assert.equal(refused('/b', { flags: 7 }), ReplyCode.badArguments);
  assert.equal(refused('/b', { acl: [] }), ReplyCode.invalidAcl);
  assert.equal(refused('/b', { acl: [{ perms: 31, scheme: 'nope', id: 'x' }] }), ReplyCode.invalidAcl);
  assert.equal(refused('/e', { flags: CreateMode.ephemeral }), ReplyCode.ok);
  assert.equal(refused('/e/x', {}), ReplyCode.noChildrenForEphemerals);
  assert.equal(
    refused('/t', { type: OpCode.createContainer, flags: CreateMode.persistentTtl }),
    ReplyCode.unimplemented,
  );
  assert.equal(refused('/', {}), ReplyCode.nodeExists);
});

test('create2 and createContainer answer a Stat; a container hides its mark', () => {
  const { ensemble, client } = single();
  const xid = send.create(client, '/a', { type: OpCode.create2, data: encodeUtf8('abc') });
  const plain = readCreate2Response(replyTo(ensemble, client, xid).body);
  assert.deepEqual([plain.path, plain.stat.dataLength], ['/a', 3]);
  const flags = CreateMode.container;
  const container = send.create(client, '/c', { type: OpCode.createContainer, flags });
  assert.equal(readCreate2Response(replyTo(ensemble, client, container).body).stat.ephemeralOwner, 0n);
});

test('sequential names count the creates of the parent, also of requests that come together', () => {
  const { ensemble, client } = single();
  send.create(client, '/q');
  const flags = CreateMode.persistentSequential;
  const xids = [0, 1, 2].map(() => send.create(client, '/q/n-', { flags }));
  const removed = send.delete(client, '/q/n-0000000001');
  const last = send.create(client, '/q/n-', { flags });
  ensemble.run();
  const names = [...xids, last].map((xid) => readPathResponse(replyTo(ensemble, client, xid).body));
  assert.deepEqual(names, ['/q/n-0000000000', '/q/n-0000000001', '/q/n-0000000002', '/q/n-0000000003']);
  assert.equal(errorOf(ensemble, client, removed), ReplyCode.ok);
});

test('requests that come together see each other, before any of them is committed', () => {
  const { ensemble, client } = single();
  const codes = [
    send.create(client, '/a'),
    send.create(client, '/a'),
    send.create(client, '/a/b'),
    send.delete(client, '/a'),
    send.setData(client, '/a/b', 'x', 0),
    send.setData(client, '/a/b', 'y', 0),
    send.delete(client, '/a/b', 1),
    send.delete(client, '/a'),
    send.create(client, '/a/c'),
  ].map((xid) => [xid, 0] as const);
  ensemble.run();
  const { ok, nodeExists, notEmpty, badVersion, noNode } = ReplyCode;
  assert.deepEqual(
    codes.map(([xid]) => client.reply(xid)?.error),
    [ok, nodeExists, ok, notEmpty, ok, badVersion, ok, ok, noNode],
  );
});

test('getChildren, getChildren2, exists, getAllChildrenNumber, getEphemerals, whoAmI', () => {
  const { ensemble, client } = single();
  send.create(client, '/a');
  send.create(client, '/a/x', { flags: CreateMode.ephemeral });
  send.create(client, '/a/y');
  ensemble.run();
  const names = readStringsResponse(replyTo(ensemble, client, send.getChildren(client, '/a')).body);
  assert.deepEqual(names.toSorted(), ['x', 'y']);
  const two = readGetChildren2Response(replyTo(ensemble, client, send.getChildren2(client, '/a')).body);
  assert.deepEqual([two.children.toSorted(), two.stat.numChildren, two.stat.cversion], [['x', 'y'], 2, 2]);
  const owner = readStat(replyTo(ensemble, client, send.exists(client, '/a/x')).body).ephemeralOwner;
  assert.equal(owner, client.sessionId);
  assert.equal(errorOf(ensemble, client, send.exists(client, '/nope')), ReplyCode.noNode);
  const count = send.path(client, OpCode.getAllChildrenNumber, '/a');
  assert.equal(readIntResponse(replyTo(ensemble, client, count).body), 2);
  const ephemerals = send.path(client, OpCode.getEphemerals, '/');
  assert.deepEqual(readStringsResponse(replyTo(ensemble, client, ephemerals).body), ['/a/x']);
  const who = client.request(OpCode.whoAmI);
  assert.deepEqual(readWhoAmIResponse(replyTo(ensemble, client, who).body), [{ scheme: 'ip', user: '127.0.0.1' }]);
});
