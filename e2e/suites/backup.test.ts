import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CertificateAuthority } from '../support/certificates.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  backup,
  backupPod,
  completeBackup,
  createBackup,
  createBackupVolume,
  incompleteBackup,
  interruptedBackup,
  isGivingSnapshot,
  lastWordsOfFailures,
} from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { killProcess } from './support/faults.ts';
import { apply, kubectl } from './support/kubectl.ts';
import { checkWriter } from './support/rolling.ts';
import { S3Server } from './support/s3-server.ts';
import { timesTold } from './support/told.ts';
import { Writer } from './support/writer.ts';

// One ensemble with data that no compression makes smaller, through everything that may happen to its backups, while a client
// writes all the time. The S3 server speaks TLS, with a certificate of an authority of its own.

const cluster = new ClusterUnderTest('e2e-backup');
const { namespace } = cluster;
/** What is made from one of its backups. */
const restored = new ClusterUnderTest('e2e-restored');
const fromVolume = new ClusterUnderTest(namespace, 'from-volume');
const clusterRef = { name: cluster.name };
let s3: S3Server;
let writer: Writer;

before(async () => {
  // A member gives one snapshot every five minutes, unless it is told otherwise.
  await cluster.create({ config: { 'admin.rateLimiterIntervalInMS': 100 } });
  const [client, server] = await Promise.all([
    ClientPod.start(namespace),
    S3Server.start(namespace, { tls: true }),
    cluster.ready(),
  ]);
  s3 = server;
  // More than is anywhere between a member and the S3 server when that takes no more: a member is in the middle then, too.
  await client.run('populate', cluster.address, '/bulk', '40', '900000');
  writer = await Writer.start(client, cluster.address, '/written');
});

