import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { Logger } from '../../common/types.ts';
import type { HostPort } from '../config/servers.ts';
import { encodeElectionHandshake, encodeNotification } from '../protocol/election-codec.ts';
import type { Notification } from '../protocol/quorum.ts';
import { ElectionTransport } from './election-transport.ts';
import { portOf } from './listen.ts';
import { freePorts } from './testing/free-ports.ts';
import { SILENT } from './testing/silent-logger.ts';
import { until } from './testing/until.ts';

const closing: (() => unknown)[] = [];
after(() => Promise.all(closing.map((close) => close())));

const vote = (zxid: number): Notification => ({
  state: 0,
  leader: 1,
  zxid,
  electionEpoch: 1,
  peerEpoch: 0,
  config: '',
  nextConfig: '',
});

/** A server that connects to a port and says who it is, and where it listens. */
function announce(port: number, serverId: number, address: HostPort): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  closing.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(encodeElectionHandshake({ serverId, addresses: [address] }));
  return socket;
}

/** Servers by id; a port appears when its server starts. */
function network() {
  const addresses = new Map<number, HostPort>();
  const start = async (serverId: number, logger: Logger = SILENT) => {
    const heard: string[] = [];
    const transport = new ElectionTransport(
      {
        serverId,
        ownAddresses: () => [{ host: '127.0.0.1', port: 1 }],
        addressesOf: (id) => {
          const address = addresses.get(id);
          return address === undefined ? undefined : [address];
        },
        connectTimeoutMs: 1000,
        vote: (from, { zxid }) => void heard.push(`${zxid} from ${from}`),
      },
      logger,
    );
    // The same port again when a server comes back.
    await transport.listen([{ host: '127.0.0.1', port: addresses.get(serverId)?.port ?? 0 }]);
    const [server] = transport.servers;
    assert.ok(server);
    const port = portOf(server);
    addresses.set(serverId, { host: '127.0.0.1', port });
    closing.push(() => transport.stop());
    return { transport, heard, port };
  };
  return { addresses, start };
}

test('messages go both ways, whichever of the two speaks first', async () => {
  for (const [first, second] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const { start } = network();
    const speaker = await start(first);
    const other = await start(second);
    speaker.transport.send(second, vote(10));
    await until('the first message', () => other.heard.includes(`10 from ${first}`));
    other.transport.send(first, vote(20));
    await until('the answer', () => speaker.heard.includes(`20 from ${second}`));
  }
});

test('a message to itself comes back at once', async () => {
  const { start } = network();
  const { transport, heard } = await start(3);
  transport.send(3, vote(1));
  assert.deepEqual(heard, ['1 from 3']);
});

test('of what was said to a server that is away, only the newest reaches it', async () => {
  for (const [here, away] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const { addresses, start } = network();
    const one = await start(here);
    const gone = await start(away);
    await gone.transport.stop();
    for (const zxid of [1, 2, 3]) one.transport.send(away, vote(zxid));
    assert.ok(addresses.has(away));
    const back = await start(away);
    await until('the newest message', () => back.heard.includes(`3 from ${here}`));
    assert.equal(back.heard.includes(`1 from ${here}`), false);
  }
});

test('a server that has restarted is spoken to again, by the newest message', async () => {
  const { start } = network();
  const larger = await start(5);
  const smaller = await start(4);
  larger.transport.send(4, vote(1));
  await until('the message', () => smaller.heard.includes('1 from 5'));
  await smaller.transport.stop();
  const restarted = await start(4);
  restarted.transport.send(5, vote(2));
  await until('its message', () => larger.heard.includes('2 from 4'));
  await until('the old message again', () => restarted.heard.includes('1 from 5'));
});

/** A way to a port on which, from some moment on, the connections that there are lead nowhere; they stay open, and new ones get through. */
async function stallingWayTo(port: number): Promise<{ port: number; stall: () => void }> {
  const stalls: (() => void)[] = [];
  const way = createServer((from) => {
    const to = connect({ host: '127.0.0.1', port });
    for (const socket of [from, to]) {
      socket.on('error', () => undefined);
      closing.push(() => socket.destroy());
    }
    from.pipe(to).pipe(from);
    stalls.push(() => {
      from.unpipe(to).resume();
      to.unpipe(from).resume();
    });
  });
  closing.push(() => way.close());
  await once(way.listen(0, '127.0.0.1'), 'listening');
  return { port: portOf(way), stall: () => stalls.splice(0).forEach((stall) => stall()) };
}

