import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, OpCode } from '../../protocol/opcodes.ts';
import { LearnerSyncMeter } from './learner-sync-meter.ts';
import { RecoveryMeter } from './recovery-meter.ts';
import { RequestLatencies } from './request-latencies.ts';
import { StateMeter } from './state-meter.ts';

function frameOf(type: number): Uint8Array {
  const frame = new Uint8Array(8);
  new DataView(frame.buffer).setInt32(4, type);
  return frame;
}

test('requests are timed by kind, the first of those that follow one another on a connection', () => {
  const latencies = new RequestLatencies();
  latencies.asked(1, frameOf(OpCode.getData));
  latencies.asked(1, frameOf(OpCode.setData));
  latencies.asked(2, frameOf(OpCode.multi));
  latencies.asked(3, frameOf(4711));
  latencies.asked(4, frameOf(OpCode.create));
  latencies.forget(4);
  for (const client of [1, 2, 3, 4]) latencies.answered(client, performance.now());
  assert.deepEqual([latencies.all.count, latencies.reads.count, latencies.updates.count], [3, 2, 1]);
  assert.deepEqual(
    latencies.byName().map(([name, { count }]) => [name, count]),
    [
      ['getData', 1],
      ['multi', 1],
    ],
  );
  latencies.reset();
  assert.deepEqual([latencies.all.count, latencies.byName()[0]?.[1].count], [0, 0]);
});

test('learners that are brought up to date at the same time are counted, and timed until they are', () => {
  const meter = new LearnerSyncMeter();
  for (const connection of [1, 2, 3]) meter.connected(connection, 100);
  meter.begins(1, 'diff');
  meter.begins(2, 'snapshot');
  meter.begins(3, 'diff');
  meter.upToDate(1, 130);
  meter.closed(3);
  meter.upToDate(3, 140);
  assert.deepEqual(meter.begun, { diff: 2, snapshot: 1 });
  assert.deepEqual([meter.underWay.diff.max, meter.underWay.snapshot.max], [2, 1]);
  assert.deepEqual([meter.durationMs.count, meter.durationMs.sum], [1, 30]);
});

test('events are counted by what happened, with their bytes', () => {
  const meter = new StateMeter();
  meter.told(EventType.nodeDataChanged, 3, 50);
  meter.told(EventType.nodeDataChanged, 1, 50);
  meter.told(EventType.nodeCreated, 2, 10);
  assert.deepEqual([meter.changedTold.count, meter.changedTold.sum, meter.createdTold.sum], [2, 4, 2]);
  assert.equal(meter.watchBytes, 220);
  meter.committed(5);
  meter.committed(-5);
  assert.deepEqual([meter.propagationMs.count, meter.propagationMs.sum], [1, 5]);
});

test('of a recovery the last attempt counts', () => {
  const meter = new RecoveryMeter();
  const seen: string[] = [];
  const receiver = {
    begin: () => void seen.push('begin'),
    snapshotChunk: () => void seen.push('chunk'),
    snapshotEnd: () => void seen.push('end'),
    entry: () => void seen.push('entry'),
  };
  const entry = { zxid: 1, bytes: new Uint8Array(0) };
  const recovery = meter.measure(receiver, (measured) => {
    measured.begin();
    measured.entry(entry);
    measured.begin();
    measured.snapshotChunk(new Uint8Array(1));
    measured.snapshotEnd(1, undefined);
    for (let i = 0; i < 3; i++) measured.entry(entry);
    return 'recovered';
  });
  assert.equal(recovery, 'recovered');
  assert.deepEqual(seen, ['begin', 'entry', 'begin', 'chunk', 'end', 'entry', 'entry', 'entry']);
  assert.deepEqual([meter.transactions.max, meter.totalMs.count], [3, 1]);
});
