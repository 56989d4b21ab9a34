import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { waitFor } from '../support/wait-for.ts';
import { RawConnection } from './raw/connection.ts';
import { PersistentClient, unknownOutcome } from './raw/persistent-client.ts';
import { worldAll } from './raw/records.ts';

/** An election alone costs a few hundred milliseconds on a busy machine; writers must not wait for much more. */
const handOverPauseMsMax = 1_000;

/** Creates one znode after the other, and remembers which were acknowledged and the longest time between two. */
class Writer {
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

describe('a leader that is asked to stop', () => {
  it('hands over to a follower, and writers hardly notice', { timeout: 180_000 }, async (t) => {
    const ensemble = await Ensemble.start({ kind: 'ours' });
    try {
      const ports = ensemble.members.map((member) => member.clientPort);
      const writers = ports.map((_, index) => new Writer(`writer-${index}`, ports, index));
      for (const writer of writers) writer.start();
      const untilWritten = async (more: number): Promise<void> => {
        const targets = writers.map(({ acknowledged }) => acknowledged.length + more);
        await waitFor(
          `each writer has ${more} more writes acknowledged`,
          () => writers.every(({ acknowledged }, index) => acknowledged.length >= (targets[index] ?? 0)),
          { intervalMs: 5 },
        );
      };
      const pauses: number[] = [];
      for (let round = 0; round < ensemble.members.length; round++) {
        await untilWritten(100);
        const leader: Member = await ensemble.leader();
        for (const writer of writers) writer.longestPauseMs = 0;
        const begunMs = performance.now();
        assert.deepEqual(await leader.stop(), { code: 0, signal: null });
        const stoppedMs = performance.now() - begunMs;
        await untilWritten(20);
        const pauseMs = Math.max(...writers.map(({ longestPauseMs }) => longestPauseMs));
        pauses.push(pauseMs);
        const [pause, stopped] = [Math.round(pauseMs), Math.round(stoppedMs)];
        t.diagnostic(
          `hand-over ${round + 1}: no writer waited longer than ${pause} ms; the process ended after ${stopped} ms`,
        );
        await leader.start();
        await leader.untilServing();
      }
      await untilWritten(20);
      for (const writer of writers) await writer.stop();
      for (const port of ports) {
        const reader = await RawConnection.open({ port });
        await reader.do({ op: 'sync', path: '/' });
        const { children } = await reader.do({ op: 'getChildren', path: '/', watch: false });
        const present = new Set(children?.map((child) => `/${child}`));
        const lost = writers.flatMap(({ acknowledged }) => acknowledged).filter((path) => !present.has(path));
        assert.deepEqual(lost, [], `acknowledged, but missing on the member at ${port}`);
        await reader.close();
      }
      assert.ok(Math.max(...pauses) < handOverPauseMsMax, `writers waited ${pauses.map(Math.round).join(', ')} ms`);
    } finally {
      await ensemble.stop();
    }
  });
});
