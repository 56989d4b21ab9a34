import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { portOf, stopListening, listen } from '../server/net/listen.ts';
import { writeConnectResponse } from '../server/protocol/connect.ts';
import { FrameSplitter } from '../server/protocol/framing.ts';
import { readRequestHeader, writeReplyHeader } from '../server/protocol/headers.ts';
import { JuteReader } from '../server/protocol/jute-reader.ts';
import { JuteWriter } from '../server/protocol/jute-writer.ts';
import { ZooKeeper } from './zookeeper.ts';

function send(socket: Socket, write: (writer: JuteWriter) => void): void {
  const writer = new JuteWriter();
  const mark = writer.beginLength();
  write(writer);
  writer.endLength(mark);
  socket.write(writer.copy());
}

/** Opens every session, and answers every request with a success that has no body. */
function serveNothing(socket: Socket): void {
  let open = false;
  const frame = (bytes: Uint8Array): void => {
    const wasOpen = open;
    open = true;
    send(socket, (writer) => {
      if (wasOpen) writeReplyHeader(writer, readRequestHeader(new JuteReader(bytes)).xid, 1, 0);
      else {
        const session = { timeoutMs: 10_000, sessionId: 1n, password: new Uint8Array(16) };
        writeConnectResponse(writer, { protocolVersion: 0, ...session, readOnly: false });
      }
    });
  };
  const splitter = new FrameSplitter({ frame, fourLetterWord: () => undefined }, 1 << 20, false);
  socket.on('data', (chunk: Buffer) => splitter.push(chunk)).on('error', () => undefined);
}

test('an answer that cannot be read fails the request, as one that is lost does', async (t) => {
  const server = createServer(serveNothing);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'tests');
  const zk = new ZooKeeper(`127.0.0.1:${portOf(server)}`);
  t.after(async () => {
    await zk.close();
    await stopListening(server);
  });
  await assert.rejects(zk.get('/any'), { failure: 'connectionLoss', path: '/any' });
});
