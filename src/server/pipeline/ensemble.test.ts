import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CreateMode, EventType, OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { writeCreateTtlRequest } from '../protocol/requests.ts';
import { readGetDataResponse, readPathResponse } from '../protocol/responses.ts';
import { Ensemble } from './testing/ensemble.ts';
import { OPEN_ACL, send, statOf } from './testing/requests.ts';
import { errorOf, single } from './testing/single.ts';
import type { TestClient } from './testing/test-client.ts';

test('a write through a follower is seen by everybody, with the same zxid', () => {
  const ensemble = Ensemble.serving(3);
  const clients = [1, 2, 3].map((id) => ensemble.connected(id));
  const [a, b, c] = clients;
  assert.ok(a && b && c);
  const xid = send.create(b, '/a');
  ensemble.run();
  const created = b.reply(xid);
  assert.equal(created?.error, ReplyCode.ok);
  const stats = clients.map((client) => {
    const read = send.exists(client, '/a');
    ensemble.run();
    const reply = client.reply(read);
    assert.ok(reply);
    return statOf(reply);
  });
  assert.ok(stats.every(({ czxid }) => czxid === created.zxid));
});

test('identities travel with a forwarded request', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const client = ensemble.connected(follower);
  send.auth(client, 'digest', 'ann:secret');
  const xid = send.create(client, '/own', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
  const other = ensemble.connected(ensemble.leader);
  const refused = send.setData(other, '/own', 'x');
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.ok);
  assert.equal(other.reply(refused)?.error, ReplyCode.noAuth);
});

test('sync through a follower, then a read: as new as any write that was answered before', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const writer = ensemble.connected(ensemble.leader);
  const reader = ensemble.connected(follower);
  const written = send.create(writer, '/new');
  ensemble.run();
  assert.equal(writer.reply(written)?.error, ReplyCode.ok);
  const sync = send.path(reader, OpCode.sync, '/new');
  const read = send.exists(reader, '/new');
  ensemble.run();
  const synced = reader.reply(sync);
  assert.ok(synced);
  assert.equal(readPathResponse(synced.body), '/new');
  assert.equal(reader.reply(read)?.error, ReplyCode.ok);
});

test('a leader that has lost its followers answers no sync', () => {
  const ensemble = Ensemble.serving(3);
  const { leader, followers } = ensemble;
  const client = ensemble.connected(leader);
  for (const id of followers) ensemble.crash(id);
  const sync = send.path(client, OpCode.sync, '/');
  ensemble.until('the client is still connected', () => client.closedBecause !== undefined);
  assert.equal(client.reply(sync), undefined);
});

test('a member that was away is brought up to date, by log or by snapshot', () => {
  for (const writes of [3, 700]) {
    const ensemble = Ensemble.serving(3);
    const [follower] = ensemble.followers;
    assert.ok(follower !== undefined);
    ensemble.crash(follower);
    const client = ensemble.connected(ensemble.leader);
    for (let i = 0; i < writes; i++) send.create(client, `/n${i}`);
    ensemble.run();
    ensemble.start(follower);
    ensemble.untilServing();
    const expected = ensemble.member(ensemble.leader).status();
    ensemble.until('the states differ', () => ensemble.member(follower).status().lastZxid === expected.lastZxid);
    assert.equal(ensemble.member(follower).status().znodes, expected.znodes);
    // And from its own disk again.
    ensemble.crash(follower);
    ensemble.start(follower);
    ensemble.untilServing();
    assert.equal(ensemble.member(follower).status().znodes, expected.znodes);
  }
});

test('a killed leader: what was acknowledged is there afterwards, and writes go on', () => {
  const ensemble = Ensemble.serving(3);
  const killed = ensemble.leader;
  const client = ensemble.connected(killed);
  const xid = send.create(client, '/kept');
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.ok);
  ensemble.crash(killed);
  ensemble.untilServing();
  assert.notEqual(ensemble.leader, killed);
  assert.ok(client.connection);
  const again = ensemble.connected(ensemble.leader, { session: client.connection });
  const read = send.exists(again, '/kept');
  const write = send.create(again, '/more');
  ensemble.run();
  assert.equal(again.reply(read)?.error, ReplyCode.ok);
  assert.equal(again.reply(write)?.error, ReplyCode.ok);
  ensemble.start(killed);
  ensemble.untilServing();
});

