import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { killProcess } from './support/faults.ts';
import { apply } from './support/kubectl.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

const cluster = new ClusterUnderTest('e2e-update-stopped');

before(() => cluster.createReady());
after(() => cluster.remove());

/** Manifests that are valid and cannot work, and what the status must say of the member that was to be the first. */
const BROKEN: Readonly<Record<string, readonly [spec: object, why: RegExp]>> = {
  // A port where nobody listens: the answer comes at once, with or without a network.
  'an image that cannot be pulled': [
    { image: 'localhost:1/zabkeeper:none' },
    /(ErrImagePull|ImagePullBackOff) of localhost:1/,
  ],
  'an image of another program': [{ image: 'zabkeeper-e2e-client:dev' }, /exit code 2: python3: can't open file/],
};

async function uids(): Promise<Map<string, string>> {
  return new Map((await cluster.pods()).map(({ metadata }) => [metadata.name, metadata.uid]));
}

test('a change that cannot work stops at the first member, and a corrected manifest heals it', async () => {
  const client = await ClientPod.start(cluster.namespace);
  const writer = await Writer.start(client, cluster.address, '/update-stopped');
  const pauseMs = await writer.pauseOf(async () => {
    for (const [what, [spec, why]] of Object.entries(BROKEN)) {
      const before = await uids();
      const leader = await cluster.leader();
      await apply(cluster.manifest(spec));
      const degraded = await waitFor(
        `${what} stops the update`,
        async () => {
          const condition = await cluster.condition('Degraded');
          return condition?.reason === 'UpdateStopped' && why.test(condition.message) ? condition : undefined;
        },
        { timeoutMs: 120_000, intervalMs: 500, explain: () => cluster.describe() },
      );
      assert.match(degraded.message, /^1 of 3 members are updated; stopped until zoo-\d is back/);
      const replaced = [...(await uids())].filter(([name, uid]) => before.get(name) !== uid).map(([name]) => name);
      assert.equal(replaced.length, 1, `only one member is replaced, not ${replaced.join(', ')}`);
      assert.notEqual(replaced[0], leader);
      assert.equal((await cluster.condition('Available'))?.status, 'True');

      // One that was not updated yet starts again with what it had, however wrong the new manifest is.
      const other = (await cluster.pods()).find(({ metadata: { name } }) => name !== replaced[0] && name !== leader);
      assert.ok(other);
      await killProcess(other);
      await writer.goesOn(80);

      await apply(cluster.manifest());
      await cluster.ready();
      const after = [...(await uids())].filter(([name, uid]) => before.get(name) !== uid).map(([name]) => name);
      assert.deepEqual(after, replaced, 'the others were as the corrected manifest says all the time');
      process.stdout.write(`${what}: ${degraded.message}\n`);
    }
  });
  const written = await checkWriter(writer);
  process.stdout.write(`writes paused for at most ${pauseMs} ms; all of ${written} acknowledged writes are there\n`);
});
