import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OpCode, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import { PacketType } from '../protocol/quorum.ts';
import { flags, operation, path, version } from './testing/arbitraries.ts';
import { Ensemble } from './testing/ensemble.ts';
import { OPEN_ACL, send } from './testing/requests.ts';
import type { TestClient } from './testing/test-client.ts';

const request = fc.record({
  client: fc.nat(2),
  act: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('multi' as const), operations: fc.array(operation, { maxLength: 4 }) }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('create' as const), path, flags }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('delete' as const), path, version }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), path, version }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('setAcl' as const), path, version }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
  ),
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function perform(client: TestClient, { act }: Request): void {
  switch (act.kind) {
    case 'multi':
      send.multi(client, act.operations);
      break;
    case 'create':
      send.create(client, act.path, { flags: act.flags });
      break;
    case 'delete':
      send.delete(client, act.path, act.version);
      break;
    case 'set':
      send.setData(client, act.path, 'x', act.version);
      break;
    case 'setAcl':
      send.setAcl(client, act.path, OPEN_ACL, act.version);
      break;
    case 'close':
      client.request(OpCode.closeSession);
      break;
  }
}

/** Every byte that three clients receive, and what the tree is in the end. */
function outcome(requests: readonly Request[], oneByOne: boolean): unknown {
  const ensemble = Ensemble.serving(1);
  const clients = [0, 1, 2].map(() => ensemble.connected(1));
  for (const next of requests) {
    const client = clients[next.client];
    if (client !== undefined) perform(client, next);
    if (oneByOne) ensemble.run();
  }
  ensemble.run();
  const observer = ensemble.connected(1);
  for (const parent of ['/', '/a', '/a/x']) send.getChildren2(observer, parent);
  ensemble.run();
  return {
    frames: [...clients, observer].map(({ frames }) => frames),
    closed: clients.map(({ closedBecause }) => closedBecause),
    // Frames that follow a closeSession are dropped on the way, or read and ignored.
    status: { ...ensemble.member(1).status(), packetsReceived: 0 },
  };
}

test('preparing against proposals under way gives, byte for byte, what preparing against the applied state gives', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
      assert.deepEqual(outcome(requests, false), outcome(requests, true));
    }),
    { numRuns: 300 },
  );
});

test('whatever bytes a client sends, the member lives and other clients do not notice', () => {
  const types = fc.oneof(fc.constantFrom(...Object.values(OpCode)), fc.integer());
  // An answer to -1 looks like a watch event: that is for the client to sort out.
  const xid = fc.integer().filter((value) => value !== SpecialXid.watchEvent);
  const frame = fc.record({ xid, type: types, body: fc.uint8Array({ maxLength: 60 }) });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.uint8Array({ maxLength: 60 })), (frames, raw) => {
      const ensemble = Ensemble.serving(1);
      const bystander = ensemble.connected(1);
      const hostile = ensemble.connected(1);
      for (const sent of frames) hostile.send(sent.xid, sent.type, (writer) => writer.writeRaw(sent.body));
      for (const bytes of raw) {
        hostile.sendFrame(bytes);
        ensemble.client(1).sendFrame(bytes);
      }
      const created = send.create(bystander, '/bystander');
      ensemble.run();
      assert.equal(bystander.reply(created)?.error, ReplyCode.ok);
    }),
  );
});

test('a learner that sends nonsense loses its connection, and the ensemble goes on', () => {
  const ensemble = Ensemble.serving(3);
  const { leader } = ensemble;
  const [first, second] = ensemble.followers;
  assert.ok(first !== undefined && second !== undefined);
  const client = ensemble.connected(leader);
  for (const type of [PacketType.request, PacketType.ping, PacketType.revalidate]) {
    ensemble.inputFromLearner(first, { type, zxid: -1, data: new Uint8Array(3), authinfo: null });
    ensemble.run();
    const xid = send.create(client, `/n${type}`);
    ensemble.run();
    assert.equal(client.reply(xid)?.error, ReplyCode.ok);
    ensemble.until('the learner is not back', () => ensemble.followers.includes(first));
    ensemble.untilServing();
  }
});

test('a leader that sends nonsense is left', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const client = ensemble.connected(follower);
  const packet = { type: PacketType.revalidate, zxid: -1, data: new Uint8Array(3), authinfo: null };
  ensemble.input(follower, { type: 'leaderPacket', packet });
  ensemble.run();
  assert.ok(client.closedBecause);
  ensemble.untilServing();
});
