import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { ServerKind } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';

/** Three voters and an observer behind them. */
const ensembles: readonly { readonly name: string; readonly kinds: readonly ServerKind[] }[] = [
  { name: 'ours, of an ensemble of ours', kinds: ['ours', 'ours', 'ours', 'ours'] },
  { name: 'ours, of an ensemble of Apache ZooKeeper', kinds: ['apache', 'apache', 'apache', 'ours'] },
  { name: 'of Apache ZooKeeper, of an ensemble of ours', kinds: ['ours', 'ours', 'ours', 'apache'] },
];

for (const { name, kinds } of ensembles) {
  describe(`an observer ${name}`, () => {
    it('serves reads, writes, syncs and sessions, and takes no part in votes', { timeout: 180_000 }, async () => {
      const ensemble = await Ensemble.start({ kind: kinds, size: 4, observers: 1 });
      try {
        const observer = ensemble.member(4);
        assert.equal(await observer.untilServing(), 'observer');
        const through = await RawConnection.open({ port: observer.clientPort });
        const voter = await RawConnection.open({ port: ensemble.member(1).clientPort });
        await through.do({ op: 'create', path: '/observed', data: Buffer.from('1'), acl: worldAll, flags: 0 });
        await through.do({ op: 'create', path: '/ephemeral', data: null, acl: worldAll, flags: 1 });
        await voter.do({ op: 'sync', path: '/' });
        await voter.do({ op: 'setData', path: '/observed', data: Buffer.from('2'), version: 0 });
        await through.do({ op: 'sync', path: '/' });
        const { data } = await through.do({ op: 'getData', path: '/observed', watch: false });
        assert.equal(data?.toString(), '2');
        await through.close();
        await voter.do({ op: 'sync', path: '/' });
        const { children } = await voter.do({ op: 'getChildren', path: '/', watch: false });
        assert.deepEqual(children?.toSorted(), ['observed', 'zookeeper'], 'the session ended with its ephemeral');
        await voter.close();

        const leader = await ensemble.leader();
        assert.notEqual(leader, observer);
        await leader.kill();
        // It may not have noticed yet that its leader is gone; the next one answers a sync. A connection that Apache's observer takes
        // right after it has closed all of them for that is never answered, and closed once its session would be over: so a short one.
        const again = await waitFor('the observer serves behind the next leader', async () => {
          const connection = await RawConnection.open({ port: observer.clientPort, timeoutMs: 4_000 });
          await connection.do({ op: 'sync', path: '/' });
          return connection;
        });
        await again.do({ op: 'setData', path: '/observed', data: Buffer.from('3'), version: 1 });
        await again.close();
        // One voter of three and an observer are no quorum.
        const follower = (await ensemble.followers()).find((member) => member !== observer);
        await follower?.kill();
        await assert.rejects(
          observer.untilServing(3_000).then(() => RawConnection.open({ port: observer.clientPort })),
        );
      } finally {
        await ensemble.stop();
      }
    });
  });
}
