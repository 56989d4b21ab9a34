import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import * as requests from '../protocol/requests.ts';
import { send } from './testing/requests.ts';
import { errorOf, single } from './testing/single.ts';

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
