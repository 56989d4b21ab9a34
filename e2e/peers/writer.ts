import assert from 'node:assert/strict';
import { waitFor } from '../support/wait-for.ts';
import { RawConnection } from './raw/connection.ts';
import { PersistentClient, unknownOutcome } from './raw/persistent-client.ts';
import { worldAll } from './raw/records.ts';

/** Creates one znode after the other, and remembers which were acknowledged and the longest time between two. */
export class Writer {
  readonly acknowledged: string[] = [];
  longestPauseMs = 0;
  readonly #name: string;
  readonly #client: PersistentClient;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(name: string, ports: readonly number[], first: number) {
    this.#name = name;
    this.#client = new PersistentClient(ports, first);
  }

  start(): void {
    this.#done = this.#run();
    this.#done.catch(() => undefined); // reported by stop()
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await this.#client.close();
  }

  async #run(): Promise<void> {
    let lastMs = performance.now();
    for (let number = 0; !this.#stopped; number++) {
      const path = `/${this.#name}-${number}`;
      const replies = await this.#client.requests([{ op: 'create', path, data: null, acl: worldAll, flags: 0 }]);
      if (replies === unknownOutcome) continue;
      assert.equal(replies[0]?.error, 0, path);
      this.acknowledged.push(path);
      this.longestPauseMs = Math.max(this.longestPauseMs, performance.now() - lastMs);
      lastMs = performance.now();
    }
  }
}

/** Waits until each of the writers has so many more writes acknowledged. */
export async function untilWritten(writers: readonly Writer[], more: number): Promise<void> {
  const targets = writers.map(({ acknowledged }) => acknowledged.length + more);
  await waitFor(
    `each writer has ${more} more writes acknowledged`,
    () => writers.every(({ acknowledged }, index) => acknowledged.length >= (targets[index] ?? 0)),
    { intervalMs: 5 },
  );
}

/** Fails if a member does not have all that was acknowledged to the writers. */
export async function assertNothingLost(writers: readonly Writer[], ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const reader = await RawConnection.open({ port });
    await reader.do({ op: 'sync', path: '/' });
    const { children } = await reader.do({ op: 'getChildren', path: '/', watch: false });
    const present = new Set(children?.map((child) => `/${child}`));
    const lost = writers.flatMap(({ acknowledged }) => acknowledged).filter((path) => !present.has(path));
    assert.deepEqual(lost, [], `acknowledged, but missing on the member at ${port}`);
    await reader.close();
  }
}
