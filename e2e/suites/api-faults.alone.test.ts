import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { completeBackup, createBackup, createBackupVolume } from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest, type PodObject } from './support/cluster.ts';
import { killProcess } from './support/faults.ts';
import { apply, kubectl, list, type KubernetesObject } from './support/kubectl.ts';
import { MemberWatch } from './support/member-watch.ts';
import { OperatorUnderTest, type Faults } from './support/operator-under-test.ts';
import { checkWriter } from './support/rolling.ts';
import { objectsIn, timesTold } from './support/told.ts';
import { Writer } from './support/writer.ts';

// The operator's API server refuses, loses answers, breaks off, answers with old states, and is killed.

const SLOW = { timeoutMs: 480_000, intervalMs: 500, explain: explanation };
const EACH_RESTARTED_ONCE = { 'zoo-0': 2, 'zoo-1': 2, 'zoo-2': 2 };
// One look of the operator makes about twenty requests, and must be able to come to its end.
const BAD_DAY: Faults = { refuse: 0.03, loseAnswer: 0.03, cutAnswer: 0.02, endWatch: 0.1 };
const GOOD_DAY: Faults = { refuse: 0, loseAnswer: 0, cutAnswer: 0, endWatch: 0 };
/** So that a member gives another snapshot at once, to a backup that had to begin again. */
const config = { 'admin.rateLimiterIntervalInMS': 100 };
/** So many old answers are several looks of the operator at the cluster. */
const OLD_ANSWERS = 30;

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000));
const cluster = new ClusterUnderTest('e2e-api-faults');
const { namespace } = cluster;
let operator: OperatorUnderTest;
let members: MemberWatch;
let writer: Writer;

before(async () => {
  process.stdout.write(`faults of SEED=${seed}\n`);
  operator = await OperatorUnderTest.start({ watchNamespace: namespace, proxySeed: seed });
  await operator.inject(BAD_DAY);
});
after(async () => {
  members?.stop();
  await cluster.remove();
  await operator?.stop();
});

async function explanation(): Promise<string> {
  const lines = async (container: string): Promise<string> =>
    (await operator.log(container)).split('\n').slice(-60).join('\n');
  return `SEED=${seed}\n${await cluster.describe()}\n${await lines('operator')}\n${await lines('api')}`;
}

async function isRolled(): Promise<boolean> {
  return members.hadEach(2) && (await cluster.condition('Ready'))?.status === 'True';
}

test('three members are bootstrapped, once', async () => {
  await cluster.create({ config });
  await cluster.ready(SLOW.timeoutMs);
  const { BootstrapStarted = 0 } = await timesTold(namespace, 'BootstrapStarted');
  assert.ok(BootstrapStarted <= 1, `the bootstrap was started ${BootstrapStarted} times`);
  members = new MemberWatch(namespace, cluster.name);
  writer = await Writer.start(await ClientPod.start(namespace), cluster.address, '/api-faults', 'node');
});

interface JobObject extends KubernetesObject {
  readonly status: { readonly succeeded?: number };
}

test('the API server is killed in the middle of a rolling change and of a backup, which go on when it is back', async () => {
  members.startAnew();
  await apply(cluster.manifest({ config: { ...config, snapCount: 50_000 } }));
  const hasBegun = (): boolean => Object.values(members.podsOf).some((pods) => pods === 2);
  await waitFor('the first member was restarted', hasBegun, SLOW);
  await createBackupVolume(namespace, 'backups', '64Mi');
  const destination = { volume: { claimName: 'backups' } };
  await createBackup(namespace, 'on-a-bad-day', { clusterRef: { name: cluster.name }, destination });
  const jobs = async (): Promise<JobObject[]> => list<JobObject>(namespace, 'jobs');
  await waitFor('the backup has begun', async () => (await jobs()).length > 0, SLOW);
  const [apiServer] = await list<PodObject>('kube-system', 'pods', 'component=kube-apiserver');
  assert.ok(apiServer);
  await killProcess(apiServer);
  await waitFor('every member was restarted', isRolled, SLOW);
  assert.deepEqual(members.podsOf, EACH_RESTARTED_ONCE);
  assert.equal(members.downAtOnce, 1);
  await writer.goesOn();
  const { status } = await completeBackup(namespace, 'on-a-bad-day');
  assert.ok(status.sha256 !== undefined && (status.znodes ?? 0) > 20, JSON.stringify(status));
  assert.equal((await jobs()).filter(({ status: { succeeded = 0 } }) => succeeded > 0).length, 1, 'taken once');
  const { BackupStarted = 0, BackupCompleted = 0 } = await timesTold(namespace, 'BackupStarted', 'BackupCompleted');
  assert.ok(BackupStarted <= 1 && BackupCompleted <= 1, `told ${BackupStarted} and ${BackupCompleted} times`);
});

