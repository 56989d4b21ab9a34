import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { completeBackup, createBackup } from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { kubectl } from './support/kubectl.ts';
import { OperatorUnderTest } from './support/operator-under-test.ts';
import { S3Server } from './support/s3-server.ts';
import { timesTold } from './support/told.ts';

// A backup, its restore and its removal, by an operator that kills itself right after each write that changes something.

/** Tens of lives, on a machine that is busy with other things too. */
const READY_MS = 240_000;

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
  await kubectl(['-n', namespace, 'delete', 'cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
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
  await kubectl(['-n', namespace, 'delete', 'cc', '--all', '--timeout=180s'], { timeoutMs: 190_000 });
  const manifest = cluster.manifest({ ...spec, bootstrap: { restore: { backup: { name: 'first' } } } });
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  await cluster.ready(READY_MS);
  await createBackup(namespace, 'second', { clusterRef, destination: s3.destination() });
  const [first, second] = [await completeBackup(namespace, 'first'), await completeBackup(namespace, 'second')];
  assert.equal(second.status.digest, first.status.digest);
});

test('its removal takes along what it stored, and nothing else', async () => {
  await kubectl(['-n', namespace, 'delete', 'cb', 'first', '--timeout=150s'], { timeoutMs: 160_000 });
  const paths = await waitFor('what is stored can be read', async () => (await s3.objects()).map(({ path }) => path));
  assert.ok(!paths.some((path) => path.includes('/first-')), paths.join(' '));
  assert.ok(
    paths.some((path) => path.includes('/second-')),
    paths.join(' '),
  );
});
