import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import type { StateSnapshot } from '../pipeline/types.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { PacketType } from '../protocol/quorum.ts';
import type { QuorumPacket } from '../protocol/quorum.ts';
import { LeaderLink } from './leader-link.ts';
import { LearnerListener } from './learner-listener.ts';
import { portOf } from './listen.ts';
import { SILENT } from './testing/silent-logger.ts';
import { until } from './testing/until.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

const packet = (zxid: number, type: number = PacketType.proposal): QuorumPacket => ({
  type,
  zxid,
  data: new Uint8Array([zxid]),
  authinfo: null,
});

/** A snapshot body with `znodes` znodes of `dataBytes` each, in pieces of one znode. */
function snapshotOf(znodes: number, dataBytes: number): StateSnapshot & { closed: boolean } {
  let next = -1;
  return {
    zxid: 7,
    closed: false,
    next() {
      const writer = new JuteWriter();
      next++;
      if (next === 0) {
        writer.writeInt(0);
        writer.writeInt(0);
      } else if (next <= znodes) {
        writer.writeString(next === 1 ? '' : `/n${next}`);
        writer.writeBuffer(new Uint8Array(dataBytes));
        writer.writeRaw(new Uint8Array(68));
      } else if (next === znodes + 1) {
        writer.writeString('/');
      } else {
        return undefined;
      }
      return writer.copy();
    },
    digest: () => undefined,
    close() {
      this.closed = true;
    },
  };
}

async function leaderAndLearner() {
  const atLeader: string[] = [];
  const atLearner: string[] = [];
  let snapshotBytes = 0;
  const learners = new LearnerListener(
    {
      connected: (connection) => void atLeader.push(`connected ${connection}`),
      packet: (connection, { zxid }) => void atLeader.push(`packet ${connection} ${zxid}`),
      progress: () => void (atLeader.at(-1) === 'progress' || atLeader.push('progress')),
      closed: (connection) => void atLeader.push(`closed ${connection}`),
    },
    SILENT,
  );
  await learners.listen([{ host: '127.0.0.1', port: 0 }]);
  const [server] = learners.servers;
  assert.ok(server);
  const leader = new LeaderLink(
    {
      connected: () => void atLearner.push('connected'),
      packet: ({ zxid }) => void atLearner.push(`packet ${zxid}`),
      snapshot: (bytes, end) => {
        snapshotBytes += bytes.length;
        if (end) atLearner.push(`snapshot of ${snapshotBytes}`);
      },
      closed: (reason) => void atLearner.push(`closed: ${reason}`),
    },
    2000,
  );
  closing.push(
    () => learners.stop(),
    () => leader.disconnect(),
  );
  const addresses = [{ host: '127.0.0.1', port: portOf(server) }];
  return { learners, leader, atLeader, atLearner, addresses };
}

test('packets in both directions, in order', async () => {
  const { learners, leader, atLeader, atLearner, addresses } = await leaderAndLearner();
  leader.connect(addresses);
  await until('both ends are connected', () => atLearner.length === 1 && atLeader.length === 1);
  leader.send(packet(1));
  leader.send(packet(2));
  leader.flush();
  learners.send([1, 99], packet(3));
  learners.send([1], packet(4));
  learners.flush();
  await until('all are there', () => atLeader.length === 3 && atLearner.length === 3);
  assert.deepEqual(atLeader, ['connected 1', 'packet 1 1', 'packet 1 2']);
  assert.deepEqual(atLearner, ['connected', 'packet 3', 'packet 4']);
});

