import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../common/utf8.ts';
import { readMultiResponse } from '../protocol/multi.ts';
import { CreateMode, EventType, OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import { readAcl, readStat } from '../protocol/record-codecs.ts';
import * as requests from '../protocol/requests.ts';
import {
  readCreate2Response,
  readGetAclResponse,
  readGetChildren2Response,
  readGetDataResponse,
  readIntResponse,
  readPathResponse,
  readStringsResponse,
  readWhoAmIResponse,
} from '../protocol/responses.ts';
import { Ensemble } from './testing/ensemble.ts';
import { OPEN_ACL, send, statOf } from './testing/requests.ts';
import type { Reply, TestClient } from './testing/test-client.ts';

/** A single member, with one client. */
function single(config: ConstructorParameters<typeof Ensemble>[1] = {}): { ensemble: Ensemble; client: TestClient } {
  const ensemble = Ensemble.serving(1, config);
  return { ensemble, client: ensemble.connected(1) };
}

function replyTo(ensemble: Ensemble, client: TestClient, xid: number): Reply {
  ensemble.run();
  const reply = client.reply(xid);
  assert.ok(reply, `no reply to request ${xid}; ${client.closedBecause ?? 'the connection is open'}`);
  return reply;
}

function errorOf(ensemble: Ensemble, client: TestClient, xid: number): number {
  return replyTo(ensemble, client, xid).error;
}

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

test('a snapshot is of the moment, and only of a member that serves', () => {
  const { ensemble, client } = single();
  const { zxid } = replyTo(ensemble, client, send.create(client, '/a'));
  const snapshot = ensemble.member(1).snapshot();
  assert.equal(snapshot?.zxid, zxid);
  replyTo(ensemble, client, send.create(client, '/b'));
  let body = '';
  for (let piece = snapshot?.next(100); piece !== undefined; piece = snapshot?.next(100)) {
    body += Buffer.from(piece).toString('latin1');
  }
  assert.deepEqual([body.includes('/a'), body.includes('/b')], [true, false]);
  const looking = new Ensemble(1);
  looking.startAll();
  assert.equal(looking.member(1).snapshot(), undefined);
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

test('ACLs: digest users, `auth`, masked hashes, refusals', () => {
  const { ensemble, client } = single();
  const other = ensemble.connected(1);
  send.auth(client, 'digest', 'ann:secret');
  send.create(client, '/own', { acl: [{ perms: Perm.all, scheme: 'auth', id: '' }] });
  send.create(client, '/open', {
    acl: [
      { perms: Perm.read, scheme: 'world', id: 'anyone' },
      { perms: Perm.all, scheme: 'auth', id: '' },
    ],
  });
  ensemble.run();
  assert.equal(errorOf(ensemble, other, send.getData(other, '/own')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.setData(other, '/own', 'x')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.create(other, '/own/x')), ReplyCode.noAuth);
  assert.equal(errorOf(ensemble, other, send.path(other, OpCode.getACL, '/own')), ReplyCode.noAuth);
  const mine = readGetAclResponse(replyTo(ensemble, client, send.path(client, OpCode.getACL, '/own')).body);
  assert.equal(mine.acl.length, 1);
  assert.match(mine.acl[0]?.id ?? '', /^ann:.{28}$/);
  const theirs = readAcl(replyTo(ensemble, other, send.path(other, OpCode.getACL, '/open')).body);
  assert.ok(theirs.some(({ id }) => id === 'ann:x'));
  const set = send.setAcl(client, '/own', OPEN_ACL, 0);
  assert.equal(statOf(replyTo(ensemble, client, set)).aversion, 1);
  assert.equal(errorOf(ensemble, other, send.getData(other, '/own')), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.setAcl(client, '/own', OPEN_ACL, 0)), ReplyCode.badVersion);
});

test('the super user may do everything; skipACL lets everybody', () => {
  const digest = 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=';
  const { ensemble, client } = single({ superDigest: digest });
  send.create(client, '/none', { acl: [{ perms: Perm.admin, scheme: 'ip', id: '10.1.1.1' }] });
  assert.equal(errorOf(ensemble, client, send.getData(client, '/none')), ReplyCode.noAuth);
  send.auth(client, 'digest', 'super:test');
  assert.equal(errorOf(ensemble, client, send.getData(client, '/none')), ReplyCode.ok);

  const lax = single({ skipAcl: true });
  send.create(lax.client, '/none', { acl: [{ perms: 0, scheme: 'ip', id: '10.1.1.1' }] });
  assert.equal(errorOf(lax.ensemble, lax.client, send.getData(lax.client, '/none')), ReplyCode.ok);
});

test('an unknown scheme: AuthFailed, then the connection is closed', () => {
  const { ensemble, client } = single();
  send.auth(client, 'nonsense', 'x');
  ensemble.run();
  assert.equal(client.replies.at(-1)?.error, ReplyCode.authFailed);
  assert.match(client.closedBecause ?? '', /authentication/);
});

test('watches: once each, before the reply that shows the change', () => {
  const { ensemble, client } = single();
  const writer = ensemble.connected(1);
  send.exists(client, '/a', true);
  send.getChildren(client, '/', true);
  ensemble.run();
  send.create(writer, '/a');
  ensemble.run();
  assert.deepEqual(
    client.events.map(({ type, path }) => [type, path]),
    [
      [EventType.nodeCreated, '/a'],
      [EventType.nodeChildrenChanged, '/'],
    ],
  );
  send.getData(client, '/a', true);
  ensemble.run();
  send.setData(writer, '/a', 'x');
  send.setData(writer, '/a', 'y');
  // The client reads in the same batch: it hears of the change first.
  const read = send.getData(client, '/a', true);
  ensemble.run();
  const kinds = client.received.slice(-2).map((item) => (item.kind === 'event' ? item.event.type : item.reply.xid));
  assert.deepEqual(
    [...kinds].sort((a, b) => a - b),
    [EventType.nodeDataChanged, read].sort((a, b) => a - b),
  );
  assert.equal(client.events.filter(({ type }) => type === EventType.nodeDataChanged).length, 1);
});

test('who may not read a znode hears nothing of it', () => {
  const { ensemble, client } = single();
  const other = ensemble.connected(1);
  send.auth(client, 'digest', 'ann:secret');
  send.exists(other, '/own', true);
  send.exists(client, '/own', true);
  send.create(client, '/own', { acl: [{ perms: Perm.all, scheme: 'auth', id: '' }] });
  ensemble.run();
  assert.equal(client.events.length, 1);
  assert.equal(other.events.length, 0);
});

test('addWatch, checkWatches, removeWatches', () => {
  const { ensemble, client } = single();
  const [persistentRecursive, any] = [1, 3];
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.addWatch, '/a', persistentRecursive)), ReplyCode.ok);
  send.create(client, '/a');
  send.create(client, '/a/b');
  ensemble.run();
  assert.deepEqual(
    client.events.map(({ path }) => path),
    ['/a', '/a/b'],
  );
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.checkWatches, '/a', any)), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.removeWatches, '/a', any)), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.checkWatches, '/a', any)), ReplyCode.noWatcher);
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.addWatch, '/a', 9)), ReplyCode.marshallingError);
});

