import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMembership } from '../config/reconfiguration.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import { makeZxid, type Zxid } from '../../common/zxid.ts';
import { OpCode } from '../protocol/opcodes.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { writeTxn, writeTxnHeader } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { PeerContext } from './context.ts';
import { configurationText } from './testing/configurations.ts';

/** The log entry that changes the voters. */
function reconfiguration(zxid: Zxid, voters: readonly number[]): LogEntry {
  const writer = new JuteWriter();
  const data = encodeUtf8(configurationText(voters, zxid));
  writeTxnHeader(writer, { sessionId: 1n, cxid: 1, zxid, timeMs: 0, type: OpCode.reconfig });
  writeTxn(writer, { type: OpCode.reconfig, path: '/zookeeper/config', data, version: -1 });
  return { zxid, bytes: writer.copy() };
}

/** A server of a configuration of three. */
function inThree(): PeerContext {
  return new PeerContext(
    {
      serverId: 3,
      membership: readMembership(configurationText([1, 2, 3], 0)),
      tickTimeMs: 2000,
      initLimitTicks: 10,
      syncLimitTicks: 5,
      committedLogEntries: 500,
      mayVote: true,
      readMembership,
    },
    { acceptedEpoch: 1, currentEpoch: 1, lastZxid: 0, recentEntries: [], snapshotZxid: 0 },
  );
}

test('of several configurations in the log only the last can be given up: quorums of the one before it are needed', () => {
  const context = inThree();
  const votersNeeded = (): number[][] =>
    context.memberships.map(({ members }) => members.map(({ id }) => id).toSorted((a, b) => a - b));

  context.append(reconfiguration(makeZxid(1, 1), [3, 4, 5]));
  assert.deepEqual(votersNeeded(), [
    [1, 2, 3],
    [3, 4, 5],
  ]);
  context.append(reconfiguration(makeZxid(1, 2), [5, 6, 7]));
  assert.deepEqual(votersNeeded(), [
    [3, 4, 5],
    [5, 6, 7],
  ]);
  // It must be known after a crash as well.
  const inForce = context.takeOutputs().flatMap((output) => (output.type === 'configuration' ? [output] : []));
  assert.deepEqual(
    inForce.map(({ membership }) => membership.version),
    [makeZxid(1, 1)],
  );
});

test('a configuration that the leader has told of before its proposal comes is not committed by that proposal', () => {
  const context = inThree();
  const entry = reconfiguration(makeZxid(1, 1), [3, 4, 5]);
  context.noteNext(configurationText([3, 4, 5], entry.zxid));
  context.append(entry);
  assert.equal(context.memberships.length, 2);
});
