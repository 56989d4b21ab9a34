import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait-for.ts';
import { apply, get, kubectl, list } from './kubectl.ts';
import type { KubernetesObject } from './kubectl.ts';
import type { S3Server } from './s3-server.ts';

/** What the tests read of a CoordinationBackup. */
export interface BackupObject extends KubernetesObject {
  readonly status?: {
    readonly phase?: string;
    readonly location?: string;
    readonly sizeBytes?: number;
    readonly sha256?: string;
    readonly zxid?: string;
    readonly znodes?: number;
    readonly digest?: string;
    readonly member?: string;
    readonly serverVersion?: string;
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  };
}

export async function createBackup(namespace: string, name: string, spec: object): Promise<void> {
  const metadata = { name, namespace };
  await apply({ apiVersion: 'zabkeeper.dev/v1alpha1', kind: 'CoordinationBackup', metadata, spec });
}

export async function backup(namespace: string, name: string): Promise<BackupObject | undefined> {
  return get<BackupObject>(namespace, 'coordinationbackup', name);
}

/** A volume for backups, which one node at a time can mount. */
export async function createBackupVolume(namespace: string, name: string, storage: string): Promise<void> {
  await apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  });
}

export async function completeBackup(namespace: string, name: string): Promise<Required<BackupObject>> {
  return waitFor(
    `backup ${name} is complete`,
    async () => {
      const object = await backup(namespace, name);
      if (object?.status?.phase === 'Failed') throw new Error(JSON.stringify(object.status));
      return object?.status?.phase === 'Complete' ? { ...object, status: object.status } : undefined;
    },
    { timeoutMs: 300_000, intervalMs: 300, explain: () => describeBackups(namespace) },
  );
}

/** Waits until a backup says why it is not complete, in such words. */
export async function incompleteBackup(
  namespace: string,
  name: string,
  reason: string,
  message: RegExp,
): Promise<void> {
  await waitFor(
    `backup ${name} says ${reason}: ${message.source}`,
    async () => {
      const { status } = (await backup(namespace, name)) ?? {};
      const complete = status?.conditions?.find(({ type }) => type === 'Complete');
      return complete?.status === 'False' && complete.reason === reason && message.test(complete.message);
    },
    { timeoutMs: 240_000, intervalMs: 300, explain: () => describeBackups(namespace) },
  );
}

/** The pod that takes a backup now. */
export async function backupPod(namespace: string, name: string): Promise<string | undefined> {
  const pods = await list<KubernetesObject & { status: { phase: string } }>(namespace, 'pods', selectorOf(name));
  return pods.find(({ status, metadata }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
    ?.metadata.name;
}

/** Whether a member is in the middle of giving a snapshot, as its log says. */
export async function isGivingSnapshot(namespace: string, member: string): Promise<boolean> {
  const lines = (await kubectl(['-n', namespace, 'logs', member])).split('\n');
  const last = lines.findLast((line) =>
    /"(streaming a snapshot|streamed a snapshot|a snapshot was not taken)/.test(line),
  );
  return last?.includes('"streaming a snapshot"') ?? false;
}

/** What the pods of a backup that failed said last. */
export async function lastWordsOfFailures(namespace: string, name: string): Promise<string> {
  interface Ended extends KubernetesObject {
    readonly status: { readonly containerStatuses?: readonly { state?: { terminated?: { message?: string } } }[] };
  }
  const pods = await list<Ended & { status: { phase: string } }>(namespace, 'pods', selectorOf(name));
  return pods
    .filter(({ status }) => status.phase === 'Failed')
    .map(({ status }) => status.containerStatuses?.[0]?.state?.terminated?.message ?? '')
    .join('\n');
}

function selectorOf(name: string): string {
  return `app.kubernetes.io/component=backup,app.kubernetes.io/instance=${name}`;
}

/** Makes a backup stop halfway, does something to it, lets it go on, and waits until it is complete: once, and whole. */
export async function interruptedBackup(
  s3: S3Server,
  { clusterName, name }: { readonly clusterName: string; readonly name: string },
  interrupt: () => Promise<unknown>,
): Promise<void> {
  const { namespace } = s3;
  await s3.stopUploads();
  await createBackup(namespace, name, {
    clusterRef: { name: clusterName },
    destination: s3.destination({ slow: true }),
    deletionPolicy: 'Delete',
  });
  const uid = (await backup(namespace, name))?.metadata.uid;
  const key = `e2e/${namespace}/${clusterName}/${name}-${uid}.gz`;
  await waitFor('the upload has come halfway', async () => (await s3.unfinishedBytes(key)) > 0, {
    timeoutMs: 60_000,
    intervalMs: 300,
  });
  await interrupt();
  const whole = (await s3.objects()).filter(({ path }) => path.includes(`/${name}-`));
  assert.deepEqual(whole, [], 'nothing that looks whole');
  assert.notEqual((await backup(namespace, name))?.status?.phase, 'Complete');
  await s3.letUploadsGoOn();
  const { status } = await completeBackup(namespace, name);
  const stored = (await s3.objects()).filter(({ path }) => path.includes(`/${name}-`) && path.endsWith('.gz'));
  assert.deepEqual(
    stored.map(({ sha256 }) => sha256),
    [status.sha256],
    'one object, as the status says',
  );
  assert.equal(await s3.unfinishedBytes(key), 0, 'nothing is left of the attempt');
}

/** What a person would look at when a backup does not come to be. */
export async function describeBackups(namespace: string): Promise<string> {
  const parts = await Promise.all([
    kubectl(['-n', namespace, 'get', 'cb,cbs,jobs,pods', '-o', 'wide']),
    kubectl(['-n', namespace, 'get', 'cb', '-o', 'jsonpath={.items[*].status}']),
    kubectl(['-n', namespace, 'get', 'events', '--sort-by=.lastTimestamp']),
  ]);
  return parts.join('\n');
}
