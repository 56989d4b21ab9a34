// Writes a znode unless it is there, and prints what is in it: the smallest conversation of the ZooKeeper protocol, without a
// client library. `make up` runs it inside a member's pod: node hello-znode.mjs HOST PORT PATH TEXT
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const [host, port, path, text] = process.argv.slice(2);
const operations = { create: 1, getData: 4, closeSession: -11 };
const nodeExists = -110;
const sessionTimeoutMs = 10_000;
const serviceTimeoutMs = 30_000;

const int = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const buffer = (content) => Buffer.concat([int(Buffer.byteLength(content)), Buffer.from(content)]);

// A Service that was made a moment ago refuses connections until every node knows what is behind it.
async function connected(deadline = Date.now() + serviceTimeoutMs) {
  const attempt = connect({ host, port: Number(port) });
  attempt.setTimeout(sessionTimeoutMs, () => attempt.destroy(new Error(`no answer from ${host}:${port}`)));
  try {
    await once(attempt, 'connect');
    return attempt;
  } catch (error) {
    if (Date.now() > deadline) throw error;
    await setTimeout(200);
    return connected(deadline);
  }
}

const socket = await connected();
const received = socket[Symbol.asyncIterator]();
let pending = Buffer.alloc(0);

async function take(length) {
  while (pending.length < length) {
    const { value, done } = await received.next();
    if (done) throw new Error(`${host}:${port} closed the connection`);
    pending = Buffer.concat([pending, value]);
  }
  const taken = pending.subarray(0, length);
  pending = pending.subarray(length);
  return taken;
}

async function exchange(...parts) {
  socket.write(buffer(Buffer.concat(parts)));
  return take((await take(4)).readInt32BE());
}

async function request(operation, ...parts) {
  const reply = await exchange(int(1), int(operations[operation]), ...parts);
  // xid (4 bytes), zxid (8), error (4), then what was asked for
  return { error: reply.readInt32BE(12), body: reply.subarray(16) };
}

// protocol version, last zxid seen, session timeout, session id, password, read-only
await exchange(int(0), Buffer.alloc(8), int(sessionTimeoutMs), Buffer.alloc(8), buffer(Buffer.alloc(16)), Buffer.of(0));
const everyone = Buffer.concat([int(1), int(31), buffer('world'), buffer('anyone')]);
const created = await request('create', buffer(path), buffer(text), everyone, int(0));
if (created.error !== 0 && created.error !== nodeExists) throw new Error(`create ${path}: error ${created.error}`);
const { error, body } = await request('getData', buffer(path), Buffer.of(0));
if (error !== 0) throw new Error(`getData ${path}: error ${error}`);
process.stdout.write(`${body.subarray(4, 4 + body.readInt32BE())}\n`);
await request('closeSession');
socket.end();