test('setWatches: what changed meanwhile fires at once, the rest later', () => {
  const { ensemble, client } = single();
  send.create(client, '/old');
  const seen = replyTo(ensemble, client, send.create(client, '/kept')).zxid;
  send.setData(client, '/old', 'new');
  ensemble.run();
  const again = ensemble.connected(1);
  again.send(-8, OpCode.setWatches, (writer) =>
    requests.writeSetWatchesRequest(writer, {
      relativeZxid: seen,
      dataWatches: ['/old', '/kept', '/gone'],
      existWatches: ['/kept', '/later'],
      childWatches: ['/'],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    }),
  );
  ensemble.run();
  assert.deepEqual(
    again.events.map(({ type, path }) => [type, path]),
    [
      [EventType.nodeDataChanged, '/old'],
      [EventType.nodeDeleted, '/gone'],
      [EventType.nodeCreated, '/kept'],
    ],
  );
  assert.equal(again.received.at(-1)?.kind, 'reply');
  send.create(client, '/later');
  send.setData(client, '/kept', 'x');
  ensemble.run();
  assert.deepEqual(
    again.events.slice(3).map(({ type, path }) => [type, path]),
    [
      [EventType.nodeCreated, '/later'],
      [EventType.nodeChildrenChanged, '/'],
      [EventType.nodeDataChanged, '/kept'],
    ],
  );
});

