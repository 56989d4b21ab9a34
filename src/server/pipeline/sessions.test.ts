import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreateMode, EventType, OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { Ensemble } from './testing/ensemble.ts';
import { send } from './testing/requests.ts';
import { errorOf, single } from './testing/single.ts';

test('a session gets its own id and password, and its timeout within the limits', () => {
  const ensemble = Ensemble.serving(1);
  const short = ensemble.connected(1, { timeoutMs: 1 });
  const long = ensemble.connected(1, { timeoutMs: 1_000_000 });
  assert.equal(short.connection?.timeoutMs, 4000);
  assert.equal(long.connection?.timeoutMs, 40_000);
  assert.notEqual(short.sessionId, long.sessionId);
  assert.equal(short.sessionId >> 56n, 1n);
});

test('the readOnly field is answered only to those who sent it', () => {
  const ensemble = Ensemble.serving(1);
  assert.equal(ensemble.connected(1, { readOnly: true }).connection?.readOnly, false);
});

test('a client that has seen more than this server is sent elsewhere', () => {
  const ensemble = Ensemble.serving(1);
  const client = ensemble.client(1);
  client.connect({ lastZxidSeen: 2 ** 40 });
  ensemble.run();
  assert.match(client.closedBecause ?? '', /seen zxid/);
  assert.equal(client.connection, undefined);
});

test('a wrong password, or a session that nobody knows: session 0, and the connection is closed', () => {
  const ensemble = Ensemble.serving(1);
  const session = ensemble.connected(1).connection;
  assert.ok(session);
  const wrong = { ...session, password: new Uint8Array(16) };
  for (const refused of [wrong, { ...session, sessionId: 77n }]) {
    const client = ensemble.client(1);
    client.connect({ session: refused });
    ensemble.run();
    assert.deepEqual([client.connection?.sessionId, client.connection?.timeoutMs], [0n, 0]);
    assert.deepEqual(client.connection?.password, new Uint8Array(16));
    assert.ok(client.closedBecause);
  }
});

test('a session that is connected again keeps its ephemerals; the former connection is closed', () => {
  const ensemble = Ensemble.serving(3);
  for (const id of [ensemble.leader, ...ensemble.followers]) {
    const client = ensemble.connected(id);
    send.create(client, `/e${id}`, { flags: CreateMode.ephemeral });
    ensemble.run();
    assert.ok(client.connection);
    const again = ensemble.connected(id, { session: client.connection });
    assert.equal(again.sessionId, client.sessionId);
    assert.match(client.closedBecause ?? '', /connected again/);
    const xid = send.exists(again, `/e${id}`);
    ensemble.run();
    assert.equal(again.reply(xid)?.error, ReplyCode.ok);
  }
});

test('a session that has moved: the old connection cannot write any more, and is closed', () => {
  const ensemble = Ensemble.serving(3);
  const [first, second] = ensemble.followers;
  assert.ok(first !== undefined && second !== undefined);
  for (const [from, to] of [
    [first, second],
    [ensemble.leader, first],
    [first, ensemble.leader],
  ] as const) {
    const stale = ensemble.connected(from);
    assert.ok(stale.connection);
    const moved = ensemble.connected(to, { session: stale.connection });
    const write = send.create(stale, '/stale');
    ensemble.run();
    assert.equal(stale.reply(write), undefined);
    assert.match(stale.closedBecause ?? '', /moved|ending/);
    const check = send.exists(moved, '/stale');
    ensemble.run();
    assert.equal(moved.reply(check)?.error, ReplyCode.noNode);
  }
});

test('heartbeats keep a session alive, at the leader and at a follower; silence ends it everywhere', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const watcher = ensemble.connected(ensemble.leader, { timeoutMs: 40_000 });
  const clients = [ensemble.connected(ensemble.leader), ensemble.connected(follower)];
  clients.forEach((client, i) => send.create(client, `/e${i}`, { flags: CreateMode.ephemeral }));
  ensemble.run();
  for (let i = 0; i < 20; i++) {
    ensemble.advance(3000);
    for (const client of [...clients, watcher]) client.ping();
  }
  ensemble.run();
  assert.deepEqual(
    clients.map(({ closedBecause }) => closedBecause),
    [undefined, undefined],
  );
  for (const path of ['/e0', '/e1']) send.exists(watcher, path, true);
  ensemble.advance(20_000);
  watcher.ping();
  ensemble.run();
  assert.deepEqual(watcher.events.map(({ type, path }) => `${type} ${path}`).toSorted(), [
    `${EventType.nodeDeleted} /e0`,
    `${EventType.nodeDeleted} /e1`,
  ]);
  assert.ok(clients.every(({ closedBecause }) => closedBecause !== undefined));
  for (const id of [1, 2, 3]) assert.equal(ensemble.member(id).status().sessions, 1);
});

