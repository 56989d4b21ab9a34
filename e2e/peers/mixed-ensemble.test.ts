import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { serverUnderTest, type ServerKind } from '../support/server-programs.ts';
import { openKeeper, populate } from './populate.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';
import { readTree } from './raw/tree.ts';

const subject = serverUnderTest();

/** Who runs each of the three members. The third one leads first: with equal histories the highest id wins. */
const mixtures: Record<string, readonly ServerKind[]> = {
  'ours leads, theirs follow': ['apache', 'apache', subject],
  'theirs leads, ours follow': [subject, subject, 'apache'],
  'theirs leads one of each': [subject, 'apache', 'apache'],
};

/** All members hold the same tree. */
async function agree(ensemble: Ensemble): Promise<void> {
  const readers = await Promise.all(ensemble.members.map((member) => openKeeper(member.clientPort)));
  const trees = [];
  for (const reader of readers) trees.push(await readTree(reader));
  for (const tree of trees.slice(1)) assert.deepEqual(tree, trees[0]);
  await Promise.all(readers.map((reader) => reader.close()));
}

describe(`ensembles of ${subject} and Apache ZooKeeper`, () => {
  for (const [name, kind] of Object.entries(mixtures)) {
    it(name, { timeout: 180_000 }, async () => {
      const ensemble = await Ensemble.start({ kind });
      try {
        // Writes through a follower, and an ephemeral node that every member has to know the owner of.
        const keeper = await openKeeper(ensemble.member(1).clientPort);
        await populate(keeper);
        await agree(ensemble);

        // The leader goes; the session lives on with another member, and so do its nodes.
        const leader = await ensemble.leader();
        await leader.kill();
        const [survivor] = await ensemble.followers();
        assert.ok(survivor !== undefined);
        await ensemble.untilServing();
        await keeper.drop();
        const renewed = await RawConnection.open({ port: survivor.clientPort, session: keeper.session });
        assert.equal(renewed.session.id, keeper.session.id);
        await renewed.do({ op: 'create', path: '/while-away', data: Buffer.from('x'), acl: worldAll, flags: 0 });

        // It comes back and catches up.
        await leader.start();
        await ensemble.untilServing();
        await agree(ensemble);
        await renewed.close();
        await agree(ensemble);

        // A member whose disk was lost gets everything again.
        const [follower] = await ensemble.followers();
        assert.ok(follower !== undefined);
        await follower.kill();
        await follower.wipe();
        await follower.start();
        await ensemble.untilServing();
        await agree(ensemble);
      } finally {
        await ensemble.stop();
      }
    });
  }
});
