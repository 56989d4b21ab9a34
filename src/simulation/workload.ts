import { CreateMode, OpCode, ReplyCode, Perm } from '../server/protocol/opcodes.ts';
import { writeMultiRequest } from '../server/protocol/multi.ts';
import {
  writeCreateRequest,
  writePathRequest,
  writePathVersionRequest,
  writePathWatchRequest,
  writeSetDataRequest,
} from '../server/protocol/requests.ts';
import { readGetDataResponse, readPathResponse, readStringsResponse } from '../server/protocol/responses.ts';
import { readStat } from '../server/protocol/record-codecs.ts';
import type { SimulatedClient } from './client.ts';
import { bytesOf, textOf } from './client-frames.ts';
import type { Reply } from './client-frames.ts';
import type { History, Operation, OperationRecord, Outcome } from './history.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** The znodes that exist from the beginning: registers to set and read, and a parent for sequential znodes. */
export const REGISTERS = ['/r0', '/r1', '/r2', '/r3'] as const;
export const QUEUE = '/queue';

const OPEN_ACL = [{ perms: Perm.all, scheme: 'world', id: 'anyone' }];
/**
 * How a client works. A slow one still has something to ask long after its server has fallen behind; one that only reads is
 * not held up there by a write of its own.
 */
const TEMPOS = [
  { thinkMaxMs: 120, burstMax: 4, outstandingMax: 4, writes: true },
  { thinkMaxMs: 1_500, burstMax: 1, outstandingMax: 16, writes: true },
  { thinkMaxMs: 300, burstMax: 1, outstandingMax: 50, writes: false },
] as const;

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
    if (!this.tempo.writes) return { type: this.random.chance(0.7) ? 'syncedGet' : 'get', path };
    if (this.random.chance(this.endsSession)) return { type: 'close' };
    const [queued] = this.queuePaths;
    const dice = this.random.next();
    if (dice < 0.35) return { type: 'set', path, value, version: -1 };
    if (dice < 0.5) return { type: 'get', path };
    if (dice < 0.68) return { type: 'syncedGet', path };
    if (dice < 0.85) return { type: 'append', path: `${QUEUE}/n-`, value, ephemeral: this.random.chance(0.3) };
    if (dice < 0.9 && queued !== undefined) {
      this.queuePaths.shift();
      return { type: 'delete', path: queued, version: -1 };
    }
    if (dice < 0.95) return { type: 'multi', paths: [REGISTERS[0], REGISTERS[1]], value };
    return { type: 'list', path: QUEUE };
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
    this.transmit(operation, answered);
  }

  private remember(operation: Operation, outcome: Outcome): void {
    if (operation.type === 'append' && !operation.ephemeral && outcome.type === 'done' && outcome.path !== undefined) {
      this.queuePaths.push(outcome.path);
    }
  }

  private transmit(operation: Operation, answered: (reply: Reply | undefined) => void): void {
    const { client } = this;
    switch (operation.type) {
      case 'set':
        client.send({
          type: OpCode.setData,
          body: (w) =>
            writeSetDataRequest(w, {
              path: operation.path,
              data: bytesOf(operation.value),
              version: operation.version,
            }),
          answered,
        });
        return;
      case 'syncedGet': {
        let refused: Reply | undefined;
        const synced = (reply: Reply | undefined): void => {
          if (reply !== undefined && reply.header.error !== ReplyCode.ok) refused = reply;
        };
        client.send({
          type: OpCode.sync,
          body: (w) => writePathRequest(w, { path: operation.path }),
          answered: synced,
        });
        client.send({
          type: OpCode.getData,
          body: (w) => writePathWatchRequest(w, { path: operation.path, watch: false }),
          // A read behind a sync that failed is no synced read.
          answered: (reply) => answered(reply === undefined ? undefined : (refused ?? reply)),
        });
        return;
      }
      case 'get':
        client.send({
          type: OpCode.getData,
          body: (w) => writePathWatchRequest(w, { path: operation.path, watch: false }),
          answered,
        });
        return;
      case 'append':
        client.send({
          type: OpCode.create2,
          body: (w) =>
            writeCreateRequest(w, {
              path: operation.path,
              data: bytesOf(operation.value),
              acl: OPEN_ACL,
              flags: operation.ephemeral ? CreateMode.ephemeralSequential : CreateMode.persistentSequential,
            }),
          answered,
        });
        return;
      case 'delete':
        client.send({
          type: OpCode.delete,
          body: (w) => writePathVersionRequest(w, { path: operation.path, version: operation.version }),
          answered,
        });
        return;
      case 'multi':
        client.send({
          type: OpCode.multi,
          body: (w) =>
            writeMultiRequest(
              w,
              operation.paths.map((path) => ({
                type: OpCode.setData,
                path,
                data: bytesOf(operation.value),
                version: -1,
              })),
            ),
          answered,
        });
        return;
      case 'list':
        client.send({
          type: OpCode.getChildren,
          body: (w) => writePathWatchRequest(w, { path: operation.path, watch: false }),
          answered,
        });
        return;
      case 'close':
        client.endSession(answered);
        return;
    }
  }
}

function outcomeOf(operation: Operation, { header, body }: Reply): Outcome {
  const { zxid, error } = header;
  if (error !== ReplyCode.ok) return { type: 'refused', code: error, zxid };
  switch (operation.type) {
    case 'set': {
      const stat = readStat(body);
      return { type: 'done', zxid, version: stat.version, mzxid: stat.mzxid };
    }
    case 'get':
    case 'syncedGet': {
      const { data, stat } = readGetDataResponse(body);
      return { type: 'done', zxid, version: stat.version, mzxid: stat.mzxid, value: textOf(data) };
    }
    case 'append': {
      const path = readPathResponse(body);
      return { type: 'done', zxid, path, czxid: readStat(body).czxid };
    }
    case 'list':
      return { type: 'done', zxid, children: readStringsResponse(body) };
    case 'delete':
    case 'multi':
    case 'close':
      return { type: 'done', zxid };
  }
}