test('on old answers no pod is deleted that was made since', async () => {
  await operator.inject({ ...GOOD_DAY, refuseDeletions: true });
  members.startAnew();
  const before = (await operator.faultReport()).refusedDeletions.length;
  await apply(cluster.manifest({ config: { ...config, snapCount: 60_000 } }));
  const refused = async (): Promise<readonly string[]> => (await operator.faultReport()).refusedDeletions.slice(before);
  await waitFor('the operator wants to restart a member', async () => (await refused()).length >= 3, SLOW);
  const victim = (await refused())[0]?.split('/').at(-1) ?? '';

  // What the operator reads is from now on of this moment. Somebody else restarts the member.
  await operator.inject({ frozen: true });
  const old = await cluster.pod(victim);
  await kubectl(['-n', namespace, 'delete', 'pod', victim]);
  const isBack = async (): Promise<boolean> => {
    const { metadata, status } = await cluster.pod(victim);
    return metadata.uid !== old.metadata.uid && status.containerStatuses?.[0]?.ready === true;
  };
  await waitFor(`${victim} is back`, isBack, SLOW);
  const made = await cluster.pod(victim);

  const report = await operator.faultReport();
  await operator.inject({ refuseDeletions: false });
  const oldAnswers = async (): Promise<number> => (await operator.faultReport()).injected['old answer'] ?? 0;
  const enough = (report.injected['old answer'] ?? 0) + OLD_ANSWERS;
  await waitFor('the operator has looked at old answers', async () => (await oldAnswers()) >= enough, SLOW);
  const deletions = (await operator.faultReport()).podDeletions.slice(report.podDeletions.length);
  assert.deepEqual(
    deletions.filter(({ status }) => status !== 409),
    [],
  );
  assert.equal((await cluster.pod(victim)).metadata.uid, made.metadata.uid);

  await operator.inject({ frozen: false });
  await waitFor('every member was restarted', isRolled, SLOW);
  assert.deepEqual(members.podsOf, EACH_RESTARTED_ONCE, `${victim} is not restarted again`);
  assert.equal(members.downAtOnce, 1);
  process.stdout.write(`old answers: ${deletions.length} deletions of ${victim} were attempted, and refused\n`);
});

test('nothing that was acknowledged is lost', async () => {
  const written = await checkWriter(writer);
  process.stdout.write(`all of ${written} acknowledged writes are there\n`);
});

test('deleted, it leaves its volumes behind and nothing else', async () => {
  await operator.inject(BAD_DAY);
  await kubectl(['-n', namespace, 'delete', 'cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  await kubectl(['-n', namespace, 'delete', 'pvc', 'backups']);
  const volumes = (await objectsIn(namespace)).filter((name) => name.startsWith('persistentvolumeclaim/'));
  assert.equal(volumes.length, 3);
  await kubectl(['-n', namespace, 'delete', 'cc', cluster.name, '--wait=false']);
  const isGone = async (): Promise<boolean> => (await objectsIn(namespace)).length === volumes.length;
  await waitFor('all but the volumes is gone', isGone, {
    ...SLOW,
    explain: async () => (await objectsIn(namespace)).join(', '),
  });
  assert.deepEqual(await objectsIn(namespace), volumes);
  const { injected } = await operator.faultReport();
  process.stdout.write(`SEED=${seed}, faults: ${JSON.stringify(injected)}\n`);
  assert.equal(await operator.deaths(), 0, 'no fault ends the operator');
});
