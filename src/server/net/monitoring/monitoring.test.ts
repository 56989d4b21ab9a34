import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZxid } from '../../../common/zxid.ts';
import type { MemberInput, MemberOutput } from '../../pipeline/types.ts';
import { PacketType } from '../../protocol/quorum.ts';
import { MemberMeter } from './member-meter.ts';
import { MetricList } from './metric.ts';
import { monitorValues } from './monitor-values.ts';
import { prometheusText } from './prometheus-text.ts';
import { quantilesOf, Summary } from './summary.ts';

test('a summary knows all values, and quantiles of the latest ones', () => {
  const summary = new Summary();
  assert.deepEqual([summary.min, summary.average, summary.max], [0, 0, 0]);
  assert.deepEqual(quantilesOf(summary, [0.5]), [Number.NaN]);
  for (let value = 1; value <= 1000; value++) summary.record(value);
  assert.deepEqual([summary.count, summary.sum, summary.min, summary.max], [1000, 500_500, 1, 1000]);
  // The latest 512 are 489 to 1000.
  assert.deepEqual(quantilesOf(summary, [0, 0.5, 1]), [489, 745, 1000]);
  summary.reset();
  assert.deepEqual([summary.count, summary.max, summary.recent.length], [0, 0, 0]);
});

test('both forms of a metric are those of ZooKeeper', () => {
  const list = new MetricList();
  const summary = new Summary();
  for (const value of [1, 2, 3.0004]) summary.record(value);
  list.text('server_state', 'leader', 'state');
  list.counter('proposal_count', 7, 'proposals');
  list.summary('fsynctime', summary, 'syncs');
  list.summaries('ack_latency', [['2', summary]], 'acks');
  assert.equal(
    prometheusText(list.metrics),
    [
      '# HELP proposal_count proposals',
      '# TYPE proposal_count counter',
      'proposal_count 7',
      '# HELP fsynctime syncs',
      '# TYPE fsynctime summary',
      'fsynctime{quantile="0.5"} 2',
      'fsynctime{quantile="0.9"} 3',
      'fsynctime{quantile="0.99"} 3',
      'fsynctime_count 3',
      'fsynctime_sum 6',
      '# HELP ack_latency acks',
      '# TYPE ack_latency summary',
      'ack_latency{key="2",quantile="0.5"} 2',
      'ack_latency{key="2",quantile="0.9"} 3',
      'ack_latency{key="2",quantile="0.99"} 3',
      'ack_latency_count{key="2"} 3',
      'ack_latency_sum{key="2"} 6',
      '',
    ].join('\n'),
  );
  assert.deepEqual(Object.fromEntries(monitorValues(list.metrics)), {
    server_state: 'leader',
    proposal_count: 7,
    avg_fsynctime: 2,
    min_fsynctime: 1,
    max_fsynctime: 3,
    cnt_fsynctime: 3,
    sum_fsynctime: 6,
    avg_2_ack_latency: 2,
    min_2_ack_latency: 1,
    max_2_ack_latency: 3,
    cnt_2_ack_latency: 3,
    sum_2_ack_latency: 6,
  });
});

/** A meter, and a clock that a test moves. */
function metering() {
  const meter = new MemberMeter(0);
  const at = (monotonicMs: number) => ({ monotonicMs, wallMs: 1_000_000 + monotonicMs });
  return {
    meter,
    input: (nowMs: number, input: MemberInput) => meter.input(input, at(nowMs)),
    output: (nowMs: number, output: MemberOutput) => meter.output(output, at(nowMs)),
  };
}

function toLearners(type: number, zxid: number): MemberOutput {
  return {
    type: 'sendToLearners',
    connections: [1, 2],
    packet: { type, zxid, data: new Uint8Array(40), authinfo: null },
  };
}

function fromLearner(connection: number, type: number, zxid: number): MemberInput {
  return { type: 'learnerPacket', connection, packet: { type, zxid, data: null, authinfo: null } };
}

