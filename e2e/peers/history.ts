import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from '../support/run-program.ts';
import { peerPaths } from '../support/server-programs.ts';
import { Random } from './differential/random.ts';
import { PersistentClient, unknownOutcome } from './raw/persistent-client.ts';
import { ErrorCode } from './raw/records.ts';

/** One operation on a register, in the shape that go/linearizability reads. */
interface RecordedOperation {
  readonly client: number;
  readonly key: string;
  readonly kind: 'read' | 'write' | 'swap';
  readonly value?: string;
  readonly expectedVersion?: number;
  readonly callNs: number;
  /** 0: the outcome is unknown. */
  readonly returnNs: number;
  readonly done?: boolean;
  readonly readValue?: string;
  readonly version?: number;
}

const nowNs = (): number => Math.round(performance.now() * 1e6);
/** The longest pause between two operations of a client: what a person would call its load. Nothing is waited for. */
const thinkTimeMs = 4;

/** Clients that read, write and swap a few registers at the same time, and remember when they asked and what came back. */
export class RegisterClients {
  readonly #paths: readonly string[];
  readonly #ports: readonly number[];
  readonly #history: RecordedOperation[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;

  /** @param paths Nodes that exist, with empty data and version 0. */
  constructor(ports: readonly number[], paths: readonly string[]) {
    this.#ports = ports;
    this.#paths = paths;
  }

  start(clients: number, seed: number): void {
    this.#running = Array.from({ length: clients }, (_, client) => this.#run(client, new Random(seed + client)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  get size(): number {
    return this.#history.length;
  }

  /** The history as go/linearizability reads it. */
  toJson(): string {
    return JSON.stringify(this.#history);
  }

  /** Asks porcupine. @returns what it says; its exit code is 0 if the history is linearizable */
  check(): Promise<{ exitCode: number | null; output: string }> {
    const program = join(peerPaths.goPrograms, 'linearizability');
    return runProgram({ program, args: [], input: this.toJson(), timeoutMs: 120_000 });
  }

  async #run(client: number, random: Random): Promise<void> {
    const connection = new PersistentClient(this.#ports, client);
    for (let count = 0; !this.#stopped; count++) {
      const key = random.pick(this.#paths);
      const kind = random.weighted({ read: 5, write: 3, swap: 2 });
      if (kind === 'read') await this.#read(connection, client, key);
      else await this.#write(connection, client, key, `${client}-${count}`, kind === 'swap' ? this.#guess(key) : -1);
      await delay(thinkTimeMs * random.fraction());
    }
    await connection.close();
  }

  async #read(connection: PersistentClient, client: number, key: string): Promise<void> {
    const callNs = nowNs();
    const replies = await connection.requests([
      { op: 'sync', path: key },
      { op: 'getData', path: key, watch: false },
    ]);
    if (replies === unknownOutcome) return; // a read without an answer says nothing
    const result = replies[1]?.result;
    if (result?.stat === undefined) throw new Error(`reading ${key} was answered with error ${replies[1]?.error}`);
    const readValue = result.data?.toString() ?? '';
    this.#history.push({
      client,
      key,
      kind: 'read',
      callNs,
      returnNs: nowNs(),
      readValue,
      version: result.stat.version,
    });
  }

  async #write(
    connection: PersistentClient,
    client: number,
    key: string,
    value: string,
    expectedVersion: number,
  ): Promise<void> {
    const call = {
      client,
      key,
      kind: expectedVersion < 0 ? 'write' : 'swap',
      value,
      expectedVersion,
      callNs: nowNs(),
    } as const;
    const replies = await connection.requests([
      { op: 'setData', path: key, data: Buffer.from(value), version: expectedVersion },
    ]);
    if (replies === unknownOutcome) {
      this.#history.push({ ...call, returnNs: 0 });
      return;
    }
    const [reply] = replies;
    const refused = reply?.error === ErrorCode.badVersion && call.kind === 'swap';
    const version = reply?.result?.stat?.version;
    if (!refused && version === undefined) throw new Error(`writing ${key} was answered with error ${reply?.error}`);
    this.#history.push({ ...call, returnNs: nowNs(), done: !refused, ...(version === undefined ? {} : { version }) });
  }

  /** The version that was seen last by anybody: often the right one for a swap, sometimes a stale one. */
  #guess(key: string): number {
    return (
      this.#history.findLast((operation) => operation.key === key && operation.version !== undefined)?.version ?? 0
    );
  }
}
