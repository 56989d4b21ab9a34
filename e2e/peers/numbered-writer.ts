import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import type { RawConnection } from './raw/connection.ts';
import { PersistentClient, unknownOutcome } from './raw/persistent-client.ts';
import { worldAll, type Stat } from './raw/records.ts';

/** What each written node has to be, as one member tells it. */
export interface WrittenNode {
  readonly data: string | undefined;
  readonly stat: Stat | undefined;
}

/**
 * Creates one numbered node after the other below `/written`, which must exist, and remembers which ones were acknowledged.
 * Each node's data is its path.
 */
export class NumberedWriter {
  readonly acknowledged: string[] = [];
  readonly #client: PersistentClient;
  readonly #thinkTimeMs: number;
  #next = 0;
  #stopping = true;
  #done: Promise<void> = Promise.resolve();

  /** @param thinkTimeMs Pause after each write, for suites that want less of them. */
  constructor(ports: readonly number[], thinkTimeMs = 0) {
    this.#client = new PersistentClient(ports, 0);
    this.#thinkTimeMs = thinkTimeMs;
  }

  /** Begins to write, or goes on after a pause. */
  start(): void {
    this.#stopping = false;
    this.#done = this.#run();
    this.#done.catch(() => undefined); // reported by pause() and stop()
  }

  /** Ends with the answer to the write that is under way. The session stays. */
  async pause(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async stop(): Promise<void> {
    await this.pause();
    await this.#client.close();
  }

  /** Waits until so many more writes are acknowledged. */
  async untilMore(count: number): Promise<void> {
    const target = this.acknowledged.length + count;
    const isReached = (): boolean => this.acknowledged.length >= target;
    await waitFor(`${count} more writes are acknowledged`, isReached, { intervalMs: 2 });
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const path = `/written/${this.#next++}`;
      const create = { op: 'create', path, data: Buffer.from(path), acl: worldAll, flags: 0 } as const;
      const replies = await this.#client.requests([create]);
      if (replies !== unknownOutcome) {
        assert.equal(replies[0]?.error, 0, path);
        this.acknowledged.push(path);
      }
      if (this.#thinkTimeMs > 0) await delay(this.#thinkTimeMs);
    }
  }
}

/** Everything below `/written`, up to date, as one member tells it. */
export async function readWritten(reader: RawConnection): Promise<Map<string, WrittenNode>> {
  await reader.do({ op: 'sync', path: '/written' });
  const { children } = await reader.do({ op: 'getChildren', path: '/written', watch: false });
  const paths = (children ?? []).map((child) => `/written/${child}`).sort();
  const nodes = await Promise.all(paths.map((path) => reader.do({ op: 'getData', path, watch: false })));
  return new Map(nodes.map(({ data, stat }, i) => [paths[i] ?? '', { data: data?.toString(), stat }]));
}