test('containers that have lost their last child are removed by the leader; new ones are left alone', () => {
  const ensemble = Ensemble.serving(3);
  const client = ensemble.connected(ensemble.leader, { timeoutMs: 40_000 });
  const container = { type: OpCode.createContainer, flags: CreateMode.container };
  send.create(client, '/used', container);
  send.create(client, '/new', container);
  send.create(client, '/used/child');
  send.delete(client, '/used/child');
  ensemble.run();
  for (let i = 0; i < 7; i++) {
    ensemble.advance(10_000);
    client.ping();
  }
  const used = send.exists(client, '/used');
  const fresh = send.exists(client, '/new');
  ensemble.run();
  assert.equal(client.reply(used)?.error, ReplyCode.noNode);
  assert.equal(client.reply(fresh)?.error, ReplyCode.ok);
});

test('a container that makes room for another znode, or is used, in the very moment in which it would be removed is left alone', () => {
  const { ensemble, client } = single();
  for (const path of ['/replaced', '/used']) {
    send.create(client, path, { type: OpCode.createContainer, flags: CreateMode.container });
    send.create(client, `${path}/child`);
    send.delete(client, `${path}/child`);
  }
  ensemble.run();
  // The next step is late enough to look for containers; it has these requests as well, which nobody has committed yet.
  ensemble.nowMs += 70_000;
  send.delete(client, '/replaced');
  const created = send.create(client, '/replaced');
  const set = send.setData(client, '/used', 'x');
  assert.equal(errorOf(ensemble, client, created), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, set), ReplyCode.ok);
  for (const path of ['/replaced', '/used']) {
    assert.equal(errorOf(ensemble, client, send.exists(client, path)), ReplyCode.ok, path);
  }
});

test('TTL znodes live as long as they were given, where they are enabled', () => {
  const ensemble = Ensemble.serving(1, { extendedTypesEnabled: true });
  const client = ensemble.connected(1, { timeoutMs: 40_000 });
  const createTtl = (path: string, ttlMs: number): number =>
    client.request(OpCode.createTTL, (writer) =>
      writeCreateTtlRequest(writer, { path, data: null, acl: OPEN_ACL, flags: CreateMode.persistentTtl, ttlMs }),
    );
  const xids = [
    createTtl('/short', 1000),
    createTtl('/long', 1_000_000),
    createTtl('/none', 0),
    createTtl('/over', 2 ** 40),
  ];
  send.create(client, '/short/child');
  ensemble.run();
  const { ok, badArguments } = ReplyCode;
  assert.deepEqual(
    xids.map((xid) => client.reply(xid)?.error),
    [ok, ok, badArguments, badArguments],
  );
  const isThere = (path: string): boolean => {
    const xid = send.exists(client, path);
    ensemble.run();
    return client.reply(xid)?.error === ok;
  };
  const pass = (): void => {
    for (let i = 0; i < 7; i++) {
      ensemble.advance(10_000);
      client.ping();
    }
  };
  pass();
  assert.ok(isThere('/short'), 'a TTL znode with a child is kept');
  send.delete(client, '/short/child');
  pass();
  assert.ok(!isThere('/short'));
  assert.ok(isThere('/long'));
});

test('the leader knows its learners, and which of them are synchronized', () => {
  const ensemble = Ensemble.serving(3);
  const { leader, followers } = ensemble;
  const counts = (): readonly number[] => {
    const learners = ensemble.member(leader).learners();
    return [learners.length, learners.filter(({ serving }) => serving).length];
  };
  ensemble.until('the followers are not counted', () => counts()[1] === 2);
  assert.deepEqual(counts(), [2, 2]);
  ensemble.crash(followers[0] ?? 0);
  ensemble.run();
  assert.deepEqual(counts(), [1, 1]);
});

