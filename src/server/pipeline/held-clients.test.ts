import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMultiResponse, type MultiOperation } from '../protocol/multi.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import type { Ensemble } from './testing/ensemble.ts';
import { send } from './testing/requests.ts';
import { errorOf, replyTo, single, type Single } from './testing/single.ts';
import type { TestClient } from './testing/test-client.ts';

const LARGE = 100_000;
const PER_STEP_MAX = 11;

/** A member whose znode `/large` is a tenth of what a client is given in one step. */
function withLarge(): Single {
  const { ensemble, client } = single();
  assert.equal(errorOf(ensemble, client, send.create(client, '/large', { data: new Uint8Array(LARGE) })), ReplyCode.ok);
  return { ensemble, client };
}

const READ = { type: OpCode.getData, path: '/large', watch: false } as const;

/** Asks for the same so many times in one request. */
function multiRead(client: TestClient, operation: MultiOperation, count: number): number {
  return send.multi(
    client,
    Array.from({ length: count }, () => operation),
    OpCode.multiRead,
  );
}

/** How many replies each step gives the client until nothing is left to do. */
function repliesByStep(ensemble: Ensemble, client: TestClient): number[] {
  const counts: number[] = [];
  for (let before = client.replies.length; ensemble.turn(); before = client.replies.length) {
    counts.push(client.replies.length - before);
  }
  return counts;
}

test('a client that asks for much at once gets it bit by bit, in order, and others are answered meanwhile', () => {
  const { ensemble, client } = withLarge();
  const other = ensemble.connected(1);
  const xids = Array.from({ length: 60 }, () => send.getData(client, '/large'));
  const write = send.create(client, '/written');
  const read = send.exists(client, '/written');
  const others = send.exists(other, '/large');
  ensemble.turn();
  assert.equal(other.reply(others)?.error, ReplyCode.ok);
  assert.equal(client.replies.length, 1 + PER_STEP_MAX);
  const counts = repliesByStep(ensemble, client);
  assert.ok(Math.max(...counts) <= PER_STEP_MAX, `a step gave ${Math.max(...counts)} answers`);
  const answered = client.replies.slice(-62);
  assert.deepEqual(
    answered.map(({ xid }) => xid),
    [...xids, write, read],
  );
  assert.ok(answered.every(({ error }) => error === ReplyCode.ok));
});

test('what comes with the request for a session is no exception', () => {
  const { ensemble } = withLarge();
  const client = ensemble.client(1);
  client.connect();
  for (let i = 0; i < 60; i++) send.getData(client, '/large');
  const counts = repliesByStep(ensemble, client);
  assert.ok(Math.max(...counts) <= PER_STEP_MAX, `a step gave ${Math.max(...counts)} answers`);
  assert.equal(client.replies.length, 60);
});

test('only so many reads wait behind a write, whatever they ask for', () => {
  const { ensemble, client } = single();
  send.create(client, '/first');
  for (let i = 0; i < 250; i++) send.exists(client, '/first');
  // With the write those that waited for it; then the others, which wait for nothing.
  assert.deepEqual(
    repliesByStep(ensemble, client).filter((count) => count > 0),
    [101, 150],
  );
  assert.ok(client.replies.every(({ error }) => error === ReplyCode.ok));
});

test('counting the descendants of a znode takes its time, which is not all of the time', () => {
  const { ensemble, client } = single({ answerBytesPerStep: 64 });
  for (let i = 0; i < 4; i++) send.create(client, `/n${i}`);
  ensemble.run();
  for (let i = 0; i < 3; i++) send.path(client, OpCode.getAllChildrenNumber, '/');
  assert.deepEqual(
    repliesByStep(ensemble, client).filter((count) => count > 0),
    [1, 1, 1],
  );
});

test('a client that is held is let go on when it has taken all, and forgotten when it leaves', () => {
  const { ensemble, client } = withLarge();
  const leaver = ensemble.connected(1);
  for (let i = 0; i < 30; i++) send.getData(leaver, '/large');
  ensemble.turn();
  leaver.disconnect();
  for (let i = 0; i < 30; i++) send.getData(client, '/large');
  ensemble.run();
  assert.equal(errorOf(ensemble, client, send.exists(client, '/large')), ReplyCode.ok);
  assert.equal(ensemble.member(1).status().outstandingRequests, 0);
});

test('a multiRead that no client could take an answer to is refused', () => {
  const { ensemble, client } = withLarge();
  const reads = (count: number): number => multiRead(client, READ, count);
  assert.equal(errorOf(ensemble, client, reads(700)), ReplyCode.marshallingError);
  assert.equal(readMultiResponse(replyTo(ensemble, client, reads(20)).body).length, 20);
});

test('the names of children count as they are long, not as most are', () => {
  const { ensemble, client } = single();
  send.create(client, '/parent');
  for (let i = 0; i < 20; i++) send.create(client, `/parent/${String(i).repeat(LARGE)}`);
  const list = { type: OpCode.getChildren, path: '/parent', watch: false } as const;
  const reads = (count: number): number => multiRead(client, list, count);
  assert.equal(errorOf(ensemble, client, reads(40)), ReplyCode.marshallingError);
  assert.equal(readMultiResponse(replyTo(ensemble, client, reads(2)).body).length, 2);
});

test('of reads that may be answered with very much, only one waits behind a write', () => {
  const { ensemble, client } = withLarge();
  send.create(client, '/first');
  for (let i = 0; i < 30; i++) multiRead(client, READ, 2);
  const counts = repliesByStep(ensemble, client);
  // With the write one of them; then as many as a client is given in one step.
  assert.ok(Math.max(...counts) <= PER_STEP_MAX, `a step gave ${Math.max(...counts)} answers`);
  assert.equal(client.replies.length, 32);
  assert.ok(client.replies.every(({ error }) => error === ReplyCode.ok));
});
