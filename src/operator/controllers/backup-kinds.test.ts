import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCoordinationBackup } from '../../api/coordination-backup.ts';
import { parseCoordinationBackupSchedule } from '../../api/coordination-backup-schedule.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { BACKUP_FINALIZER } from '../resources/names.ts';
import { backupKind, scheduleTimes } from './backup-kinds.ts';
import { ResourceController } from './resource-controller.ts';

const spec = { clusterRef: { name: 'zoo' }, destination: { s3: { bucket: 'backups' } }, deletionPolicy: 'Delete' };

describe('the times of a schedule', () => {
  function times(schedule: string, timeZone: string, now: string) {
    const object = {
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationBackupSchedule',
      metadata: { name: 'nightly' },
      spec: { schedule, timeZone, backupTemplate: spec },
    };
    return scheduleTimes(parseCoordinationBackupSchedule(object), new Date(now));
  }

  test('are those of its time zone, in summer and in winter', () => {
    assert.deepEqual(times('30 2 * * *', 'Europe/Berlin', '2026-01-10T12:00:00Z'), {
      due: '2026-01-10T01:30:00Z',
      next: '2026-01-11T01:30:00Z',
    });
    assert.deepEqual(times('30 2 * * *', 'Europe/Berlin', '2026-07-10T12:00:00Z'), {
      due: '2026-07-10T00:30:00Z',
      next: '2026-07-11T00:30:00Z',
    });
  });

  test('count the very moment as past', () => {
    const { due, next } = times('*/5 * * * *', 'Etc/UTC', '2026-07-10T12:05:00Z') as { due: string; next: string };
    assert.deepEqual([due, next], ['2026-07-10T12:05:00Z', '2026-07-10T12:10:00Z']);
  });

  test('that nobody understands are a sentence that says what to write', () => {
    for (const [schedule, zone] of [
      ['0 25 * * *', 'Etc/UTC'],
      ['0 2 * * *', 'Mars/Olympus'],
    ] as const) {
      const sentence = times(schedule, zone, '2026-07-10T12:05:00Z');
      assert.ok(typeof sentence === 'string');
      assert.match(sentence, /cannot be understood \(.*\): write five fields/);
    }
  });
});

test('a backup does not keep a namespace from going: where no Job can be made any more, what is stored stays', async () => {
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackup',
    metadata: {
      name: 'monday',
      namespace: 'default',
      uid: 'uid-b',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: [BACKUP_FINALIZER, 'of.somebody/else'],
    },
    spec,
    status: { phase: 'Complete', startedAt: '2026-01-01T00:00:00Z' },
  };
  const client = {
    get: async ({ plural }: ResourceType) => (plural === 'coordinationbackups' ? object : undefined),
    list: async () => ({ items: [], resourceVersion: '1' }),
    create: async ({ plural }: ResourceType, made: KubeObject) => {
      if (plural !== 'jobs') return made;
      throw new ApiRefusal('POST jobs', 403, { message: 'namespace default is being terminated' });
    },
  } as unknown as KubeClient;
  const set: string[][] = [];
  const controller = new ResourceController(backupKind(client, { defaultImage: 'zabkeeper:test' }), {
    client,
    resource: {
      setStatus: async () => '2',
      confirm: async () => '1',
      setFinalizers: async (_, finalizers) => {
        set.push([...finalizers]);
        return '2';
      },
    },
    events: new EventRecorder(client, 'operator', 'operator-0', silentLogger),
    logger: silentLogger,
  });
  assert.equal(parseCoordinationBackup(object).spec.deletionPolicy, 'Delete');
  await controller.reconcile('default/monday');
  assert.deepEqual(set, [['of.somebody/else']]);
});
