import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { deployOperator, installByKubectl, PREVIOUS_IMAGE } from './support/alone/operators.ts';
import { backup, completeBackup, createBackup, createBackupVolume, type BackupObject } from './support/backups.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { apply, get, kubectl, list, type KubernetesObject } from './support/kubectl.ts';
import { MemberWatch } from './support/member-watch.ts';
import { rollsUnderWriter } from './support/rolling.ts';
import { timesTold } from './support/told.ts';

// An ensemble of the version before this one, a backup that was taken of it, and an administrator who upgrades, and changes her mind.

/** Longer than that no client may be kept waiting: an election, on a busy machine, in milliseconds. */
const ELECTION_MAX_MS = 8_000;
const EACH_RESTARTED_ONCE = { 'zoo-0': 2, 'zoo-1': 2, 'zoo-2': 2 };
const PREVIOUS_VERSION = '0.1.0-previous';
const ZNODES = 30;

const cluster = new ClusterUnderTest('e2e-upgrade');
const { namespace } = cluster;
/** What is made from the old backup. Only one node at a time can mount the volume that it is on. */
const restored = new ClusterUnderTest(namespace, 'restored');
let client: ClientPod;
let members: MemberWatch;
let oldBackup: BackupObject;

before(async () => {
  await deployOperator('previous');
  await cluster.create();
  [client] = await Promise.all([ClientPod.start(namespace), cluster.ready()]);
  members = new MemberWatch(namespace, cluster.name);
  await client.run('populate', cluster.address, '/before', String(ZNODES), '1000');
  await createBackupVolume(namespace, 'backups', '64Mi');
  const destination = { volume: { claimName: 'backups' } };
  await createBackup(namespace, 'before', { clusterRef: { name: cluster.name }, destination });
  oldBackup = await completeBackup(namespace, 'before');
});

after(async () => {
  members?.stop();
  await deployOperator();
  await kubectl(['-n', namespace, 'delete', 'cb', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
  await cluster.remove();
});

async function versions(): Promise<readonly (string | undefined)[]> {
  return ((await cluster.object())?.status?.members ?? []).map(({ version }) => version);
}

/** The versions of all members, and the one that `kubectl get cc` shows. */
async function toldVersions(): Promise<readonly (string | undefined)[]> {
  return [...(await versions()), (await cluster.object())?.status?.version];
}

interface Claim extends KubernetesObject {
  readonly spec: { readonly volumeName: string };
}

/** What no upgrade may change. */
async function whatStays(): Promise<object> {
  const claims = await list<Claim>(namespace, 'pvc', `app.kubernetes.io/instance=${cluster.name}`);
  const kinds = ['statefulset zoo', 'service zoo-client', 'service zoo-peers', 'cc zoo'];
  const objects = kinds.map(async (each) => {
    const [kind = '', name = ''] = each.split(' ');
    return [each, (await get(namespace, kind, name))?.metadata.uid];
  });
  return {
    volumes: claims.map(({ metadata, spec }) => [metadata.name, metadata.uid, spec.volumeName]),
    objects: await Promise.all(objects),
    membership: (await cluster.object())?.status?.membership,
    bootstraps: await timesTold(namespace, 'BootstrapStarted'),
  };
}

/** Makes a change that restarts every member, and checks what an administrator and a client may expect of it. */
async function movesUnderWriter(what: string, to: string, change: () => Promise<unknown>): Promise<void> {
  const before = await whatStays();
  members.startAnew();
  const moves = async (): Promise<void> => {
    await change();
    await waitFor(
      'members of both versions serve together',
      async () => new Set(await versions()).size === 2 && (await cluster.condition('Available'))?.status === 'True',
      { timeoutMs: 120_000, intervalMs: 200, explain: () => cluster.describe() },
    );
  };
  const { pauseMs } = await rollsUnderWriter(what, cluster, client, moves, to !== PREVIOUS_VERSION);
  assert.ok(pauseMs <= ELECTION_MAX_MS, `writes paused for ${pauseMs} ms`);
  assert.deepEqual(members.podsOf, EACH_RESTARTED_ONCE);
  assert.equal(members.downAtOnce, 1);
  assert.deepEqual(await whatStays(), before);
  assert.deepEqual(await toldVersions(), [to, to, to, to]);
}

test('upgraded by kubectl apply: each member is restarted once, the leader last, and a writer goes on', async () => {
  assert.deepEqual(new Set(await toldVersions()), new Set([PREVIOUS_VERSION]));
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  await movesUnderWriter('upgrade', version, installByKubectl);
});

test('a backup of the version before is as it was, and a cluster of this one begins with it', async () => {
  const bootstrap = { restore: { backup: { name: 'before' } } };
  await apply(restored.manifest({ replicas: 1, bootstrap }));
  await restored.ready();
  const printed = (await client.run('list_children', restored.address, '/before')).split('\n');
  assert.equal(printed.filter((line) => /^\d{4}$/.test(line)).length, ZNODES, printed.join(' '));
  assert.deepEqual((await backup(namespace, 'before'))?.status, oldBackup.status);
});

test('back to the version before by spec.image alone: its servers go on with what those of this one wrote', async () => {
  await movesUnderWriter('one step back', PREVIOUS_VERSION, () => apply(cluster.manifest({ image: PREVIOUS_IMAGE })));
});
