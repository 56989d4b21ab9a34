import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { ClientListener } from './client-listener.ts';
import type { ClientLimits } from './client-listener.ts';
import { portOf } from './listen.ts';
import { SILENT } from './testing/silent-logger.ts';
import { until } from './testing/until.ts';

const LIMITS: ClientLimits = { frameBytesMax: 1000, connectionsMax: 0, connectionsPerAddressMax: 0, silenceMs: 60_000 };

const listeners: ClientListener[] = [];
const sockets: Socket[] = [];

after(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(listeners.map((listener) => listener.stop()));
});

/** A listener that writes down what it hears. */
async function listening(limits: Partial<ClientLimits> = {}) {
  const heard: string[] = [];
  const listener = new ClientListener(
    { ...LIMITS, ...limits },
    {
      connected: (client, address) => void heard.push(`connected ${client} ${address}`),
      frame: (client, frame) => void heard.push(`frame ${client} ${new TextDecoder().decode(frame)}`),
      drained: (client) => void heard.push(`drained ${client}`),
      closed: (client) => void heard.push(`closed ${client}`),
      fourLetterWord: (word) => (word === 'ruok' ? 'imok' : undefined),
    },
    SILENT,
  );
  await listener.listen({ host: '127.0.0.1', port: 0 }, undefined);
  listeners.push(listener);
  return { listener, heard, port: portOf(listener.server) };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A listener, and the first client that it has heard of. */
async function listeningToOne() {
  const { listener, heard, port } = await listening();
  const socket = await connected(port);
  socket.write(framed('first'));
  await until('the frame', () => heard.length === 2);
  return { listener, heard, port, socket };
}

/** The same, of a client that reads nothing. */
async function listeningToOneThatDoesNotRead() {
  const all = await listeningToOne();
  all.socket.pause();
  return all;
}

function framed(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.map((text) => {
      const frame = Buffer.alloc(4 + text.length);
      frame.writeInt32BE(text.length);
      frame.write(text, 4);
      return frame;
    }),
  );
}

/** Everything that the socket gets until it is closed. */
async function allOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until('the connection is closed', () => socket.closed);
  return text;
}

test('frames come with the client that sent them, and a client is heard of with its first frame', async () => {
  const { heard, port } = await listening();
  const socket = await connected(port);
  socket.write(framed('one', 'two').subarray(0, 9));
  await until('the first frame', () => heard.length === 2);
  socket.write(framed('one', 'two').subarray(9));
  await until('both frames', () => heard.length === 3);
  socket.end();
  await until('the end', () => heard.length === 4);
  assert.deepEqual(heard, ['connected 1 127.0.0.1', 'frame 1 one', 'frame 1 two', 'closed 1']);
});

test('answers leave at the flush, and a close comes behind them', async () => {
  const { listener, heard, socket } = await listeningToOne();
  listener.send(1, Buffer.from('a'));
  listener.send(1, Buffer.from('b'));
  listener.close(1, 'test');
  listener.send(1, Buffer.from('too late'));
  listener.flush();
  assert.equal(await allOf(socket), 'ab');
  assert.deepEqual(heard.slice(2), [], 'a connection that the server closed is not reported');
});

test('a four-letter word is answered, and the connection closed; an unknown one gets no answer', async () => {
  const { heard, port } = await listening();
  for (const [word, answer] of [
    ['ruok\n', 'imok'],
    ['nope', ''],
  ]) {
    const socket = await connected(port);
    socket.write(word ?? '');
    assert.equal(await allOf(socket), answer);
  }
  assert.deepEqual(heard, []);
});

test('bytes that are no frames end the connection, and only that one', async () => {
  const { heard, port } = await listening();
  const bystander = await connected(port);
  bystander.write(framed('first'));
  for (const bytes of [Buffer.from([0x80, 0, 0, 0]), Buffer.from([0, 1, 0, 0]), Buffer.from([0, 0, 0x10, 0])]) {
    const socket = await connected(port);
    socket.write(bytes);
    await allOf(socket);
  }
  bystander.write(framed('second'));
  await until('the second frame', () => heard.includes('frame 1 second'));
});