test('a leader that stood still hears first who lives, at its followers as well, before it ends a session', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const alive = ensemble.connected(follower, { timeoutMs: 4000 });
  const gone = ensemble.connected(follower, { timeoutMs: 4000 });
  ensemble.advance(1000);
  const { leader } = ensemble;
  // Nobody hears of the leader, who does nothing, for longer than the sessions may be silent.
  ensemble.pause(leader);
  for (let i = 0; i < 4; i++) {
    ensemble.advance(1500);
    alive.ping();
  }
  // It wakes, and has a few turns before anybody's answer to its ping arrives.
  ensemble.pause(follower);
  ensemble.resume(leader);
  for (let turns = 0; turns < 3; turns++) {
    ensemble.input(leader, { type: 'tick' });
    ensemble.run();
  }
  ensemble.resume(follower);
  ensemble.advance(500);
  alive.ping();
  ensemble.advance(500);
  assert.equal(ensemble.leader, leader);
  assert.equal(alive.closedBecause, undefined);
  assert.ok(ensemble.member(leader).inspect().sessions.has(alive.sessionId), 'the session of a client that was heard');
  ensemble.advance(8000);
  assert.equal(
    ensemble.member(leader).inspect().sessions.has(gone.sessionId),
    false,
    'the other one ends all the same',
  );
});

test('a session does not end while its server does not read from clients, for whom too many requests wait', () => {
  for (const at of ['leader', 'follower'] as const) {
    const ensemble = Ensemble.serving(5, { outstandingRequestsMax: 4 });
    const [follower = 0, ...others] = ensemble.followers;
    const server = at === 'leader' ? ensemble.leader : follower;
    const idle = ensemble.connected(server, { timeoutMs: 4000 });
    const busy = ensemble.connected(server, { timeoutMs: 40_000 });
    // Without them nothing is committed.
    for (const other of others) ensemble.pause(other);
    for (let i = 0; i < 5; i++) send.create(busy, `/n${i}`);
    ensemble.run();
    assert.deepEqual(ensemble.pauses(server), [true]);
    // The heartbeats that it sends meanwhile wait in its socket.
    ensemble.advance(9000);
    for (const other of others) ensemble.resume(other);
    ensemble.run();
    assert.deepEqual(ensemble.pauses(server), [true, false]);
    assert.equal(errorOf(ensemble, idle, send.exists(idle, '/n4')), ReplyCode.ok, at);
    ensemble.advance(8000);
    assert.match(idle.closedBecause ?? '', /expired|nothing was heard/, 'silence ends it again');
  }
});

test('nor does that of a client which is held because its reads wait behind a write', () => {
  for (const at of ['leader', 'follower'] as const) {
    const ensemble = Ensemble.serving(5);
    const [follower = 0, ...others] = ensemble.followers;
    const client = ensemble.connected(at === 'leader' ? ensemble.leader : follower, { timeoutMs: 4000 });
    for (const other of others) ensemble.pause(other);
    send.create(client, '/written');
    const xids = Array.from({ length: 200 }, () => send.exists(client, '/written'));
    ensemble.advance(9000);
    for (const other of others) ensemble.resume(other);
    assert.equal(errorOf(ensemble, client, xids.at(-1) ?? 0), ReplyCode.ok, at);
  }
});

test('a session outlives its connection until it expires, and no longer', () => {
  const ensemble = Ensemble.serving(1);
  const client = ensemble.connected(1, { timeoutMs: 6000 });
  client.disconnect();
  ensemble.advance(5900);
  assert.equal(ensemble.member(1).status().sessions, 1);
  ensemble.advance(4100);
  assert.equal(ensemble.member(1).status().sessions, 0);
});