test('what is not there yet is never a success: -6, and ReconfigDisabled', () => {
  const { ensemble, client } = single();
  assert.equal(errorOf(ensemble, client, client.request(OpCode.sasl)), ReplyCode.unimplemented);
  const reconfig = client.request(OpCode.reconfig, (writer) =>
    requests.writeReconfigRequest(writer, {
      joiningServers: 'server.2=a:1:2',
      leavingServers: null,
      newMembers: null,
      configVersion: -1,
    }),
  );
  assert.equal(errorOf(ensemble, client, reconfig), ReplyCode.reconfigDisabled);
  for (const type of [OpCode.check, OpCode.deleteContainer, OpCode.createSession, OpCode.notification, 4711, -1]) {
    const victim = ensemble.connected(1);
    assert.equal(errorOf(ensemble, victim, victim.request(type)), ReplyCode.unimplemented);
    assert.ok(victim.closedBecause);
  }
});

test('closeSession: answered, then closed; its ephemerals are gone, those that were only proposed too', () => {
  const { ensemble, client } = single();
  const other = ensemble.connected(1);
  send.create(client, '/e1', { flags: CreateMode.ephemeral });
  ensemble.run();
  send.create(client, '/e2', { flags: CreateMode.ephemeral });
  send.delete(client, '/e1');
  const close = client.request(OpCode.closeSession);
  // Nothing more is accepted from the session.
  send.create(client, '/late');
  assert.equal(errorOf(ensemble, client, close), ReplyCode.ok);
  assert.match(client.closedBecause ?? '', /closed/);
  for (const path of ['/e1', '/e2', '/late']) {
    assert.equal(errorOf(ensemble, other, send.exists(other, path)), ReplyCode.noNode);
  }
  assert.equal(ensemble.member(1).status().sessions, 1);
});

test('malformed requests: a MarshallingError for a body, a closed connection for a header', () => {
  const { ensemble, client } = single();
  for (const type of [OpCode.getData, OpCode.exists, OpCode.setWatches, OpCode.create, OpCode.multi, OpCode.sync]) {
    const xid = client.request(type, (writer) => writer.writeRaw(new Uint8Array([0x7f, 0xff, 0xff, 0xff])));
    assert.equal(errorOf(ensemble, client, xid), ReplyCode.marshallingError, `type ${type}`);
  }
  client.sendFrame(new Uint8Array(7));
  ensemble.run();
  assert.ok(client.closedBecause);
  const first = ensemble.client(1);
  first.sendFrame(new Uint8Array(3));
  ensemble.run();
  assert.ok(first.closedBecause);
  const long = ensemble.connected(1);
  long.sendFrame(new Uint8Array(0xfffff + 1));
  ensemble.run();
  assert.ok(long.closedBecause);
});

test('replies come in the order of requests, whatever they wait for', () => {
  const { ensemble, client } = single();
  const expected: number[] = [];
  for (let i = 0; i < 20; i++) {
    expected.push(send.create(client, `/n${i}`), send.getData(client, `/n${i}`));
    if (i % 5 === 0) expected.push(send.path(client, OpCode.sync, '/'), send.exists(client, '/n0'));
  }
  ensemble.run();
  assert.deepEqual(
    client.replies.map(({ xid }) => xid),
    expected,
  );
  assert.ok(client.replies.every(({ error }) => error === ReplyCode.ok));
});

test('reading from clients pauses above the limit of requests under way, and goes on', () => {
  const { ensemble, client } = single({ outstandingRequestsMax: 4 });
  for (let i = 0; i < 6; i++) send.create(client, `/n${i}`);
  ensemble.run();
  assert.deepEqual(ensemble.pauses(1), [true, false]);
  assert.equal(ensemble.member(1).status().outstandingRequests, 0);
});

test('snapshots are taken as transactions come, and a member starts from snapshot and log', () => {
  const { ensemble, client } = single({ snapshotEveryTransactions: 10 });
  for (let i = 0; i < 25; i++) send.create(client, `/n${i}`, { data: encodeUtf8(`data ${i}`) });
  ensemble.run();
  for (let i = 25; i < 50; i++) {
    send.create(client, `/n${i}`);
    ensemble.run();
  }
  const { snapshot } = ensemble.disk(1);
  assert.ok(snapshot !== undefined && snapshot.zxid > 0);
  const before = ensemble.member(1).status();
  ensemble.crash(1);
  ensemble.start(1);
  ensemble.untilServing();
  const after = ensemble.member(1).status();
  assert.deepEqual([after.znodes, after.sessions, after.dataBytes], [before.znodes, before.sessions, before.dataBytes]);
  const again = ensemble.connected(1);
  const data = readGetDataResponse(replyTo(ensemble, again, send.getData(again, '/n7')).body).data;
  assert.deepEqual(data, encodeUtf8('data 7'));
});
