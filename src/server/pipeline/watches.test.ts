import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import * as requests from '../protocol/requests.ts';
import { send } from './testing/requests.ts';
import { errorOf, replyTo, single } from './testing/single.ts';

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
