import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../common/errors.ts';
import type { Member, MemberInput, MemberOutput } from '../pipeline/types.ts';
import type { Storage, StorageOperation } from '../storage/types.ts';
import { Driver } from './driver.ts';
import { MemberMeter } from './monitoring/member-meter.ts';
import { SILENT } from './testing/silent-logger.ts';
import { until } from './testing/until.ts';

type React = (inputs: readonly MemberInput[]) => readonly MemberOutput[];

/** A driver whose member answers by `react`, and whose storage and transports write down what they are told. */
function driven(react: React) {
  const done: string[] = [];
  const turns: string[][] = [];
  const persists: { readonly operations: readonly StorageOperation[]; readonly done: () => void }[] = [];
  let deadlineMs = Infinity;
  const note =
    (what: string) =>
    (...details: readonly unknown[]): void =>
      void done.push([what, ...details.filter((d) => typeof d !== 'object')].join(' '));
  const recovery = {
    begin: () => undefined,
    snapshotChunk: () => undefined,
    snapshotEnd: () => undefined,
    entry: () => undefined,
  };
  const member = {
    recovery,
    step: (inputs: readonly MemberInput[]) => {
      turns.push(inputs.map(({ type }) => type));
      return react(inputs);
    },
    nextDeadlineMs: () => deadlineMs,
  };
  const storage = {
    persist: (operations: readonly StorageOperation[], finished: () => void) =>
      void persists.push({ operations, done: finished }),
    recover: note('recover'),
    saveSnapshot: note('saveSnapshot'),
  };
  let failure: unknown;
  const driver = new Driver(
    member as unknown as Member,
    storage as unknown as Storage,
    {
      clients: {
        send: note('client.send'),
        close: note('client.close'),
        setPaused: note('paused'),
        setHeld: note('held'),
        flush: note('client.flush'),
      },
      learners: {
        send: note('learner.send'),
        sendSnapshot: note('learner.snapshot'),
        close: note('learner.close'),
        flush: note('learner.flush'),
      },
      leader: { send: note('leader.send'), disconnect: note('leader.disconnect'), flush: note('leader.flush') },
      election: { send: note('vote') },
      connectLeader: note('connectLeader'),
    },
    {
      role: note('role'),
      configuration: note('configuration'),
      nextConfiguration: note('nextConfiguration'),
      stopped: note('stopped'),
      failed: (error) => (failure = error),
    },
    new MemberMeter(0),
    SILENT,
  );
  const setDeadline = (ms: number): void => void (deadlineMs = ms);
  return { driver, done, turns, persists, setDeadline, failure: () => failure };
}

const TICK: MemberInput = { type: 'tick' };
const NO_BYTES = new Uint8Array(0);

test('what happens in one turn is one step; its outputs are carried out in order, and leave at the end', async () => {
  const { driver, done, turns, persists } = driven(() => [
    { type: 'sendToLearners', connections: [1], packet: { type: 2, zxid: 1, data: null, authinfo: null } },
    { type: 'persist', ticket: 5, operations: [{ type: 'acceptedEpoch', epoch: 1 }] },
    { type: 'toClient', client: 3, bytes: NO_BYTES },
    { type: 'closeClient', client: 3, reason: 'x' },
  ]);
  driver.push({ type: 'clientClosed', client: 1 });
  driver.push({ type: 'clientClosed', client: 2 });
  assert.equal(turns.length, 0);
  await until('the turn', () => turns.length === 1);
  assert.deepEqual(turns, [['clientClosed', 'clientClosed']]);
  assert.deepEqual(done, [
    'learner.send',
    'client.send 3',
    'client.close 3 x',
    'learner.flush',
    'leader.flush',
    'client.flush',
  ]);
  assert.equal(persists.length, 1);
  persists[0]?.done();
  await until('the ticket', () => turns.length === 2);
  assert.deepEqual(turns[1], ['persisted']);
});

test('while the state is loaded again the member hears nothing; then first of that', async () => {
  const { driver, done, turns, persists } = driven((inputs) =>
    inputs[0]?.type === 'tick' ? [{ type: 'truncateAndReload', zxid: 7 }] : [],
  );
  driver.push(TICK);
  await until('the request', () => persists.length === 1);
  assert.deepEqual(persists[0]?.operations, [{ type: 'truncate', zxid: 7 }]);
  driver.push({ type: 'leaderClosed', reason: 'x' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(turns.length, 1);
  persists[0]?.done();
  await until('the next turn', () => turns.length === 2);
  assert.ok(done.includes('recover'));
  assert.deepEqual(turns[1], ['reloaded', 'leaderClosed']);
});

test('a tick comes when the member wants one, and only then', async () => {
  const { driver, turns, setDeadline } = driven((inputs) => {
    if (inputs.some(({ type }) => type === 'tick')) setDeadline(Infinity);
    return [];
  });
  const dueMs = performance.now() + 20;
  setDeadline(dueMs);
  driver.push({ type: 'leaderConnected' });
  await until('the tick', () => turns.length === 2);
  assert.ok(performance.now() >= dueMs);
  assert.deepEqual(turns, [['leaderConnected'], ['tick']]);
});

test('a member that finds an invariant broken is not driven any further', async () => {
  const { driver, turns, done, failure } = driven(() => {
    throw new CodedError('ZK_ASSERTION', 'broken');
  });
  driver.push(TICK);
  await until('the failure', () => failure());
  driver.push(TICK);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(turns.length, 1);
  assert.deepEqual(done, []);
});

test('a member that has stopped hears nothing more', async () => {
  const { driver, turns, done } = driven(() => [{ type: 'stopped' }]);
  driver.push({ type: 'stop' });
  await until('the stop', () => done.includes('stopped'));
  driver.push(TICK);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(turns.length, 1);
});