test('no more connections than allowed, from one address and in all', async () => {
  for (const limits of [{ connectionsPerAddressMax: 2 }, { connectionsMax: 2 }]) {
    const { listener, port } = await listening(limits);
    const kept = [await connected(port), await connected(port)];
    await allOf(await connected(port));
    assert.equal(listener.counts.rejected, 1);
    kept[0]?.destroy();
    await until('there is room again', () => listener.count === 1);
    await connected(port);
    await until('it is taken', () => listener.count === 2);
  }
});

test('a client that is given up as it is closed counts once, so that its address gets no more connections than allowed', async () => {
  const { listener, heard, port } = await listening({ connectionsPerAddressMax: 2 });
  const greedy = await connected(port);
  greedy.pause();
  greedy.write(framed('first'));
  await until('the frame', () => heard.length === 2);
  await connected(port);
  await until('the other one', () => listener.count === 2);
  listener.send(1, new Uint8Array(80 * 1024 * 1024));
  listener.close(1, 'it said goodbye');
  assert.equal(listener.count, 1);
  await connected(port);
  await until('the room is taken', () => listener.count === 2);
  await connected(port);
  await until('one too many', () => listener.counts.rejected === 1 || listener.count > 2);
  assert.equal(listener.count, 2);
});

test('a connection that says nothing whole is closed in time', async () => {
  const { heard, port } = await listening({ silenceMs: 500 });
  const talker = await connected(port);
  talker.write(framed('hello'));
  const silent = await connected(port);
  const halfway = await connected(port);
  halfway.write(framed('never whole').subarray(0, 7));
  await Promise.all([allOf(silent), allOf(halfway)]);
  assert.equal(talker.closed, false);
  assert.deepEqual(heard, ['connected 1 127.0.0.1', 'frame 1 hello']);
});

test('a client that does not read is not read from, and given up when too much waits', async () => {
  const { listener, heard, socket } = await listeningToOneThatDoesNotRead();
  const chunk = Buffer.alloc(4 * 1024 * 1024);
  listener.send(1, chunk);
  listener.send(1, chunk);
  listener.flush();
  socket.write(framed('second'));
  for (let sent = 0; sent < 64 * 1024 * 1024; sent += chunk.length) {
    listener.send(1, chunk);
    listener.flush();
  }
  await until('it is given up', () => heard.includes('closed 1'));
  assert.equal(heard.includes('frame 1 second'), false);
});

test('a client that is held is not read from; it is told each time when it has taken what it was sent', async () => {
  const { listener, heard, socket } = await listeningToOneThatDoesNotRead();
  listener.setHeld(1, true);
  listener.send(1, Buffer.from('at once'));
  listener.flush();
  assert.deepEqual(heard.slice(2), ['drained 1']);
  socket.write(framed('second'));
  listener.send(1, Buffer.alloc(16 * 1024 * 1024));
  listener.flush();
  assert.deepEqual(heard.slice(3), [], 'it has not taken this yet');
  socket.resume();
  await until('it has taken all', () => heard.length === 4);
  assert.deepEqual(heard.slice(3), ['drained 1']);
  listener.setHeld(1, false);
  await until('it is read from', () => heard.includes('frame 1 second'));
});

test('paused clients are read from when they are resumed', async () => {
  const { listener, heard, port, socket: early } = await listeningToOne();
  listener.setPaused(true);
  early.write(framed('two'));
  const late = await connected(port);
  late.write(framed('three'));
  await until('it is accepted', () => listener.count === 2);
  assert.equal(heard.length, 2);
  listener.setPaused(false);
  await until('all are heard', () => heard.includes('frame 1 two') && heard.includes('frame 2 three'));
});