test('a leader that is told to stop answers what is under way, and stays until another one leads', () => {
  const ensemble = Ensemble.serving(3);
  const { leader, followers } = ensemble;
  const [follower] = followers;
  assert.ok(follower !== undefined);
  const client = ensemble.connected(leader);
  const other = ensemble.connected(follower);
  const first = send.create(client, '/first');
  ensemble.input(leader, { type: 'stop' });
  const refused = send.create(client, '/refused');
  const forwarded = send.create(other, '/forwarded');
  ensemble.advance(500);
  assert.equal(client.reply(first)?.error, ReplyCode.ok);
  assert.equal(client.reply(refused), undefined);
  assert.ok(client.closedBecause !== undefined);
  assert.ok(!ensemble.running.includes(leader), 'it ends');
  assert.equal(ensemble.leader, Math.max(...followers), 'the greatest id of those that have everything');
  const reader = ensemble.connected(ensemble.leader);
  const read = send.exists(reader, '/first');
  const unanswered = send.exists(reader, '/forwarded');
  ensemble.run();
  assert.equal(reader.reply(read)?.error, ReplyCode.ok);
  // What a follower had handed to the leader is either done and answered, or the connection ends without an answer.
  const isDone = reader.reply(unanswered)?.error === ReplyCode.ok;
  assert.equal(other.reply(forwarded)?.error, isDone ? ReplyCode.ok : undefined);
});

test('a leader without followers stops at once', () => {
  const ensemble = Ensemble.serving(1);
  ensemble.input(1, { type: 'stop' });
  ensemble.run();
  assert.deepEqual(ensemble.running, []);
});

test('a follower that is told to stop answers what is under way, then closes its clients', () => {
  const ensemble = Ensemble.serving(3);
  const [follower] = ensemble.followers;
  assert.ok(follower !== undefined);
  const client = ensemble.connected(follower);
  const xid = send.create(client, '/last');
  ensemble.input(follower, { type: 'stop' });
  ensemble.run();
  assert.equal(client.reply(xid)?.error, ReplyCode.ok);
  assert.match(client.closedBecause ?? '', /stopping/);
});

/** What one client does in the property below. */
const action = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), client: fc.nat(5), node: fc.nat(2) }),
  fc.record({ kind: fc.constant('get' as const), client: fc.nat(5), node: fc.nat(2), watch: fc.boolean() }),
  fc.record({ kind: fc.constant('sync' as const), client: fc.nat(5) }),
  fc.record({ kind: fc.constant('ping' as const), client: fc.nat(5) }),
  fc.record({ kind: fc.constant('run' as const) }),
);

test('session order: replies in the order of requests, zxids never back, own writes seen, events before their effect', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const ensemble = Ensemble.serving(3);
      const clients = Array.from({ length: 6 }, (_, i) => ensemble.connected((i % 3) + 1));
      const [first] = clients;
      assert.ok(first);
      for (const node of [0, 1, 2]) send.create(first, `/${node}`);
      ensemble.run();
      const journals = clients.map((client) => new Journal(client));
      for (const step of actions) {
        if (step.kind === 'run') ensemble.run();
        else journals[step.client]?.act(step);
      }
      ensemble.run();
      for (const journal of journals) journal.check();
    }),
    { numRuns: 60 },
  );
});

