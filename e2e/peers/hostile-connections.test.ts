import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import { unnoticedBy } from './bystander.ts';
import { Random } from './differential/random.ts';
import { RawConnection, RawSocket } from './raw/connection.ts';
import { JuteWriter } from './raw/jute.ts';
import { OpCode } from './raw/operations.ts';
import { worldAll } from './raw/records.ts';

const subject = serverUnderTest();
/**
 * After a malformed write the leader of an Apache ZooKeeper 3.9.5 ensemble proposes the same zxid twice, and its followers
 * exit: only alone it can be shown these.
 */
const size = subject === 'apache' ? 1 : 3;

function frameOf(write: (writer: JuteWriter) => unknown): Buffer {
  const writer = new JuteWriter();
  write(writer);
  return writer.frame();
}

/** A frame's length alone, with nothing behind it. */
function lengthOnly(length: number): Buffer {
  return new JuteWriter().int(length).bytes();
}

/** Requests that no client would send; a session has been established before. */
const malformedRequests: Record<string, Buffer> = {
  'a header cut off': frameOf((w) => w.int(1).bool(true)),
  'an empty frame': lengthOnly(0),
  'a negative length': lengthOnly(-1),
  'the most negative length': lengthOnly(-0x8000_0000),
  'a path longer than the frame': frameOf((w) => w.int(1).int(OpCode.getData).int(1_000_000)),
  'a create without its ACL': frameOf((w) => w.int(1).int(OpCode.create).string('/malformed').buffer(null)),
  'an ACL of two thousand million entries': frameOf((w) =>
    w.int(1).int(OpCode.create).string('/malformed').buffer(null).int(0x7fff_ffff),
  ),
  'a delete without anything': frameOf((w) => w.int(1).int(OpCode.delete)),
  'an operation that does not exist': frameOf((w) => w.int(1).int(4711).string('/')),
  'a multi without its end': frameOf((w) => w.int(1).int(OpCode.multi).int(OpCode.delete).bool(false)),
  'a multi of operations that do not exist': frameOf((w) => w.int(1).int(OpCode.multi).int(4711).bool(false).int(-1)),
  "the session's own creation as a request": frameOf((w) => w.int(1).int(-10).int(30_000)),
};
/** What a server may do with nonsense: refuse it or hang up. Never accept it, never stay silent. */
async function refusedOrClosed(socket: RawSocket): Promise<void> {
  let answered: Buffer | undefined;
  socket.onFrame = (frame) => {
    answered ??= frame;
  };
  await waitFor('the server answers or hangs up', () => socket.isClosed || answered !== undefined, {
    timeoutMs: 15_000,
  });
  if (answered !== undefined) {
    const error = answered.readInt32BE(12);
    assert.ok(error < 0, `answered with ${error === 0 ? 'success' : `error ${error}`}: ${answered.toString('hex')}`);
  }
}

