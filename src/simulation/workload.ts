import { CreateMode, OpCode, ReplyCode } from '../server/protocol/opcodes.ts';
import { writeCreateRequest } from '../server/protocol/requests.ts';
import { Boxes } from './boxes.ts';
import type { SimulatedClient } from './client.ts';
import { bytesOf } from './client-frames.ts';
import type { Reply } from './client-frames.ts';
import type { History, Operation, OperationRecord, Outcome } from './history.ts';
import { OPEN_ACL, outcomeOf, request } from './operations.ts';
import type { SeededRandom } from './random.ts';
import type { Scenario } from './scenarios.ts';
import type { Scheduler } from './scheduler.ts';
import { BOXES, ITEM, QUEUE, REGISTERS } from './znodes.ts';

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
/** How often it is a look at anybody's boxes. */
const LOOKS_AT_BOXES = 0.04;

/** Creates what the workload works on. Calls `done` when all of it is there. */
export function prepare(client: SimulatedClient, done: () => void): void {
  const missing: string[] = [...REGISTERS, QUEUE, BOXES];
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
  private readonly usesBoxes: number;
  private readonly tempo: (typeof TEMPOS)[number];
  private outstanding = 0;
  private sent = 0;
  private active = true;
  private queuePaths: string[] = [];
  /** The versions of registers, as it has last seen them. */
  private readonly versions = new Map<string, number>();
  private readonly boxes: Boxes;
  /** The boxes of all clients, as it has last seen them. */
  private boxNames: readonly string[] = [];

  constructor(
    client: SimulatedClient,
    habits: Pick<Scenario, 'endsSession' | 'usesBoxes'>,
    parts: { scheduler: Scheduler; random: SeededRandom; history: History; answers: { count: number } },
  ) {
    this.client = client;
    this.endsSession = habits.endsSession;
    this.usesBoxes = habits.usesBoxes;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.history = parts.history;
    this.answers = parts.answers;
    this.tempo = parts.random.pick(TEMPOS);
    this.boxes = new Boxes(parts.random.fork());
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
    if (this.random.chance(LOOKS_AT_BOXES)) return this.lookAtBoxes();
    if (!this.tempo.writes) return { type: this.random.chance(0.7) ? 'syncedGet' : 'get', path, watch };
    if (this.random.chance(this.endsSession)) return { type: 'close' };
    const box = this.random.chance(this.usesBoxes) ? this.boxes.next(value) : undefined;
    if (box !== undefined) return box;
    const [queued] = this.queuePaths;
    const dice = this.random.next();
    if (dice < 0.12) return { type: 'set', path, value, version: this.versions.get(path) ?? -1 };
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

  private lookAtBoxes(): Operation {
    const watch = this.random.chance(0.7);
    if (this.boxNames.length === 0 || this.random.chance(0.4)) return { type: 'list', path: BOXES, watch };
    const path = `${BOXES}/${this.random.pick(this.boxNames)}`;
    if (this.random.chance(0.2)) return { type: 'list', path, watch };
    return { type: 'look', path: this.random.chance(0.5) ? path : `${path}/${ITEM}`, watch };
  }

  private watchForGood(): Operation {
    const path = this.random.pick([...REGISTERS, QUEUE, BOXES]);
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
      if (reply === undefined) {
        this.boxes.answered(operation, undefined);
        return;
      }
      record.completedMs = this.scheduler.nowMs;
      record.answerOrder = this.answers.count++;
      record.outcome = outcomeOf(operation, reply);
      this.remember(operation, record.outcome);
    };
    request(this.client, operation, answered);
  }

  private remember(operation: Operation, outcome: Outcome): void {
    if ('path' in operation && outcome.type === 'done' && outcome.version !== undefined) {
      this.versions.set(operation.path, outcome.version);
    }
    if (operation.type === 'append' && !operation.ephemeral && outcome.type === 'done' && outcome.path !== undefined) {
      this.queuePaths.push(outcome.path);
    }
    if (operation.type === 'list' && operation.path === BOXES && outcome.type === 'done') {
      this.boxNames = outcome.children ?? [];
    }
    this.boxes.answered(operation, outcome);
  }
}