test('a connection that nothing comes back over, as after a partition, is given up by either server that looks for a leader', async () => {
  for (const looking of [4, 5]) {
    const { addresses, start } = network();
    const [smaller, larger] = [await start(4), await start(5)];
    const way = await stallingWayTo(smaller.port);
    addresses.set(4, { host: '127.0.0.1', port: way.port });
    larger.transport.send(4, vote(1));
    await until('the message', () => smaller.heard.includes('1 from 5'));
    way.stall();
    const [here, there] = looking === 4 ? [smaller, larger] : [larger, smaller];
    await until('a message through another connection', () => {
      here.transport.send(looking === 4 ? 5 : 4, vote(2));
      return there.heard.includes(`2 from ${looking}`);
    });
  }
});

test('a server that the configuration does not know is answered where its handshake says', async () => {
  const { addresses, start } = network();
  const member = await start(3);
  const stranger = await start(2);
  const address = addresses.get(2);
  assert.ok(address);
  addresses.delete(2);
  announce(member.port, 2, address);
  member.transport.send(2, vote(8));
  await until('the message', () => stranger.heard.includes('8 from 3'));
});

test('a server that has moved while this one was away is answered where its handshake says', async () => {
  const { addresses, start } = network();
  const away = await start(3);
  const moved = await start(2);
  const address = addresses.get(2);
  assert.ok(address);
  // Where it was before; server 3 has not heard of the reconfiguration, and can only hear of it from there.
  const [former = 0] = await freePorts(1);
  addresses.set(2, { host: '127.0.0.1', port: former });
  announce(away.port, 2, address);
  away.transport.send(2, vote(8));
  await until('the message', () => moved.heard.includes('8 from 3'));
});

test('an id that no server can have is refused, so that there are no more connections than servers', async () => {
  const { start } = network();
  const one = await start(1);
  const socket = announce(one.port, 256, { host: 'a', port: 1 });
  await until('it is closed', () => socket.closed);
});

test('connections that break the rules are closed, and do not disturb the others', async () => {
  const { start } = network();
  const one = await start(1);
  const two = await start(2);
  two.transport.send(1, vote(1));
  await until('the message', () => one.heard.length === 1);
  const handshake = encodeElectionHandshake({ serverId: 9, addresses: [{ host: 'a', port: 1 }] });
  const tooLong = new Uint8Array([0x7f, 0xff, 0xff, 0xff]);
  for (const bytes of [
    Buffer.alloc(32, 0xfe),
    encodeElectionHandshake({ serverId: 1, addresses: [{ host: 'a', port: 1 }] }),
    Buffer.concat([handshake, tooLong]),
    Buffer.concat([handshake, encodeNotification(vote(5)).subarray(0, 12), Buffer.alloc(600_000, 0x7f)]),
  ]) {
    const socket = connect({ host: '127.0.0.1', port: one.port });
    socket.on('error', () => undefined);
    socket.write(bytes);
    await until('it is closed', () => socket.closed);
  }
  two.transport.send(1, vote(2));
  await until('the next message', () => one.heard.includes('2 from 2'));
});

test('a server that cannot be reached for long is warned of, once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { addresses, start } = network();
  const warnings: object[] = [];
  const attempts: object[] = [];
  const { transport } = await start(1, {
    ...SILENT,
    debug: (_, details) => void attempts.push({ ...details }),
    warn: (_, details) => void warnings.push({ ...details }),
  });
  addresses.set(2, { host: '127.0.0.1', port: 1 });
  transport.send(2, vote(1));
  const untilAttempts = async (count: number): Promise<void> => {
    while (attempts.length < count) {
      t.mock.timers.tick(5000);
      await new Promise(setImmediate);
    }
  };
  await untilAttempts(6);
  assert.deepEqual(warnings, [], 'it may just be restarting');
  await untilAttempts(10);
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings), /"server":2,"reason":"127\.0\.0\.1:1: /);
});
