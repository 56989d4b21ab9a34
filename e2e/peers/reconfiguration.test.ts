import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { runProgram } from '../support/run-program.ts';
import { peerPaths, type ServerKind } from '../support/server-programs.ts';
import { assertNothingLost, untilWritten, Writer } from './writer.ts';

/** What a reconfiguration may ask for; see python/reconfigure.py. */
interface Change {
  readonly joining?: string;
  readonly leaving?: string;
  readonly newMembers?: string;
  readonly version?: string;
  readonly anonymous?: boolean;
}

/** Asks for it with kazoo, through these members. Returns the new configuration's text, or `refused: ...`. */
async function reconfigure(through: readonly Member[], change: Change): Promise<string> {
  const { joining = '', leaving = '', newMembers = '', version = '', anonymous = false } = change;
  const hosts = through.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',');
  const { output } = await runProgram({
    program: peerPaths.python,
    args: [
      join(peerPaths.sources, 'python', 'reconfigure.py'),
      hosts,
      joining,
      leaving,
      newMembers,
      version,
      ...(anonymous ? ['--anonymous'] : []),
    ],
  });
  return output.trim();
}

const lineOf = ({ spec: { id, ports } }: Member): string =>
  `server.${id}=127.0.0.1:${ports.quorum}:${ports.election}:participant;127.0.0.1:${ports.client}`;

const idsIn = (text: string): number[] => [...text.matchAll(/^server\.(\d+)=/gm)].map((match) => Number(match[1]));

const settings = {
  reconfigEnabled: true,
  // super:secret
  'DigestAuthenticationProvider.superDigest': 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=',
};

const kinds: readonly (readonly ServerKind[])[] = [
  ['ours', 'ours', 'ours', 'ours', 'ours'],
  ['ours', 'apache', 'ours', 'apache', 'ours'],
];

for (const kind of kinds) {
  describe(`reconfiguration (${kind.join(', ')})`, () => {
    it('grows, loses its leader and shrinks under load, and survives a restart', { timeout: 300_000 }, async (t) => {
      const jvm = [
        '-Xmx512m',
        '-Dzookeeper.DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=',
      ];
      const ensemble = await Ensemble.start({ kind, size: 5, spares: 2, settings, jvm });
      try {
        const ports = ensemble.members.map((member) => member.clientPort);
        const writers = [new Writer('first', ports, 0), new Writer('second', ports, 2)];
        for (const writer of writers) writer.start();
        const pauseOf = async (what: string, act: () => Promise<void>): Promise<void> => {
          for (const writer of writers) writer.longestPauseMs = 0;
          await act();
          await untilWritten(writers, 20);
          const pauseMs = Math.max(...writers.map(({ longestPauseMs }) => longestPauseMs));
          t.diagnostic(`${what}: no writer waited longer than ${Math.round(pauseMs)} ms`);
        };
        const voters = ensemble.members.slice(0, 3);
        const spares = ensemble.members.slice(3);
        assert.match(await reconfigure(voters, { leaving: '1', anonymous: true }), /NoAuth/);
        assert.match(await reconfigure(voters, { leaving: '1', version: 'ff' }), /BadVersion/);
        assert.match(await reconfigure(voters, { joining: 'nonsense' }), /BadArguments/);
        assert.match(
          await reconfigure(voters, { joining: lineOf(spares[0] as Member), leaving: '1,2' }),
          /NewConfigNoQuorum/,
        );

        await Promise.all(spares.map((spare) => spare.start()));
        await Promise.all(spares.map((spare) => spare.untilServing()));
        await pauseOf('two servers join', async () => {
          const text = await reconfigure(voters, { joining: spares.map(lineOf).join(',') });
          assert.deepEqual(idsIn(text), [1, 2, 3, 4, 5], text);
        });
        const leader = await ensemble.leader();
        const rest = ensemble.members.filter((member) => member !== leader);
        await pauseOf('the leader leaves', async () => {
          const text = await reconfigure(rest, { leaving: String(leader.spec.id) });
          assert.deepEqual(
            idsIn(text),
            rest.map(({ spec }) => spec.id),
            text,
          );
          await leader.stop();
        });
        const [first, ...kept] = rest;
        await pauseOf('the whole configuration is replaced', async () => {
          const text = await reconfigure(kept, { newMembers: kept.map(lineOf).join(',') });
          assert.deepEqual(
            idsIn(text),
            kept.map(({ spec }) => spec.id),
            text,
          );
        });
        await first?.stop();

        // zoo.cfg still names the servers of the beginning.
        await Promise.all(kept.map((member) => member.kill()));
        await Promise.all(kept.map((member) => member.start()));
        await Promise.all(kept.map((member) => member.untilServing()));
        await untilWritten(writers, 20);
        for (const writer of writers) await writer.stop();
        await assertNothingLost(
          writers,
          kept.map((member) => member.clientPort),
        );
      } finally {
        await ensemble.stop();
      }
    });
  });
}