test('a batch of proposals is timed once: until a quorum has it, and until each learner has', () => {
  const { meter, input, output } = metering();
  const zxid = (counter: number): number => makeZxid(3, counter);
  output(5, { type: 'role', role: { state: 'leading', serving: true, epoch: 3 } });
  for (const counter of [1, 2, 3]) output(10, toLearners(PacketType.proposal, zxid(counter)));
  output(11, toLearners(PacketType.proposal, zxid(4)));
  input(14, fromLearner(1, PacketType.ack, zxid(3)));
  for (const counter of [1, 2, 3]) output(14, toLearners(PacketType.commit, zxid(counter)));
  input(30, fromLearner(2, PacketType.ack, zxid(3)));
  assert.deepEqual([meter.proposals, meter.commits], [4, 3]);
  assert.deepEqual([meter.quorumAckMs.count, meter.quorumAckMs.sum], [1, 4]);
  assert.deepEqual(
    [...meter.ackMs].map(([connection, { sum }]) => [connection, sum]),
    [
      [1, 4],
      [2, 20],
    ],
  );
  assert.deepEqual([meter.proposalBytes.count, meter.lastProposalBytes], [4, 40]);
});

test('the history that a learner is sent counts as no proposal', () => {
  const { meter, output } = metering();
  output(5, { type: 'role', role: { state: 'leading', serving: false, epoch: 3 } });
  output(6, toLearners(PacketType.diff, makeZxid(2, 9)));
  output(6, toLearners(PacketType.proposal, makeZxid(2, 9)));
  output(6, toLearners(PacketType.commit, makeZxid(2, 9)));
  output(7, toLearners(PacketType.proposal, makeZxid(3, 1)));
  output(8, toLearners(PacketType.proposal, makeZxid(3, 1)));
  assert.deepEqual([meter.proposals, meter.commits, meter.syncs.begun.diff], [1, 0, 2]);
});

test('elections and synchronizations are timed from looking to serving', () => {
  const { meter, output } = metering();
  const following = { state: 'following', leader: 1, epoch: 1 } as const;
  output(30, { type: 'role', role: { ...following, serving: false } });
  output(50, { type: 'role', role: { ...following, serving: true } });
  assert.deepEqual([meter.electionMs.sum, meter.unavailableMs.sum, meter.followerSyncMs.sum], [30, 50, 20]);
  output(100, { type: 'role', role: { state: 'looking' } });
  output(110, { type: 'role', role: { state: 'looking' } });
  output(140, { type: 'role', role: { state: 'leading', serving: false, epoch: 2 } });
  assert.equal(meter.leadingSinceMs, undefined);
  output(160, { type: 'role', role: { state: 'leading', serving: true, epoch: 2 } });
  assert.deepEqual([meter.electionMs.max, meter.leaderUnavailableMs.sum, meter.lookingCount], [30, 60, 2]);
  assert.equal(meter.leadingSinceMs, 160);
});

test('the way to the disk is timed by batch', () => {
  const { meter, input, output } = metering();
  const entry = { zxid: 1, bytes: new Uint8Array(0) };
  output(1, { type: 'persist', ticket: 1, operations: [{ type: 'currentEpoch', epoch: 1 }] });
  output(1, { type: 'persist', ticket: 2, operations: [{ type: 'append', entries: [entry, entry] }] });
  output(2, { type: 'persist', ticket: 3, operations: [{ type: 'append', entries: [entry] }] });
  input(3, { type: 'persisted', ticket: 1 });
  input(5, { type: 'persisted', ticket: 2 });
  assert.deepEqual([meter.entriesQueued, meter.batchEntries.max, meter.queueLength.max], [3, 2, 1]);
  assert.deepEqual([meter.persistMs.count, meter.persistMs.sum], [1, 4]);
});

test('a learner measures how old a proposal is by the clock of its leader', () => {
  const { meter, input } = metering();
  const data = new Uint8Array(40);
  new DataView(data.buffer).setBigInt64(20, 1_000_000n);
  const packet = { type: PacketType.proposal, zxid: 1, data, authinfo: null };
  input(7, { type: 'leaderPacket', packet });
  input(7, { type: 'leaderPacket', packet });
  assert.deepEqual([meter.proposalsReceived, meter.proposalLatencyMs.count, meter.proposalLatencyMs.sum], [2, 1, 7]);
});
