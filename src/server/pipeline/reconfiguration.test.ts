import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUtf8 } from '../../common/utf8.ts';
import { changeMembership, readMembership } from '../config/reconfiguration.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { writeReconfigRequest, type ReconfigRequest } from '../protocol/requests.ts';
import { readGetDataResponse } from '../protocol/responses.ts';
import type { ChangeMembership } from './prepare-context.ts';
import { Ensemble } from './testing/ensemble.ts';
import { send } from './testing/requests.ts';
import type { TestClient } from './testing/test-client.ts';

const NOTHING: ReconfigRequest = { joiningServers: null, leavingServers: null, newMembers: null, configVersion: -1 };

function reconfigure(client: TestClient, request: Partial<ReconfigRequest>): number {
  return client.request(OpCode.reconfig, (writer) => writeReconfigRequest(writer, { ...NOTHING, ...request }));
}

const change: ChangeMembership = (current, request, version) =>
  changeMembership(current, request, version, { votersMin: 1, severalAddresses: false });

const open = (size: number): Ensemble => Ensemble.serving(size, { changeMembership: change, skipAcl: true });

function configurationAt(ensemble: Ensemble, client: TestClient): string {
  const xid = send.getData(client, '/zookeeper/config');
  ensemble.run();
  const reply = client.reply(xid);
  assert.ok(reply);
  return decodeUtf8(readGetDataResponse(reply.body).data ?? new Uint8Array(0));
}

const votersIn = (text: string): number[] => readMembership(text).members.map(({ id }) => id);

test('a fixed configuration is not changed', () => {
  const ensemble = Ensemble.serving(3);
  const client = ensemble.connected(ensemble.leader);
  const xid = reconfigure(client, { leavingServers: '1' });
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.reconfigDisabled);
});

test('the first leader gives the configuration its version', () => {
  const ensemble = open(3);
  for (const id of [1, 2, 3]) {
    const text = configurationAt(ensemble, ensemble.connected(id));
    assert.match(text, /^version=100000000$/m);
  }
});

test('a follower leaves: the answer is the new configuration, and every server has it', () => {
  const ensemble = open(5);
  const [follower, other] = ensemble.followers;
  assert.ok(follower !== undefined && other !== undefined);
  const client = ensemble.connected(other);
  const xid = reconfigure(client, { leavingServers: String(follower), configVersion: 0x100000000 });
  ensemble.run();
  const reply = client.reply(xid);
  assert.equal(reply?.error, ReplyCode.ok);
  const answered = decodeUtf8(readGetDataResponse(reply.body).data ?? new Uint8Array(0));
  assert.equal(votersIn(answered).includes(follower), false);
  assert.equal(readMembership(answered).version, reply.zxid);
  for (const id of ensemble.running) assert.equal(configurationAt(ensemble, ensemble.connected(id)), answered);
});

test('the leader leaves: another leads, and it may follow without a vote', () => {
  const ensemble = open(3);
  const { leader, followers } = ensemble;
  const client = ensemble.connected(leader);
  const xid = reconfigure(client, { leavingServers: String(leader) });
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.ok);
  ensemble.untilServing();
  assert.ok(followers.includes(ensemble.leader));
  assert.ok(ensemble.followers.includes(leader));
  const next = ensemble.connected(ensemble.leader);
  assert.deepEqual(votersIn(configurationAt(ensemble, next)), followers);
  ensemble.crash(leader);
  const write = send.create(next, '/without');
  ensemble.run();
  assert.equal(next.reply(write)?.error, ReplyCode.ok);
});

test('a server that missed a change learns of it, whatever it began with', () => {
  const ensemble = open(3);
  const [gone, leaving] = ensemble.followers;
  assert.ok(gone !== undefined && leaving !== undefined);
  const client = ensemble.connected(ensemble.leader);
  const demotion = `server.${leaving}=server-${leaving}:2888:3888:observer;2181`;
  ensemble.crash(gone);
  const refused = reconfigure(client, { joiningServers: demotion });
  ensemble.run();
  assert.equal(client.reply(refused)?.error, ReplyCode.newConfigNoQuorum);
  const done = reconfigure(client, { leavingServers: String(gone) });
  ensemble.run();
  assert.equal(client.reply(done)?.error, ReplyCode.ok);
  ensemble.start(gone);
  ensemble.untilServing();
  assert.deepEqual(votersIn(configurationAt(ensemble, ensemble.connected(gone))).includes(gone), false);
});