test('after an election every session has its full timeout', () => {
  const ensemble = Ensemble.serving(3);
  const old = ensemble.leader;
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const client = ensemble.connected(follower, { timeoutMs: 10_000 });
  ensemble.advance(8000);
  ensemble.crash(old);
  ensemble.untilServing();
  const electedMs = ensemble.nowMs;
  assert.ok(client.closedBecause);
  const leader = ensemble.leader;
  ensemble.advance(9900 - (ensemble.nowMs - electedMs));
  assert.equal(ensemble.member(leader).status().sessions, 1);
  ensemble.advance(4200);
  assert.equal(ensemble.member(leader).status().sessions, 0);
});

test('a flood of expired sessions is worked off in batches', () => {
  const ensemble = Ensemble.serving(1);
  for (let i = 0; i < 1200; i++) ensemble.client(1).connect({ timeoutMs: 4000 });
  ensemble.run();
  assert.equal(ensemble.member(1).status().sessions, 1200);
  ensemble.advance(8000);
  assert.equal(ensemble.member(1).status().sessions, 0);
  assert.equal(ensemble.member(1).status().clients, 0);
});

test('a connection that says nothing is closed', () => {
  const ensemble = Ensemble.serving(1);
  const silent = ensemble.client(1);
  ensemble.advance(13_000);
  assert.match(silent.closedBecause ?? '', /nothing was heard/);
});

test('no answer is invented: when the quorum is lost clients are closed, and nobody new is let in', () => {
  const ensemble = Ensemble.serving(3);
  const { leader, followers } = ensemble;
  const client = ensemble.connected(leader);
  for (const id of followers) ensemble.crash(id);
  const write = send.create(client, '/lost');
  ensemble.until('the leader goes on', () => client.closedBecause !== undefined);
  assert.equal(client.reply(write), undefined);
  const late = ensemble.client(leader);
  late.connect();
  ensemble.run();
  assert.equal(late.closedBecause, undefined, 'the quorum may be back in a moment');
  ensemble.advance(1_000);
  assert.match(late.closedBecause ?? '', /not serving/);
  const later = ensemble.client(leader);
  later.connect();
  ensemble.run();
  assert.match(later.closedBecause ?? '', /not serving/);
});

test('a client that connects during an election is served when it is over', () => {
  const ensemble = Ensemble.serving(3);
  const { leader } = ensemble;
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  ensemble.crash(leader);
  ensemble.advance(0);
  const late = ensemble.client(follower);
  late.connect();
  const xid = send.create(late, '/late');
  ensemble.untilServing();
  ensemble.run();
  assert.equal(late.reply(xid)?.error, ReplyCode.ok);
});

test('frames that a client sends before its session is open are answered behind the connect response', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const hasty = ensemble.client(follower);
  hasty.connect();
  const xid = send.create(hasty, '/hasty');
  ensemble.run();
  assert.equal(hasty.reply(xid)?.error, ReplyCode.ok);
  const flooding = ensemble.client(follower);
  flooding.connect();
  for (let i = 0; i < 3; i++) flooding.request(OpCode.ping, (writer) => writer.writeRaw(new Uint8Array(40_000)));
  ensemble.run();
  assert.match(flooding.closedBecause ?? '', /before its session/);
  const saysNothing = ensemble.client(follower);
  saysNothing.connect();
  for (let i = 0; i < 1000; i++) saysNothing.sendFrame(new Uint8Array(0));
  ensemble.turn();
  assert.match(saysNothing.closedBecause ?? '', /before its session/);
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

test('a session with more ephemerals than a packet could name ends like any other', () => {
  const { ensemble, client } = single();
  const other = ensemble.connected(1);
  for (let i = 0; i < 300; i++) send.create(client, `/${i}${'x'.repeat(1000)}`, { flags: CreateMode.ephemeral });
  ensemble.run();
  assert.equal(ensemble.member(1).status().ephemerals, 300);
  assert.equal(errorOf(ensemble, client, client.request(OpCode.closeSession)), ReplyCode.ok);
  assert.equal(ensemble.member(1).status().ephemerals, 0);
  const closed = ensemble.disk(1).entries.at(-1);
  assert.ok(closed !== undefined && closed.bytes.length < 1000, `its transaction has ${closed?.bytes.length} bytes`);
  // The next start comes to the same.
  ensemble.crash(1);
  ensemble.start(1);
  ensemble.untilServing();
  assert.equal(ensemble.member(1).status().ephemerals, 0);
  assert.ok(other.closedBecause);
});
