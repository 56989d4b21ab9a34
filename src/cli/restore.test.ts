import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { MEMBER_FILE } from '../server/storage/formats/file-names.ts';
import { lockDirectory } from '../server/storage/instance-lock.ts';
import { FilePlace } from './file-place.ts';
import { restore } from './restore.ts';
import { inspect } from './snapshot-file.ts';
import { scratch } from './testing/scratch.ts';
import { snapshot } from './testing/snapshots.ts';

test('tree and epochs appear in an empty data directory, without the old life, the same bytes for every member', async (t) => {
  const directory = await scratch(t);
  const backup = join(directory, 'backup.gz');
  await writeFile(backup, gzipSync(snapshot()));
  const members = [1, 2].map((id) => join(directory, `member-${id}`));
  // A volume that was never used may have these.
  await mkdir(join(directory, 'member-2', 'version-2'), { recursive: true });
  await writeFile(join(directory, 'member-2', 'myid'), '2\n');
  for (const dataDir of members) {
    const restored = await restore(new FilePlace(backup), dataDir, {});
    assert.equal(restored?.backup.summary.ephemerals, 1);
    const data = join(dataDir, 'version-2');
    assert.deepEqual(await readdir(data), ['acceptedEpoch', 'currentEpoch', 'snapshot.700000003']);
    assert.equal(await readFile(join(data, 'currentEpoch'), 'utf8'), '7');
    const file = join(data, 'snapshot.700000003');
    const { summary } = await inspect(new FilePlace(file).read(), file);
    assert.deepEqual([summary.znodes, summary.ephemerals, summary.sessions], [6, 0, 0]);
    assert.equal(summary.digest, restored.digest);
  }
  const [one, two] = await Promise.all(members.map((m) => readFile(join(m, 'version-2', 'snapshot.700000003'))));
  assert.deepEqual(one, two);
});

test('never over data, never from what is not sound, never beside a running server', async (t) => {
  const directory = await scratch(t);
  const [good, bad, dataDir] = [join(directory, 'good'), join(directory, 'bad'), join(directory, 'data')];
  await writeFile(good, snapshot());
  await writeFile(bad, snapshot().subarray(0, -20));
  await assert.rejects(restore(new FilePlace(bad), dataDir, {}), { code: 'ZK_SNAPSHOT_CORRUPT' });
  assert.deepEqual(await readdir(dataDir), ['.zabkeeper.lock'], 'nothing of it is left');

  const lock = await lockDirectory(dataDir);
  await assert.rejects(restore(new FilePlace(good), dataDir, {}), { code: 'ZK_DATA_IN_USE' });
  lock.release();

  const dataLogDir = join(directory, 'log');
  await mkdir(join(dataLogDir, 'version-2'), { recursive: true });
  await writeFile(join(dataLogDir, 'version-2', 'log.1'), '');
  await assert.rejects(restore(new FilePlace(good), dataDir, { dataLogDir }), {
    code: 'ZK_RESTORE_REFUSED',
    message: /log\.1 is data/,
  });

  const alien = join(dataDir, 'zoo.cfg.dynamic.500000001');
  await writeFile(alien, 'server.1=of-another-life:2888:3888:participant\n');
  for (const onlyIfEmpty of [false, true]) {
    await assert.rejects(restore(new FilePlace(good), dataDir, { onlyIfEmpty }), {
      code: 'ZK_RESTORE_REFUSED',
      message: /zoo\.cfg\.dynamic\.500000001 says who belonged/,
    });
  }
  await rm(alien);

  await restore(new FilePlace(good), dataDir, {});
  const before = await readdir(join(dataDir, 'version-2'));
  await assert.rejects(restore(new FilePlace(good), dataDir, {}), { code: 'ZK_RESTORE_REFUSED' });
  assert.equal(await restore(new FilePlace(good), dataDir, { onlyIfEmpty: true }), undefined);
  assert.deepEqual(await readdir(join(dataDir, 'version-2')), before);

  // As a server leaves it that has been a member since, and whose data somebody cleared.
  await writeFile(join(dataDir, MEMBER_FILE), '');
  await rm(join(dataDir, 'version-2'), { recursive: true });
  assert.equal(await restore(new FilePlace(good), dataDir, { onlyIfEmpty: true }), undefined);
  await assert.rejects(readdir(join(dataDir, 'version-2')), { code: 'ENOENT' });
});
