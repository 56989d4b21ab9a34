import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { runProgram } from '../support/run-program.ts';
import { zabctlCommand } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import { assertNothingLost, untilWritten, Writer } from './writer.ts';

/** What `GET /status` says of a member and its ensemble. */
interface Status {
  readonly serving: boolean;
  readonly leaderId: number | null;
  readonly epoch: number;
  readonly voting: boolean;
  readonly configuration: {
    readonly version: string;
    readonly servers: readonly { readonly id: number; readonly address: string; readonly role: string }[];
  };
  readonly synced?: readonly number[];
  readonly learners?: readonly { readonly id: number; readonly role: string; readonly lag: number }[];
}

const adminUrl = ({ spec: { ports } }: Member, path: string): string => `http://127.0.0.1:${ports.admin}${path}`;

async function statusOf(member: Member): Promise<Status> {
  return (await (await fetch(adminUrl(member, '/status'))).json()) as Status;
}

async function untilStatus(member: Member, what: string, holds: (status: Status) => boolean): Promise<Status> {
  return waitFor(
    `member ${member.spec.id}: ${what}`,
    async () => {
      const status = await statusOf(member).catch(() => undefined);
      return status !== undefined && holds(status) ? status : undefined;
    },
    { explain: () => member.logTail() },
  );
}

const lineOf = ({ spec: { id, ports } }: Member): string =>
  `server.${id}=127.0.0.1:${ports.quorum}:${ports.election}:participant;127.0.0.1:${ports.client}`;

const versionIn = (text: string): string => /^version=(.*)$/m.exec(text)?.[1] ?? '';
const idsIn = ({ configuration }: Status): number[] => configuration.servers.map(({ id }) => id);

const settings = {
  reconfigEnabled: true,
  standaloneEnabled: false,
  'db.autocreate': false,
  // super:secret
  'DigestAuthenticationProvider.superDigest': 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=',
};

describe('the members of an ensemble', () => {
  it('come and go, one at a time, under load: as an operator does it', { timeout: 180_000 }, async () => {
    const ensemble = await Ensemble.prepare({ kind: 'ours', size: 3, spares: 2, settings });
    const [one, two, three] = ensemble.members as readonly [Member, Member, Member];
    const writers = [new Writer('writer', [one.clientPort, two.clientPort, three.clientPort], 0)];
    /** The version of the new configuration, or why there is none. */
    const reconfigure = async (...change: readonly string[]): Promise<string> => {
      const args = ['--server', ensemble.connectString, '--auth', 'digest:super:secret', 'reconfig', ...change];
      const { exitCode, output } = await runProgram(zabctlCommand(args));
      return exitCode === 0 ? versionIn(output) : output.trim();
    };
    const untilJoined = async (member: Member): Promise<void> => {
      const { id } = member.spec;
      await untilStatus(member, 'serves without a vote', ({ serving, voting }) => serving && !voting);
      await untilStatus(
        await ensemble.leader(),
        `has learner ${id} in sync`,
        ({ synced, learners }) =>
          synced?.includes(id) === true && learners?.some((each) => each.id === id && each.lag < 100) === true,
      );
    };
    try {
      await one.start();
      await untilStatus(one, 'has no vote: its disk is empty', ({ voting }) => !voting);
      await one.stop();
      await writeFile(join(one.dataDir, 'initialize'), '');
      await one.start();
      const alone = await untilStatus(one, 'leads alone', ({ serving }) => serving);
      assert.deepEqual(
        [alone.voting, alone.synced, alone.learners, idsIn(alone)],
        [true, [1], [], [1]],
        JSON.stringify(alone),
      );
      for (const writer of writers) writer.start();

      assert.match(await reconfigure('--joining', lineOf(two)), /newConfigNoQuorum/);
      await two.start();
      await untilJoined(two);
      const before = alone.configuration.version;
      const version = await reconfigure('--joining', lineOf(two), '--version', before);
      assert.match(await reconfigure('--leaving', '2', '--version', before), /badVersion/);
      const joined = await untilStatus(two, 'votes', ({ voting }) => voting);
      assert.equal(joined.configuration.version, version);
      assert.deepEqual(joined.configuration.servers[1], {
        id: 2,
        address: lineOf(two).replace('server.2=', ''),
        role: 'participant',
      });
      await three.start();
      await untilJoined(three);
      await reconfigure('--joining', lineOf(three), '--version', version);
      await untilStatus(three, 'votes', ({ voting }) => voting);

      // Removed while it is away, it comes back with what it knew then.
      await three.kill();
      await reconfigure('--leaving', '3');
      const { epoch } = await statusOf(one);
      await three.start();
      await untilJoined(three);
      assert.deepEqual(idsIn(await statusOf(three)), [1, 2]);
      assert.equal((await statusOf(one)).epoch, epoch, 'it has not disturbed the others');

      const leader = await ensemble.leader();
      const follower = leader === one ? two : one;
      const handOver = (headers: Record<string, string>): Promise<Response> =>
        fetch(adminUrl(leader, '/commands/handover'), { method: 'POST', headers });
      assert.equal((await handOver({})).status, 401);
      const begun = await handOver({ authorization: 'digest super:secret' });
      assert.deepEqual(
        [begun.status, await begun.json()],
        [202, { command: 'handover', error: null, candidates: [follower.spec.id] }],
      );
      await untilStatus(follower, 'leads', ({ leaderId, serving }) => serving && leaderId === follower.spec.id);
      await untilStatus(leader, 'follows', ({ leaderId, serving }) => serving && leaderId === follower.spec.id);
      assert.equal((await handOver({ authorization: 'digest super:secret' })).status, 409);
      await untilWritten(writers, 20);

      // The leader itself leaves, and the other one is alone.
      await reconfigure('--leaving', String(follower.spec.id));
      const last = await untilStatus(leader, 'leads', ({ synced }) => synced?.length === 3);
      assert.deepEqual([idsIn(last), last.voting], [[leader.spec.id], true]);
      await untilStatus(follower, 'has no vote', ({ serving, voting }) => serving && !voting);
      await untilWritten(writers, 20);
      await reconfigure('--joining', lineOf(follower), lineOf(three));
      await untilStatus(three, 'votes', ({ voting }) => voting);

      // A voter whose disk is lost has no vote until it has everything again.
      await three.kill();
      await three.wipe();
      await three.start();
      await untilStatus(three, 'votes again', ({ serving, voting }) => serving && voting);
      await untilWritten(writers, 20);
      for (const writer of writers) await writer.stop();
      await assertNothingLost(
        writers,
        ensemble.members.map(({ clientPort }) => clientPort),
      );
    } finally {
      await ensemble.stop();
    }
  });
});