after(async () => {
  await kubectl(['-n', namespace, 'delete', 'cbs,cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  await cluster.remove();
  await kubectl(['delete', 'namespace', restored.namespace, '--ignore-not-found', '--wait=false']);
});

/** Makes a backup every minute from now on. */
async function beginSchedule(): Promise<void> {
  await apply({
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackupSchedule',
    metadata: { name: 'minutely', namespace },
    spec: {
      schedule: '* * * * *',
      timeZone: 'Europe/Berlin',
      retention: { maxCount: 1 },
      backupTemplate: { clusterRef, destination: s3.destination() },
    },
  });
}

test('on demand to a bucket and to a volume: taken from a follower, verified, all that matters in the status', async () => {
  await createBackupVolume(namespace, 'backups', '256Mi');
  await createBackup(namespace, 'to-bucket', { clusterRef, destination: s3.destination() });
  const volume = { volume: { claimName: 'backups', path: 'of/zoo' } };
  await createBackup(namespace, 'to-volume', { clusterRef, destination: volume });
  const [inBucket, onVolume] = await Promise.all([
    completeBackup(namespace, 'to-bucket'),
    completeBackup(namespace, 'to-volume'),
  ]);
  const leader = await cluster.leader();
  for (const { status } of [inBucket, onVolume]) {
    assert.notEqual(status.member, leader);
    assert.match(status.member ?? '', /^zoo-[0-2]$/);
    assert.match(status.zxid ?? '', /^0x[0-9a-f]+$/);
    assert.ok((status.sizeBytes ?? 0) > 36_000_000, `${status.sizeBytes} bytes`);
    assert.ok((status.znodes ?? 0) > 30);
  }
  const key = `e2e/${namespace}/zoo/to-bucket-${inBucket.metadata.uid}.gz`;
  assert.equal(inBucket.status.location, `s3://backups/${key}`);
  assert.equal(onVolume.status.location, `volume://backups/of/zoo/zoo/to-volume-${onVolume.metadata.uid}.gz`);
  const stored = (await s3.objects()).find(({ path }) => path === key);
  assert.deepEqual([stored?.bytes, stored?.sha256], [inBucket.status.sizeBytes, inBucket.status.sha256]);
  // Not before: a member gives one snapshot at a time, and with three of them at once the leader has to give one as well.
  await beginSchedule();
});

test('restored into a new cluster of another namespace, once the backup allows it: the same tree', async () => {
  const spec = { bootstrap: { restore: { backup: { name: 'to-bucket', namespace } } } };
  await restored.create(spec);
  await S3Server.makeCredentials(restored.namespace);
  assert.match(await restored.refusal('RestoreRefused'), /annotate it with zabkeeper\.dev\/restorable-in=e2e-restored/);
  assert.deepEqual(await restored.pods(), [], 'nothing is started');
  const allowed = `zabkeeper.dev/restorable-in=${restored.namespace}`;
  await kubectl(['-n', namespace, 'annotate', 'cb', 'to-bucket', allowed]);
  await restored.ready();
  assert.equal((await restored.condition('Bootstrapped'))?.reason, 'Restored');
  const destination = { s3: { ...s3.destination().s3, prefix: 'restored' } };
  await createBackup(restored.namespace, 'again', { clusterRef, destination });
  const [source, copy] = [await backup(namespace, 'to-bucket'), await completeBackup(restored.namespace, 'again')];
  assert.equal(copy.status.digest, source?.status?.digest);
  assert.equal(copy.status.znodes, source?.status?.znodes);
  await kubectl(['-n', restored.namespace, 'delete', 'cb', '--all']);
  await restored.remove();
});

test('restored from a volume, by its bare location, once that is right: the same tree', async () => {
  const source = await backup(namespace, 'to-volume');
  assert.ok(source?.status?.location);
  const file = source.status.location.replace('volume://backups/of/zoo/', '');
  const volume = { claimName: 'backups', path: 'of/zoo', file };
  // Only one node at a time can mount this volume.
  const restoring = (restore: object) => apply(fromVolume.manifest({ replicas: 1, bootstrap: { restore } }));
  await restoring({ volume: { ...volume, path: 'of/another' } });
  const refusal = await fromVolume.refusal('SnapshotUnusable');
  assert.match(refusal, /of\/another\/.* cannot be restored: .*no such file.*: correct bootstrap\.restore/);
  // Where Kubernetes would put a variable of the pod, there must be no secret.
  await restoring({ s3: { ...s3.destination().s3, key: '$(AWS_SECRET_ACCESS_KEY).gz' } });
  const literal = await fromVolume.refusal('SnapshotUnusable');
  assert.match(
    literal,
    /s3:\/\/backups\/e2e\/\$\(AWS_SECRET_ACCESS_KEY\)\.gz cannot be restored: .*: correct bootstrap\.restore/,
  );
  assert.deepEqual(await fromVolume.pods(), [], 'nothing is started');
  await restoring({ volume, sha256: source.status.sha256 });
  await fromVolume.ready();
  const name = 'of-restored';
  await createBackup(namespace, name, { clusterRef: { name: fromVolume.name }, destination: s3.destination() });
  const copy = await completeBackup(namespace, name);
  assert.equal(copy.status.digest, source.status.digest);
  assert.equal(copy.status.znodes, source.status.znodes);
  await kubectl(['-n', namespace, 'delete', 'cc', fromVolume.name, '--wait=false']);
});

test('a backup that cannot work says what would help, and goes on once that is there', async () => {
  const { s3: right } = s3.destination();
  const strangers = new CertificateAuthority('another authority').certificate;
  const withSecret = (name: string) => ({ s3: { ...right, credentialsSecretRef: { name } } });
  await createBackup(namespace, 'wrong-ca', { clusterRef, destination: { s3: { ...right, caBundle: strangers } } });
  await createBackup(namespace, 'early', { clusterRef, destination: withSecret('comes-later') });
  await createBackup(namespace, 'overdue', {
    clusterRef,
    destination: withSecret('never-comes'),
    activeDeadlineSeconds: 15,
  });
  await createBackup(namespace, 'nobody', {
    clusterRef,
    destination: { s3: { ...right, serviceAccountName: 'backups' } },
  });
  const missing = (what: string) => new RegExp(`${what}" not found.*: make the Secret, or the key in it`);
  await incompleteBackup(namespace, 'early', 'PodCannotStart', missing('comes-later'));
  await S3Server.makeCredentials(namespace, 'comes-later');
  await incompleteBackup(
    namespace,
    'nobody',
    'PodCannotStart',
    /no pod can be made: .*serviceaccount "backups" not found/,
  );
  await kubectl(['-n', namespace, 'create', 'serviceaccount', 'backups']);
  await incompleteBackup(namespace, 'wrong-ca', 'Running', /1 attempt failed; .*the authority that did as caBundle/);
  await incompleteBackup(namespace, 'overdue', 'DeadlineExceeded', missing('never-comes'));
  assert.equal((await backup(namespace, 'overdue'))?.status?.phase, 'Failed');
  await Promise.all([completeBackup(namespace, 'early'), completeBackup(namespace, 'nobody')]);
  assert.deepEqual(await timesTold(namespace, 'PodCannotStart'), { PodCannotStart: 3 });
  await kubectl(['-n', namespace, 'delete', 'cb', 'wrong-ca', 'overdue', '--wait=false']);
});

const interrupted = (name: string, interrupt: () => Promise<unknown>): Promise<void> =>
  interruptedBackup(s3, { clusterName: cluster.name, name }, interrupt);

test('its pod is killed in the middle: nothing looks whole, another one takes it', async () => {
  await interrupted('pod-killed', async () => {
    const pod = await waitFor('its pod runs', () => backupPod(namespace, 'pod-killed'));
    await kubectl(['-n', namespace, 'delete', 'pod', pod, '--grace-period=0', '--force']);
  });
});

test('the member that gives the snapshot is killed in the middle: nothing looks whole, another one gives one', async () => {
  let killed: string | undefined;
  await interrupted('member-killed', async () => {
    const name = await waitFor('one member gives a snapshot', async () => {
      const members = (await cluster.pods()).map(({ metadata }) => metadata.name);
      const giving = await Promise.all(members.map(async (member) => await isGivingSnapshot(namespace, member)));
      // Another one that gives one to the schedule is through soon.
      return giving.filter((gives) => gives).length === 1 ? members[giving.indexOf(true)] : undefined;
    });
    killed = name;
    await killProcess(await cluster.pod(name));
  });
  const words = await lastWordsOfFailures(namespace, 'member-killed');
  assert.match(words, /ZK_BACKUP_FAILED: .*the snapshot did not arrive whole/, `${killed} was in the middle`);
  await cluster.ready();
});

test('the S3 server is killed in the middle: nothing looks whole, and it is complete once that is back', async () => {
  await interrupted('server-killed', async () => {
    const pod = await s3.pod();
    assert.ok(pod);
    await killProcess(pod, 'server');
    await waitFor('the S3 server is back', () => s3.isReady(), { timeoutMs: 60_000, intervalMs: 300 });
  });
});

test('deleted, a backup takes what it stored along where the manifest says so, and only there', async () => {
  await kubectl(['-n', namespace, 'delete', 'cb', 'pod-killed', 'to-bucket', '--timeout=90s'], { timeoutMs: 100_000 });
  const paths = (await s3.objects()).map(({ path }) => path);
  assert.ok(!paths.some((path) => path.includes('/pod-killed-')), paths.join(' '));
  assert.ok(
    paths.some((path) => path.includes('/to-bucket-')),
    paths.join(' '),
  );
});

test('a schedule makes backups and keeps as many as it says, the objects too', async () => {
  const scheduled = async () =>
    (await kubectl(['-n', namespace, 'get', 'cb', '-l', 'zabkeeper.dev/schedule=minutely', '-o', 'name']))
      .split('\n')
      .filter((line) => line !== '');
  const first = await waitFor('the schedule has made a backup', async () => (await scheduled())[0], {
    timeoutMs: 240_000,
    intervalMs: 500,
  });
  await waitFor('the first one has been replaced', async () => !(await scheduled()).includes(first), {
    timeoutMs: 300_000,
    intervalMs: 500,
  });
  // Until the next one is complete, the one before it is there beside it.
  await waitFor('one is left', async () => (await scheduled()).length === 1, { timeoutMs: 240_000, intervalMs: 500 });
});

test('all the while a client wrote: nothing is lost, and its session lived on', async () => {
  await checkWriter(writer);
});