describe(`connections that break the rules (${subject})`, () => {
  let ensemble: Ensemble;
  let ports: number[];
  const port = (index: number): number => ports[index % ports.length] ?? 0;
  before(async () => {
    // Short ticks, so that sessions may time out after one second.
    ensemble = await Ensemble.start({ kind: subject, size, settings: { tickTime: 500, initLimit: 40, syncLimit: 20 } });
    ports = ensemble.members.map((member) => member.clientPort);
  });
  after(() => ensemble.stop());

  it('malformed requests within a session', { timeout: 90_000 }, async () => {
    await unnoticedBy(ports, async () => {
      for (const [name, frame] of Object.entries(malformedRequests)) {
        for (const port of ports) {
          const connection = await RawConnection.open({ port });
          connection.socket.socket.write(frame);
          await refusedOrClosed(connection.socket).catch((cause: unknown) => {
            throw new Error(`${name}, sent to ${port}`, { cause });
          });
          await connection.drop();
        }
      }
    });
  });

  it('malformed requests for a session', { timeout: 60_000 }, async () => {
    const connects = [
      frameOf((w) => w.int(0)),
      frameOf((w) => w.int(0).long(0n).int(30_000).long(0n).int(0x7fff_ffff)),
      frameOf((w) => w.int(0).long(0n).int(30_000).long(0n).int(-5).bool(false).long(1n)),
      lengthOnly(-1),
      Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]), // the beginning of a TLS handshake
    ];
    await unnoticedBy(ports, async () => {
      for (const bytes of connects) {
        const socket = await RawSocket.open(port(0));
        socket.socket.write(bytes);
        socket.socket.end();
        await waitFor('the server hangs up', () => socket.isClosed, { timeoutMs: 15_000 });
      }
    });
  });

  it('random bytes', { timeout: 90_000 }, async () => {
    const random = new Random(Number(process.env['SEED'] ?? 7));
    const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));
    await unnoticedBy(ports, async () => {
      for (let round = 0; round < 30; round++) {
        const connection = await RawConnection.open({ port: random.pick(ports) });
        // A frame of the right length, an operation that may exist, and noise for the rest.
        const type = random.pick(Object.values(OpCode).filter((code) => code !== OpCode.multi && code > 0));
        const body = Buffer.concat([new JuteWriter().int(round).int(type).bytes(), noise(random.below(60))]);
        connection.socket.onFrame = () => undefined;
        connection.socket.socket.write(Buffer.concat([lengthOnly(body.length), body]));
        connection.socket.socket.end(noise(random.below(30)));
        await waitFor('the server hangs up', () => connection.isClosed, { timeoutMs: 15_000 });
      }
    });
  });

  it('a frame that is too long is refused, the longest one that fits is not', { timeout: 60_000 }, async () => {
    await unnoticedBy(ports, async () => {
      for (const length of [0x7fff_ffff, 0x0100_0000, 0x0020_0000]) {
        const connection = await RawConnection.open({ port: port(0) });
        connection.socket.socket.write(lengthOnly(length));
        await waitFor(`the server hangs up on a frame of ${length} bytes`, () => connection.isClosed, {
          timeoutMs: 5000,
        });
      }
      const connection = await RawConnection.open({ port: port(1) });
      const data = Buffer.alloc(1_040_000, 'long');
      await connection.do({ op: 'create', path: '/long', data, acl: worldAll, flags: 1 });
      const read = await connection.do({ op: 'getData', path: '/long', watch: false });
      assert.ok(read.data?.equals(data));
      await connection.close();
    });
  });

  it('connections that say nothing', { timeout: 60_000 }, async () => {
    await unnoticedBy(ports, async () => {
      const silent = await Promise.all(Array.from({ length: 60 }, (_, index) => RawSocket.open(port(index))));
      const stammering = silent.filter((_, index) => index % 4 === 0);
      for (const socket of stammering) socket.socket.write(Buffer.from([0, 0])); // half of a length
      await waitFor('the server has closed all of them', () => silent.every((socket) => socket.isClosed), {
        timeoutMs: 40_000,
        intervalMs: 200,
      });
    });
  });

  it(
    'a half-open connection: its session ends after its timeout, and its ephemeral node with it',
    { timeout: 60_000 },
    async () => {
      await unnoticedBy(ports, async () => {
        const [gone, watcher] = await Promise.all([
          RawConnection.open({ port: port(0), timeoutMs: 1000 }),
          RawConnection.open({ port: port(1) }),
        ]);
        const startMs = performance.now();
        await gone.do({ op: 'create', path: '/half-open', data: null, acl: worldAll, flags: 1 });
        await watcher.do({ op: 'sync', path: '/half-open' });
        await watcher.do({ op: 'exists', path: '/half-open', watch: true });
        // From here on `gone` neither sends pings nor closes: to the server, its machine has lost power.
        await waitFor('the watcher learns that the node is gone', () => watcher.events.length > 0, {
          timeoutMs: 20_000,
        });
        const lifeMs = performance.now() - startMs;
        assert.deepEqual(watcher.events, [{ type: 2, state: 3, path: '/half-open' }]);
        assert.ok(lifeMs >= 1000, `gone after ${Math.round(lifeMs)} ms of a session timeout of 1000 ms`);
        await waitFor('the server hangs up', () => gone.isClosed, { timeoutMs: 20_000 });
        const renewed = await RawConnection.open({ port: port(2), session: gone.session });
        assert.equal(renewed.session.timeoutMs, 0, 'a session that has expired is not renewed');
        await watcher.close();
      });
    },
  );

  it('a client that asks for much and reads nothing', { timeout: 60_000 }, async () => {
    await unnoticedBy(ports, async () => {
      const connection = await RawConnection.open({ port: port(0) });
      const data = Buffer.alloc(500_000, 'x');
      await connection.do({ op: 'create', path: '/much', data, acl: worldAll, flags: 1 });
      connection.socket.socket.pause();
      const replies = Array.from({ length: 100 }, () => connection.do({ op: 'getData', path: '/much', watch: false }));
      const other = await RawConnection.open({ port: port(0) });
      for (let i = 0; i < 100; i++) await other.do({ op: 'getData', path: '/', watch: false });
      connection.socket.socket.resume();
      for (const reply of await Promise.all(replies)) assert.equal(reply.data?.length, data.length);
      await Promise.all([connection.close(), other.close()]);
    });
  });

  it('connections that come and go in crowds', { timeout: 60_000 }, async () => {
    await unnoticedBy(ports, async () => {
      for (let wave = 0; wave < 5; wave++) {
        const sockets = await Promise.all(Array.from({ length: 100 }, (_, index) => RawSocket.open(port(index))));
        const connect = frameOf((w) => w.int(0).long(0n).int(1000).long(0n).buffer(Buffer.alloc(16)).bool(false));
        for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket.socket.write(connect);
        await Promise.all(sockets.map((socket) => closeOf(socket)));
      }
    });
  });
});

async function closeOf(socket: RawSocket): Promise<void> {
  const closed = once(socket.socket, 'close');
  socket.destroy();
  await closed;
}