test('a leader says who is in sync, and what each of them is; everybody whether it votes', () => {
  const ensemble = open(4);
  const { leader, followers } = ensemble;
  const [gone, demoted, follower] = followers;
  assert.ok(gone !== undefined && demoted !== undefined && follower !== undefined);
  const client = ensemble.connected(leader);
  reconfigure(client, {
    leavingServers: String(gone),
    joiningServers: `server.${demoted}=server-${demoted}:2888:3888:observer;2181`,
  });
  ensemble.untilServing();
  send.create(client, '/behind');
  // The answer to the next ping says what the observer has.
  ensemble.advance(4_000);
  const roles = new Map([
    [gone, 'joining'],
    [demoted, 'observer'],
    [follower, 'follower'],
  ] as const);
  assert.deepEqual(ensemble.member(leader).ensemble(), {
    voting: true,
    learners: followers.map((id) => ({ id, role: roles.get(id), lag: 0 })),
  });
  for (const id of followers) {
    assert.deepEqual(ensemble.member(id).ensemble(), { voting: id === follower, learners: undefined });
  }
});

test('a leader that is to hand over, and whose last follower leaves meanwhile, serves on', () => {
  const ensemble = open(2);
  const { leader, followers } = ensemble;
  const client = ensemble.connected(leader);
  const xid = reconfigure(client, { leavingServers: String(followers[0]) });
  // Proposed, and not committed: the follower still counts.
  ensemble.turn();
  ensemble.input(leader, { type: 'handOver' });
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.ok);
  ensemble.untilServing();
  assert.equal(ensemble.leader, leader);
  const next = ensemble.connected(leader);
  const write = send.create(next, '/after');
  ensemble.run();
  assert.equal(next.reply(write)?.error, ReplyCode.ok);
});

test('changes that make no sense, or come at the wrong time, are refused', () => {
  const ensemble = open(3);
  const client = ensemble.connected(ensemble.leader);
  const requests: readonly (readonly [Partial<ReconfigRequest>, number])[] = [
    [{ leavingServers: '1', configVersion: 7 }, ReplyCode.badVersion],
    [{ joiningServers: 'nonsense' }, ReplyCode.badArguments],
    [{ newMembers: 'server.1=a:1:2:observer;3' }, ReplyCode.badArguments],
    [{ newMembers: 'server.8=a:1:2:participant;3,server.9=b:1:2:participant;3' }, ReplyCode.newConfigNoQuorum],
  ];
  for (const [request, code] of requests) {
    const xid = reconfigure(client, request);
    ensemble.run();
    assert.equal(client.reply(xid)?.error, code, JSON.stringify(request));
  }
  const [first, second] = ensemble.followers;
  const xids = [first, second].map((id) => reconfigure(client, { leavingServers: String(id) }));
  ensemble.run();
  const codes = xids.map((xid) => client.reply(xid)?.error);
  assert.deepEqual(codes, [ReplyCode.ok, ReplyCode.reconfigInProgress]);
});

test('what the ensemble believes after its next start is not written by setData', () => {
  const ensemble = open(3);
  const client = ensemble.connected(ensemble.leader);
  const alien = 'server.7=elsewhere:2888:3888:participant;0.0.0.0:2181\nversion=ffffffffffff';
  const xid = send.setData(client, '/zookeeper/config', alien);
  ensemble.run();
  const code = client.reply(xid)?.error;
  for (const id of ensemble.running) ensemble.crash(id);
  ensemble.startAll();
  ensemble.untilServing();
  assert.equal(code, ReplyCode.badArguments);
});

test('only who may write the znode may change the configuration', () => {
  const ensemble = Ensemble.serving(3, { changeMembership: change, superDigest: 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=' });
  const client = ensemble.connected(ensemble.leader);
  const refused = reconfigure(client, { leavingServers: String(ensemble.followers[0]) });
  ensemble.run();
  assert.equal(client.reply(refused)?.error, ReplyCode.noAuth);
  send.auth(client, 'digest', 'super:secret');
  const done = reconfigure(client, { leavingServers: String(ensemble.followers[0]) });
  ensemble.run();
  assert.equal(client.reply(done)?.error, ReplyCode.ok);
});