test('a snapshot streams between the packets around it, with progress', async () => {
  const { learners, leader, atLeader, atLearner, addresses } = await leaderAndLearner();
  leader.connect(addresses);
  await until('the connection', () => atLeader.length === 1);
  const source = snapshotOf(200, 100_000);
  learners.send([1], packet(7, PacketType.snap));
  learners.sendSnapshot(1, source);
  learners.send([1], packet(8));
  learners.flush();
  learners.send([1], packet(9));
  learners.flush();
  await until('the last packet', () => atLearner.includes('packet 9'));
  // The root's path is empty; /n2 to /n9, /n10 to /n99, /n100 to /n200; and "/" at the end.
  const pathBytes = 3 * 8 + 4 * 90 + 5 * 101;
  const bodyBytes = 8 + 200 * (4 + 4 + 100_000 + 68) + pathBytes + 5;
  assert.deepEqual(atLearner, ['connected', 'packet 7', `snapshot of ${bodyBytes}`, 'packet 8', 'packet 9']);
  assert.ok(atLeader.includes('progress'));
});

test('a snapshot is let go when the learner goes', async () => {
  const { learners, leader, atLeader, addresses } = await leaderAndLearner();
  leader.connect(addresses);
  await until('the connection', () => atLeader.length === 1);
  const source = snapshotOf(1_000_000, 100_000);
  learners.send([1], packet(7, PacketType.snap));
  learners.sendSnapshot(1, source);
  learners.flush();
  await until('it is under way', () => atLeader.includes('progress'));
  leader.disconnect();
  await until('it is let go', () => source.closed);
  assert.ok(atLeader.includes('closed 1'));
  const late = snapshotOf(1, 1);
  learners.sendSnapshot(1, late);
  assert.equal(late.closed, true);
});

test('whoever ends a connection hears nothing of its end, the other side does', async () => {
  const { learners, leader, atLeader, atLearner, addresses } = await leaderAndLearner();
  leader.connect(addresses);
  await until('the connection', () => atLeader.length === 1);
  leader.connect(addresses);
  await until('the second one', () => atLeader.includes('connected 2') && atLeader.includes('closed 1'));
  learners.close(2, 'test');
  await until('the learner knows', () => atLearner.length === 3);
  assert.deepEqual(atLearner, ['connected', 'connected', 'closed: the leader closed the connection']);
  assert.equal(atLeader.includes('closed 2'), false);
});

test('a dial that fails says so; one that is given up says nothing', async () => {
  const { leader, atLearner, addresses } = await leaderAndLearner();
  leader.connect([{ host: '127.0.0.1', port: 1 }]);
  await until('it has failed', () => atLearner.length === 1);
  assert.match(atLearner[0] ?? '', /^closed: cannot connect: 127\.0\.0\.1:1: .*ECONNREFUSED/);
  leader.connect([{ host: '127.0.0.1', port: 1 }]);
  leader.disconnect();
  // The first address that accepts is taken.
  leader.connect([{ host: '127.0.0.1', port: 1 }, ...addresses]);
  await until('it is connected', () => atLearner.at(-1) === 'connected');
  assert.equal(atLearner.length, 2);
});

test('a learner that stands still and takes nothing holds up nobody who stops', async () => {
  const { learners, atLeader, addresses } = await leaderAndLearner();
  const frozen = connect({ host: '127.0.0.1', port: addresses[0]?.port ?? 0 }).pause();
  closing.push(() => frozen.destroy());
  await until('the connection', () => atLeader.length === 1);
  // More than the kernel takes for it.
  learners.send([1], { ...packet(1), data: new Uint8Array(64 * 1024 * 1024) });
  learners.flush();
  let stopped = false;
  void learners.stop().then(() => (stopped = true));
  await until('it has stopped', () => stopped);
});

test('a learner that breaks the protocol is closed, the others stay', async () => {
  const { learners, leader, atLeader, atLearner, addresses } = await leaderAndLearner();
  leader.connect(addresses);
  await until('the connection', () => atLeader.length === 1);
  const stranger = connect({ host: '127.0.0.1', port: addresses[0]?.port ?? 0 });
  closing.push(() => stranger.destroy());
  stranger.write(Buffer.alloc(64, 0xfe));
  await until('the stranger is closed', () => atLeader.includes('closed 2'));
  learners.send([1], packet(3));
  learners.flush();
  await until('the packet', () => atLearner.includes('packet 3'));
});
