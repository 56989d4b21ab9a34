import { connect, type Socket } from 'node:net';
import { RawConnection } from '../peers/raw/connection.ts';
import { JuteWriter } from '../peers/raw/jute.ts';
import { requestFrame } from '../peers/raw/operations.ts';
import type { CrowdAnswer, CrowdOrder } from './crowd-process.ts';

// Many sessions that do next to nothing, in a process of their own: started by crowd-process.ts, told what to do by messages.

const CONNECTING_MAX = 200;
const TIMEOUT_MS = 40_000;
const PING_EVERY_MS = 10_000;
const PING_SLICES = 100;
const WATCH_EVENT_XID = -1;
const connectFrame = new JuteWriter()
  .int(0)
  .long(0n)
  .int(TIMEOUT_MS)
  .long(0n)
  .buffer(Buffer.alloc(16))
  .bool(false)
  .frame();
const pingFrame = requestFrame(-2, { op: 'ping' });

/** One session: says who answers it, and nothing more. */
class Idler {
  readonly #socket: Socket;
  onReply: () => void = () => undefined;
  onEvent: () => void = () => undefined;
  #received: Buffer = Buffer.alloc(0);
  #isOpen = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('close', () => {
      throw new Error('the server closed one of many connections');
    });
  }

  ask(frame: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.onReply = resolve;
      this.#socket.write(frame);
    });
  }

  ping(): void {
    if (this.#isOpen) this.#socket.write(pingFrame);
  }

  #receive(chunk: Buffer): void {
    let rest = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      this.#frame(rest.subarray(4, 4 + rest.readInt32BE(0)));
      rest = rest.subarray(4 + rest.readInt32BE(0));
    }
    this.#received = rest;
  }

  #frame(frame: Buffer): void {
    const xid = this.#isOpen ? frame.readInt32BE(0) : 0;
    this.#isOpen = true;
    if (xid === WATCH_EVENT_XID) this.onEvent();
    else if (xid >= 0) this.onReply();
  }
}

const idlers: Idler[] = [];

async function open({ ports, sessions }: CrowdOrder): Promise<void> {
  let next = 0;
  const connector = async (): Promise<void> => {
    while (next < sessions) {
      const idler = new Idler(ports[next++ % ports.length] ?? 0);
      idlers.push(idler);
      await idler.ask(connectFrame);
    }
  };
  setInterval(ping, PING_EVERY_MS / PING_SLICES).unref();
  await Promise.all(Array.from({ length: CONNECTING_MAX }, connector));
}

let pinged = 0;

/** The next slice of the sessions says that it is alive: spread over the time, as clients are that know nothing of one another. */
function ping(): void {
  const until = Math.min(pinged + Math.ceil(idlers.length / PING_SLICES), idlers.length);
  for (; pinged < until; pinged++) idlers[pinged]?.ping();
  if (pinged === idlers.length) pinged = 0;
}

/** Every session watches the znode; how long it takes from a change until the last one has heard of it. */
async function changeWatched({ ports, path }: CrowdOrder): Promise<number> {
  const watch = requestFrame(1, { op: 'getData', path, watch: true });
  await Promise.all(idlers.map((idler) => idler.ask(watch)));
  const writer = await RawConnection.open({ port: ports[0] ?? 0 });
  let left = idlers.length;
  const { promise: allToldAtMs, resolve } = Promise.withResolvers<number>();
  for (const idler of idlers) {
    idler.onEvent = () => {
      if (--left === 0) resolve(performance.now());
    };
  }
  const changedMs = performance.now();
  await writer.do({ op: 'setData', path, data: Buffer.alloc(100), version: -1 });
  const tookMs = (await allToldAtMs) - changedMs;
  await writer.close();
  return tookMs;
}

process.on('message', (order: CrowdOrder) => {
  const startedMs = performance.now();
  const done = order.what === 'open' ? open(order).then(() => performance.now() - startedMs) : changeWatched(order);
  void done.then((tookMs) => process.send?.({ tookMs } satisfies CrowdAnswer));
});
