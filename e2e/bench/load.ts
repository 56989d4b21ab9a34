import { connect, type Socket } from 'node:net';
import { JuteWriter } from '../peers/raw/jute.ts';
import { requestFrame, type Operation } from '../peers/raw/operations.ts';
import { worldAll } from '../peers/raw/records.ts';

// The load generator, in a process of its own: `node load.ts <LoadOrder as JSON>` prints a LoadResult as JSON. Each session
// keeps a fixed number of requests outstanding; the frames are made once, so that this process is not what is measured.

/** What the requests are: a share of reads among writes of the same nodes, or creations of new nodes. */
export type Workload = { readonly kind: 'mixed'; readonly readShare: number } | { readonly kind: 'create' };

export interface LoadOrder {
  readonly ports: readonly number[];
  readonly workload: Workload;
  readonly payloadBytes: number;
  readonly sessions: number;
  /** Requests that each session keeps outstanding. */
  readonly outstanding: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** A node below which this run creates its own. Must exist and be empty. */
  readonly root: string;
}

export interface LoadResult {
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const xidOffset = 4;
const errorOffset = 16;
const pingEveryMs = 3000;

/** One session: its outstanding requests are slots, each with a node of its own. */
class LoadSession {
  readonly #socket: Socket;
  readonly #order: LoadOrder;
  readonly #number: number;
  readonly #onLatency: (ms: number) => void;
  readonly #sentMs: Float64Array;
  /** What the reply to each slot's request must at least be long. */
  readonly #leastBytes: Uint32Array;
  readonly #reads: Buffer[] = [];
  readonly #writes: Buffer[] = [];
  /** Of the request that is answered next: replies come in the order of the requests. */
  #answered = 0;
  #received: Buffer = Buffer.alloc(0);
  #onReply: (frame: Buffer) => void = () => undefined;
  #pings = 0;

  constructor(socket: Socket, order: LoadOrder, number: number, onLatency: (ms: number) => void) {
    this.#socket = socket;
    this.#order = order;
    this.#number = number;
    this.#onLatency = onLatency;
    this.#sentMs = new Float64Array(order.outstanding);
    this.#leastBytes = new Uint32Array(order.outstanding);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => {
      throw error;
    });
    socket.on('close', () => {
      throw new Error('the server closed a connection under load');
    });
  }

  /** Establishes the session and creates the nodes that its requests use. */
  async prepare(): Promise<void> {
    const connectRequest = new JuteWriter().int(0).long(0n).int(30_000).long(0n).buffer(Buffer.alloc(16)).bool(false);
    await this.#exchange(connectRequest.frame());
    const data = Buffer.alloc(this.#order.payloadBytes, 'x');
    for (let slot = 0; slot < this.#order.outstanding; slot++) {
      const path = `${this.#order.root}/${this.#number}-${slot}`;
      const creation: Operation =
        this.#order.workload.kind === 'create'
          ? { op: 'create', path: `${path}-`, data, acl: worldAll, flags: 2 }
          : { op: 'create', path, data, acl: worldAll, flags: 0 };
      const reply = await this.#exchange(requestFrame(1, creation));
      if (reply.readInt32BE(errorOffset - 4) !== 0) throw new Error(`${path} could not be created`);
      this.#reads.push(requestFrame(1, { op: 'getData', path, watch: false }));
      this.#writes.push(
        requestFrame(1, this.#order.workload.kind === 'create' ? creation : { op: 'setData', path, data, version: -1 }),
      );
    }
    setInterval(() => this.#ping(), pingEveryMs).unref();
  }

  /** Sends the first requests; from then on every reply is followed by the next one. */
  start(): void {
    const first = Array.from({ length: this.#order.outstanding }, (_, slot) => this.#next(slot));
    this.#socket.write(Buffer.concat(first));
  }

  #exchange(frame: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#onReply = resolve;
      this.#socket.write(frame);
    });
  }

  #ping(): void {
    this.#pings++;
    this.#socket.write(requestFrame(-2, { op: 'ping' }));
  }

  #next(slot: number): Buffer {
    const { workload } = this.#order;
    const read = workload.kind === 'mixed' && Math.random() < workload.readShare;
    this.#sentMs[slot] = performance.now();
    this.#leastBytes[slot] = read ? this.#order.payloadBytes : 0;
    const frame = (read ? this.#reads : this.#writes)[slot];
    if (frame === undefined) throw new RangeError(`no slot ${slot}`);
    return frame;
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const nowMs = performance.now();
    const following: Buffer[] = [];
    let offset = 0;
    while (bytes.length - offset >= 4) {
      const end = offset + 4 + bytes.readInt32BE(offset);
      if (end > bytes.length) break;
      this.#reply(bytes, offset, end, nowMs, following);
      offset = end;
    }
    this.#received = offset === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(offset));
    if (following.length > 0)
      this.#socket.write(following.length === 1 ? (following[0] ?? '') : Buffer.concat(following));
  }

  #reply(bytes: Buffer, start: number, end: number, nowMs: number, following: Buffer[]): void {
    if (this.#sentMs[0] === 0) {
      this.#onReply(bytes.subarray(start + 4, end));
      return;
    }
    if (this.#pings > 0 && bytes.readInt32BE(start + xidOffset) === -2) {
      this.#pings--;
      return;
    }
    const error = bytes.readInt32BE(start + errorOffset);
    if (error !== 0) throw new Error(`a request under load was answered with error ${error}`);
    const slot = this.#answered++ % this.#order.outstanding;
    if (end - start < (this.#leastBytes[slot] ?? 0)) throw new Error('a read was answered without its data');
    this.#onLatency(nowMs - (this.#sentMs[slot] ?? 0));
    following.push(this.#next(slot));
  }
}

async function run(order: LoadOrder): Promise<LoadResult> {
  let latenciesMs: number[] | undefined;
  const onLatency = (ms: number): void => {
    latenciesMs?.push(ms);
  };
  const sessions = Array.from({ length: order.sessions }, (_, number) => {
    const socket = connect({ port: order.ports[number % order.ports.length] ?? 0, host: '127.0.0.1' });
    return new LoadSession(socket, order, number, onLatency);
  });
  await Promise.all(sessions.map((session) => session.prepare()));
  for (const session of sessions) session.start();
  await new Promise((resolve) => setTimeout(resolve, order.warmUpMs));
  const measured: number[] = [];
  latenciesMs = measured;
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, order.measureMs));
  latenciesMs = undefined;
  const seconds = (performance.now() - startMs) / 1000;
  const sorted = Float64Array.from(measured).sort();
  const percentile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return { operationsPerSecond: sorted.length / seconds, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

const result = await run(JSON.parse(process.argv[2] ?? '') as LoadOrder);
process.stdout.write(JSON.stringify(result), () => process.exit(0));
