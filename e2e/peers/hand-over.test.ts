import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { assertNothingLost, untilWritten, Writer } from './writer.ts';

/** An election alone costs a few hundred milliseconds on a busy machine; writers must not wait for much more. */
const handOverPauseMsMax = 1_000;

describe('a leader that is asked to stop', () => {
  it('hands over to a follower, and writers hardly notice', { timeout: 180_000 }, async (t) => {
    const ensemble = await Ensemble.start({ kind: 'ours' });
    try {
      const ports = ensemble.members.map((member) => member.clientPort);
      const writers = ports.map((_, index) => new Writer(`writer-${index}`, ports, index));
      for (const writer of writers) writer.start();
      const pauses: number[] = [];
      for (let round = 0; round < ensemble.members.length; round++) {
        await untilWritten(writers, 100);
        const leader: Member = await ensemble.leader();
        for (const writer of writers) writer.longestPauseMs = 0;
        const begunMs = performance.now();
        assert.deepEqual(await leader.stop(), { code: 0, signal: null });
        const stoppedMs = performance.now() - begunMs;
        await untilWritten(writers, 20);
        const pauseMs = Math.max(...writers.map(({ longestPauseMs }) => longestPauseMs));
        pauses.push(pauseMs);
        const [pause, stopped] = [Math.round(pauseMs), Math.round(stoppedMs)];
        t.diagnostic(
          `hand-over ${round + 1}: no writer waited longer than ${pause} ms; the process ended after ${stopped} ms`,
        );
        await leader.start();
        await leader.untilServing();
      }
      await untilWritten(writers, 20);
      for (const writer of writers) await writer.stop();
      await assertNothingLost(writers, ports);
      assert.ok(Math.max(...pauses) < handOverPauseMsMax, `writers waited ${pauses.map(Math.round).join(', ')} ms`);
    } finally {
      await ensemble.stop();
    }
  });
});