/** What one client asked for, to be compared with what it got. */
class Journal {
  readonly #client: TestClient;
  readonly #expected: {
    readonly xid: number;
    readonly kind: string;
    readonly path: string;
    readonly watch: boolean;
  }[] = [];
  readonly #skip: number;

  constructor(client: TestClient) {
    this.#client = client;
    this.#skip = client.received.length;
  }

  act(step: { readonly kind: string; readonly node?: number; readonly watch?: boolean }): void {
    const path = `/${step.node ?? 0}`;
    const watch = step.watch ?? false;
    const client = this.#client;
    let xid = -2;
    if (step.kind === 'set') xid = send.setData(client, path, 'x');
    else if (step.kind === 'get') xid = send.getData(client, path, watch);
    else if (step.kind === 'sync') xid = send.path(client, OpCode.sync, path);
    else client.ping();
    this.#expected.push({ xid, kind: step.kind, path, watch });
  }

  check(): void {
    const expected = [...this.#expected];
    const versions = new Map<string, number>();
    /** Paths that are watched, with the version that the watch was left at. */
    const watched = new Map<string, number>();
    let zxid = 0;
    for (const item of this.#client.received.slice(this.#skip)) {
      if (item.kind === 'event') {
        assert.equal(item.event.type, EventType.nodeDataChanged);
        assert.ok(watched.delete(item.event.path), 'an event that nobody asked for');
        continue;
      }
      const { reply } = item;
      const request = expected.shift();
      assert.equal(reply.xid, request?.xid);
      assert.ok(reply.zxid >= zxid, 'a zxid went back');
      zxid = reply.zxid;
      if (request === undefined || (request.kind !== 'get' && request.kind !== 'set')) continue;
      const stat = request.kind === 'get' ? readGetDataResponse(reply.body).stat : statOf(reply);
      assert.ok(stat.version >= (versions.get(request.path) ?? 0), 'an older state than before');
      versions.set(request.path, stat.version);
      const left = watched.get(request.path);
      assert.ok(left === undefined || left === stat.version, 'a change was seen before its event');
      if (request.watch) watched.set(request.path, stat.version);
    }
    assert.deepEqual(expected, [], 'requests without a reply');
  }
}

test('a leader that is asked to hand over follows another; one that is alone goes on', () => {
  const ensemble = Ensemble.serving(3);
  const { leader, followers } = ensemble;
  const client = ensemble.connected(followers[0] ?? 0);
  const write = send.create(client, '/before');
  ensemble.run();
  assert.equal(client.reply(write)?.error, ReplyCode.ok);
  ensemble.input(leader, { type: 'handOver' });
  ensemble.run();
  ensemble.untilServing();
  assert.notEqual(ensemble.leader, leader);
  assert.ok(ensemble.followers.includes(leader));

  const alone = Ensemble.serving(1);
  alone.input(1, { type: 'handOver' });
  const other = alone.connected(1);
  const done = send.create(other, '/still');
  alone.run();
  assert.equal(other.reply(done)?.error, ReplyCode.ok);
});

test('everything that comes in one turn is proposed at once', () => {
  const ensemble = Ensemble.serving(1);
  const clients = [1, 2, 3].map(() => ensemble.connected(1));
  const appends = ensemble.disk(1).entries.length;
  for (const client of clients) for (let i = 0; i < 10; i++) send.create(client, `/c${client.id}-${i}`);
  const persists = ensemble.countPersists(1, () => ensemble.run());
  assert.equal(ensemble.disk(1).entries.length - appends, 30);
  assert.equal(persists, 1);
});

test('a read behind a sync does not see a write that the session sent after it', () => {
  for (let id = 1; id <= 3; id++) {
    const ensemble = Ensemble.serving(3);
    const client = ensemble.connected(id);
    send.create(client, '/r');
    ensemble.run();
    const before = send.path(client, OpCode.sync, '/r');
    const read = send.getData(client, '/r');
    const writes = [send.setData(client, '/r', 'x'), send.setData(client, '/r', 'y')];
    const after = send.path(client, OpCode.sync, '/r');
    const last = send.getData(client, '/r');
    writes.push(send.setData(client, '/r', 'z'));
    ensemble.run();
    const versionOf = (xid: number): number | undefined => {
      const reply = client.reply(xid);
      return reply === undefined ? undefined : readGetDataResponse(reply.body).stat.version;
    };
    assert.equal(versionOf(read), 0);
    assert.equal(versionOf(last), 2);
    assert.ok([before, after, ...writes].every((xid) => client.reply(xid)?.error === ReplyCode.ok));
    assert.deepEqual(
      client.replies.slice(-7).map(({ xid }) => xid),
      [before, read, writes[0], writes[1], after, last, writes[2]],
    );
  }
});
