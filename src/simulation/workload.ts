import { CreateMode, OpCode, ReplyCode } from '../server/protocol/opcodes.ts';
import { writeCreateRequest } from '../server/protocol/requests.ts';
import type { SimulatedClient } from './client.ts';
import { bytesOf } from './client-frames.ts';
import type { Reply } from './client-frames.ts';
import type { History, Operation, OperationRecord, Outcome } from './history.ts';
import { OPEN_ACL, outcomeOf, request } from './operations.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { QUEUE, REGISTERS } from './znodes.ts';

/**
 * How a client works. A slow one still has something to ask long after its server has fallen behind; one that only reads is
 * not held up there by a write of its own.
 */
const TEMPOS = [
  { thinkMaxMs: 120, burstMax: 4, outstandingMax: 4, writes: true },
  { thinkMaxMs: 1_500, burstMax: 1, outstandingMax: 16, writes: true },
  { thinkMaxMs: 300, burstMax: 1, outstandingMax: 50, writes: false },
] as const;

/** How often an operation is one that sets a watch which is told of every change, as a probability. */
const WATCHES_FOR_GOOD = 0.004;

/** Creates what the workload works on. Calls `done` when all of it is there. */
export function prepare(client: SimulatedClient, done: () => void): void {
  const missing: string[] = [...REGISTERS, QUEUE];
  const next = (): void => {
    const [path] = missing;
    if (path === undefined) {
      client.onReady = () => {};
      done();
      return;
    }
    client.send({
      type: OpCode.create,
      body: (writer) =>
        writeCreateRequest(writer, { path, data: bytesOf('first'), acl: OPEN_ACL, flags: CreateMode.persistent }),
      answered: (reply) => {
        const error = reply?.header.error;
        if (error === ReplyCode.ok || error === ReplyCode.nodeExists) missing.shift();
        // Without an answer the connection has ended: `onReady` goes on.
        if (reply !== undefined) next();
      },
    });
  };
  client.onReady = next;
  client.connect();
}

/** One client's stream of random operations, a few at a time, each noted in the history. */
export class Worker {
  private readonly client: SimulatedClient;
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly history: History;
  private readonly answers: { count: number };
  private readonly endsSession: number;
  private readonly tempo: (typeof TEMPOS)[number];
  private outstanding = 0;
  private sent = 0;
  private active = true;
  private queuePaths: string[] = [];

  constructor(
    client: SimulatedClient,
    endsSession: number,
    parts: { scheduler: Scheduler; random: SeededRandom; history: History; answers: { count: number } },
  ) {
    this.client = client;
    this.endsSession = endsSession;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.history = parts.history;
    this.answers = parts.answers;
    this.tempo = parts.random.pick(TEMPOS);
  }

  start(): void {
    this.client.connect();
    this.think();
  }

  stop(): void {
    this.active = false;
  }

  get idle(): boolean {
    return this.outstanding === 0;
  }

  private think(): void {
    const { thinkMaxMs, burstMax, outstandingMax } = this.tempo;
    this.scheduler.after(this.random.between(1, thinkMaxMs), () => {
      if (!this.active) return;
      const burst = this.random.between(1, burstMax);
      for (let index = 0; index < burst && this.outstanding < outstandingMax && this.client.ready; index++) {
        this.issue(this.choose());
      }
      this.think();
    });
  }

  private choose(): Operation {
    const path = this.random.pick(REGISTERS);
    const value = `${this.client.host}-${++this.sent}`;
    const watch = this.random.chance(0.3);
    if (this.random.chance(WATCHES_FOR_GOOD)) return this.watchForGood();
    if (!this.tempo.writes) return { type: this.random.chance(0.7) ? 'syncedGet' : 'get', path, watch };
    if (this.random.chance(this.endsSession)) return { type: 'close' };
    const [queued] = this.queuePaths;
    const dice = this.random.next();
    if (dice < 0.35) return { type: 'set', path, value, version: -1 };
    if (dice < 0.5) return { type: 'get', path, watch };
    if (dice < 0.68) return { type: 'syncedGet', path, watch };
    if (dice < 0.85) return { type: 'append', path: `${QUEUE}/n-`, value, ephemeral: this.random.chance(0.3) };
    if (dice < 0.9 && queued !== undefined) {
      this.queuePaths.shift();
      return { type: 'delete', path: queued, version: -1 };
    }
    if (dice < 0.95) return { type: 'multi', paths: [REGISTERS[0], REGISTERS[1]], value };
    return { type: 'list', path: QUEUE, watch: this.random.chance(0.6) };
  }

  private watchForGood(): Operation {
    const path = this.random.pick([...REGISTERS, QUEUE]);
    return { type: 'watch', path, recursive: this.random.chance(0.5) };
  }

  private issue(operation: Operation): void {
    const record: OperationRecord = {
      client: this.client.host,
      sessionId: this.client.sessionId,
      operation,
      invokedMs: this.scheduler.nowMs,
      completedMs: Number.POSITIVE_INFINITY,
      outcome: { type: 'unknown' },
      answerOrder: -1,
    };
    this.history.operations.push(record);
    this.outstanding++;
    const answered = (reply: Reply | undefined): void => {
      this.outstanding--;
      if (reply === undefined) return;
      record.completedMs = this.scheduler.nowMs;
      record.answerOrder = this.answers.count++;
      record.outcome = outcomeOf(operation, reply);
      this.remember(operation, record.outcome);
    };
    request(this.client, operation, answered);
  }

  private remember(operation: Operation, outcome: Outcome): void {
    if (operation.type === 'append' && !operation.ephemeral && outcome.type === 'done' && outcome.path !== undefined) {
      this.queuePaths.push(outcome.path);
    }
  }
}
