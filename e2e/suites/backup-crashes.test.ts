import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { completeBackup, createBackup } from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { kubectl } from './support/kubectl.ts';
import { OperatorUnderTest } from './support/operator-under-test.ts';
import { S3Server } from './support/s3-server.ts';
import { everyMinute, ScheduleUnderTest, timeOf } from './support/schedules.ts';
import { timesTold } from './support/told.ts';

// A backup, its restore and its removal, and a schedule's backups, by an operator that kills itself right after each write that changes something.

/** Tens of lives, on a machine that is busy with other things too. */
const READY_MS = 480_000;

const cluster = new ClusterUnderTest('e2e-backup-crashes');
const { namespace } = cluster;
const clusterRef = { name: cluster.name };
const spec = {
  replicas: 1,
  storage: { size: '256Mi', whenDeleted: 'Delete' },
  config: { 'admin.rateLimiterIntervalInMS': 100 },
};
let operator: OperatorUnderTest;
let s3: S3Server;
let schedule: ScheduleUnderTest;

before(async () => {
  operator = await OperatorUnderTest.start({
    watchNamespace: namespace,
    failpoints: 'crash-after-every-write=/state/changes',
  });
  await cluster.create(spec);
  const [client, server] = await Promise.all([
    ClientPod.start(namespace),
    S3Server.start(namespace),
    cluster.ready(READY_MS),
  ]);
  s3 = server;
  await client.run('populate', cluster.address, '/bulk', '10', '1000');
});

after(async () => {
  await kubectl(['-n', namespace, 'delete', 'cbs,cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  await cluster.remove();
  await operator?.stop();
});

test('a backup is taken once, by one Job, and told once', async () => {
  await createBackup(namespace, 'first', { clusterRef, destination: s3.destination(), deletionPolicy: 'Delete' });
  const { status } = await completeBackup(namespace, 'first');
  const stored = (await s3.objects()).filter(({ path }) => path.endsWith('.gz'));
  assert.deepEqual(
    stored.map(({ sha256 }) => sha256),
    [status.sha256],
  );
  const jobs = await kubectl(['-n', namespace, 'get', 'jobs', '-o', 'name']);
  assert.equal(jobs.trim().split('\n').length, 1, jobs);
  assert.deepEqual(await timesTold(namespace, 'BackupStarted', 'BackupCompleted'), {
    BackupStarted: 1,
    BackupCompleted: 1,
  });
});

test('a cluster begins with it, and has its tree', async () => {
  await kubectl(['-n', namespace, 'delete', 'cc', '--all', '--timeout=400s'], { timeoutMs: 410_000 });
  const manifest = cluster.manifest({ ...spec, bootstrap: { restore: { backup: { name: 'first' } } } });
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  await cluster.ready(READY_MS);
  await createBackup(namespace, 'second', { clusterRef, destination: s3.destination() });
  const [first, second] = [await completeBackup(namespace, 'first'), await completeBackup(namespace, 'second')];
  assert.equal(second.status.digest, first.status.digest);
});

test('its removal takes along what it stored, and nothing else', async () => {
  // Its first backup may be under way meanwhile.
  schedule = await ScheduleUnderTest.create(namespace, 'minutely', { clusterRef, destination: s3.destination() });
  await kubectl(['-n', namespace, 'delete', 'cb', 'first', '--timeout=400s'], { timeoutMs: 410_000 });
  const paths = await waitFor('what is stored can be read', async () => (await s3.objects()).map(({ path }) => path));
  assert.ok(!paths.some((path) => path.includes('/first-')), paths.join(' '));
  assert.ok(
    paths.some((path) => path.includes('/second-')),
    paths.join(' '),
  );
});

test('a schedule begins one backup for each time, and keeps the last good one with what it stored, and no other', async () => {
  await schedule.untilBegun(2);
  // Each further minute would be more of the same, by an operator that hardly gets to its work.
  await schedule.suspend();
  const left = await schedule.untilOneIsLeft();
  assert.deepEqual(schedule.withoutGoodOne, [], 'from the first good one on there is one');
  assert.equal(left.metadata.name, schedule.seen.at(-1), 'the last one is left');

  const told = await schedule.told();
  assert.deepEqual(told.BackupBegun, schedule.seen.map(timeOf), 'each time has one backup, told once');
  // Left out while another one was under way, told, and begun all the same by the next life: then that had ended.
  const decided = [...new Set([...told.BackupBegun, ...told.BackupLeftOut])].toSorted();
  assert.deepEqual(decided, everyMinute(decided[0] ?? '', decided.at(-1) ?? ''), 'no time is passed over');
  const gone = schedule.seen.slice(0, -1);
  // Announced again by the next life, where the schedule had got another status meanwhile.
  assert.deepEqual([...new Set(told.BackupExpired)], gone);
  assert.deepEqual(told.SnapshotRemoved, gone);

  const stored = (await s3.objects()).filter(({ path }) => path.includes(`/${schedule.name}-`));
  const key = `e2e/${namespace}/${cluster.name}/${left.metadata.name}-${left.metadata.uid}.gz`;
  assert.deepEqual(stored.map(({ path }) => path).toSorted(), [key, `${key}.json`]);
  assert.equal(stored.find(({ path }) => path === key)?.sha256, left.status.sha256);
});
