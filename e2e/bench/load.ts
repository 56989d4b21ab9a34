import { connect, type Socket } from 'node:net';
import { JuteWriter } from '../peers/raw/jute.ts';
import { requestFrame, type Operation } from '../peers/raw/operations.ts';
import { worldAll } from '../peers/raw/records.ts';

// The load generator, in a process of its own: `node load.ts <LoadOrder as JSON>` prints a LoadResult as JSON. Each session
// keeps a fixed number of requests outstanding; the frames are made once, so that this process is not what is measured.

/**
 * What the requests are: a share of reads among writes of the same nodes; creations of new nodes; an ephemeral made and
 * deleted by turns; or transactions of so many writes.
 */
export type Workload =
  | { readonly kind: 'mixed'; readonly readShare: number }
  | { readonly kind: 'create' | 'ephemeral' }
  | { readonly kind: 'multi'; readonly parts: number };

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
/** A write that succeeds within a multi is answered with a Stat. */
const statBytes = 68;

interface SlotRequest {
  readonly frame: Buffer;
  /** What the reply must at least be long. */
  readonly leastBytes: number;
}

/** One session: its outstanding requests are slots, each with a node of its own. */
class LoadSession {
  readonly #socket: Socket;
  readonly #order: LoadOrder;
  readonly #number: number;
  readonly #data: Buffer;
  readonly #onLatency: (ms: number) => void;
  readonly #sentMs: Float64Array;
  /** What the reply to each slot's request must at least be long. */
  readonly #leastBytes: Uint32Array;
  /** The requests of each slot, which are sent by turns, or at random. */
  readonly #requests: (readonly SlotRequest[])[] = [];
  /** How many requests each slot has sent. */
  readonly #turns: Uint32Array;
  /** Of the request that is answered next: replies come in the order of the requests. */
  #answered = 0;
  #received: Buffer = Buffer.alloc(0);
  #onReply: (frame: Buffer) => void = () => undefined;
  #pings = 0;

  constructor(socket: Socket, order: LoadOrder, number: number, onLatency: (ms: number) => void) {
    this.#socket = socket;
    this.#order = order;
    this.#number = number;
    this.#data = Buffer.alloc(order.payloadBytes, 'x');
    this.#onLatency = onLatency;
    this.#sentMs = new Float64Array(order.outstanding);
    this.#leastBytes = new Uint32Array(order.outstanding);
    this.#turns = new Uint32Array(order.outstanding);
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
    for (let slot = 0; slot < this.#order.outstanding; slot++) {
      const reply = await this.#exchange(requestFrame(1, this.#creation(slot)));
      if (reply.readInt32BE(errorOffset - 4) !== 0) throw new Error(`${this.#pathOf(slot)} could not be created`);
      this.#requests.push(this.#requestsOf(slot));
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

  #pathOf(slot: number): string {
    return `${this.#order.root}/${this.#number}-${slot % this.#order.outstanding}`;
  }

  #creation(slot: number): Operation {
    const sequential = this.#order.workload.kind === 'create';
    const path = sequential ? `${this.#pathOf(slot)}-` : this.#pathOf(slot);
    return { op: 'create', path, data: this.#data, acl: worldAll, flags: sequential ? 2 : 0 };
  }

  /** What a slot sends: one after the other, but for reads and writes, which are mixed. */
  #requestsOf(slot: number): readonly SlotRequest[] {
    const { workload, payloadBytes } = this.#order;
    const path = this.#pathOf(slot);
    const set = (at: number) => ({ op: 'setData', path: this.#pathOf(at), data: this.#data, version: -1 }) as const;
    const request = (operation: Operation, leastBytes = 0): SlotRequest => ({
      frame: requestFrame(1, operation),
      leastBytes,
    });
    switch (workload.kind) {
      case 'mixed':
        return [request({ op: 'getData', path, watch: false }, payloadBytes), request(set(slot))];
      case 'create':
        return [request(this.#creation(slot))];
      case 'ephemeral': {
        const own = `${path}-own`;
        const creation: Operation = { op: 'create', path: own, data: this.#data, acl: worldAll, flags: 1 };
        return [request(creation), request({ op: 'delete', path: own, version: -1 })];
      }
      case 'multi': {
        const parts = Array.from({ length: workload.parts }, (_, part) => set(slot + part));
        return [request({ op: 'multi', parts }, workload.parts * statBytes)];
      }
    }
  }

  #next(slot: number): Buffer {
    const { workload } = this.#order;
    const requests = this.#requests[slot] ?? [];
    const turn = workload.kind === 'mixed' ? Number(Math.random() >= workload.readShare) : (this.#turns[slot] ?? 0);
    const request = requests[turn % requests.length];
    if (request === undefined) throw new RangeError(`no slot ${slot}`);
    this.#turns[slot] = turn + 1;
    this.#sentMs[slot] = performance.now();
    this.#leastBytes[slot] = request.leastBytes;
    return request.frame;
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
    if (end - start < (this.#leastBytes[slot] ?? 0)) throw new Error('an answer is too short');
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
