import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCoordinationBackup, type CoordinationBackupStatus } from '../../api/coordination-backup.ts';
import { parseCoordinationBackupSchedule } from '../../api/coordination-backup-schedule.ts';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { ApiRefusal } from '../kube/errors.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { silentLogger } from '../kube/silent-logger.ts';
import { backupLocation } from '../resources/backup/jobs.ts';
import { BACKUP_FINALIZER } from '../resources/names.ts';
import { backupKind, scheduleKind, scheduleTimes } from './backup-kinds.ts';
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

  function timesOf(schedule: string, timeZone: string, now: string): { due: string; next: string } {
    const seen = times(schedule, timeZone, now);
    assert.ok(typeof seen !== 'string' && seen.due !== undefined);
    return { due: seen.due, next: seen.next };
  }

  /** The next times after a moment, each as it is told right after the one before. */
  function comings(schedule: string, timeZone: string, after: string, count: number): string[] {
    const found: string[] = [];
    for (let now = after; found.length < count; now = found.at(-1) ?? '') {
      found.push(timesOf(schedule, timeZone, now).next);
    }
    return found;
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
    const past = { due: '2026-07-10T12:05:00Z', next: '2026-07-10T12:10:00Z' };
    assert.deepEqual(times('*/5 * * * *', 'Etc/UTC', '2026-07-10T12:05:00.000Z'), past);
    assert.deepEqual(times('*/5 * * * *', 'Etc/UTC', '2026-07-10T12:09:59.999Z'), past);
  });

  test('when clocks are put forward: what would be in the hour that is left out comes right behind it, once', () => {
    // At 2:00 it became 3:00, which was 1:00 UTC.
    assert.deepEqual(comings('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3), [
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ]);
    assert.deepEqual(comings('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:29:00Z', 4), [
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-29T01:30:00Z',
      '2026-03-29T02:00:00Z',
    ]);
  });

  test('when clocks are put back: a time of the hour that comes twice is the first of the two, unless all hours are meant', () => {
    // At 3:00 it became 2:00, which was 1:00 UTC.
    assert.deepEqual(comings('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00:00Z', 3), [
      '2026-10-24T00:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ]);
    assert.deepEqual(comings('30 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', 4), [
      '2026-10-24T23:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:30:00Z',
      '2026-10-25T02:30:00Z',
    ]);
  });

  test('whenever somebody looks, what is due is what was next before: none is left out, and none comes twice', () => {
    // When clocks are changed, and where.
    const changes = [
      ['2026-03-29T01:00:00Z', 'Europe/Berlin'],
      ['2026-10-25T01:00:00Z', 'Europe/Berlin'],
      ['2026-03-08T07:00:00Z', 'America/New_York'],
      ['2026-11-01T06:00:00Z', 'America/New_York'],
      ['2026-04-04T15:00:00Z', 'Australia/Lord_Howe'],
      ['2026-10-03T15:30:00Z', 'Australia/Lord_Howe'],
    ] as const;
    for (const [change, zone] of changes) {
      for (const schedule of ['30 2 * * *', '*/20 * * * *', '15 1,2,3 * * *']) {
        let next: string | undefined;
        for (let minute = -150; minute <= 150; minute += 7) {
          const now = new Date(Date.parse(change) + minute * 60_000).toISOString().replace('.000Z', 'Z');
          const seen = timesOf(schedule, zone, now);
          assert.ok(seen.due <= now && now < seen.next, `${schedule} in ${zone} at ${now}`);
          // No schedule here has two times within seven minutes.
          if (next !== undefined) assert.ok([seen.due, seen.next].includes(next), `${schedule} in ${zone} at ${now}`);
          next = seen.next;
        }
      }
    }
  });

  test('that never come are told so', () => {
    const sentence = times('0 0 30 2 *', 'Etc/UTC', '2026-07-10T12:05:00Z');
    assert.ok(typeof sentence === 'string');
    assert.match(sentence, /names no day that ever comes/);
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

const started = '2026-01-01T00:00:00Z';
const complete = { phase: 'Complete', startedAt: started };
const deleted = { deletionTimestamp: started };

/** A look at a backup where Kubernetes makes no Job. */
async function lookWithoutJob(
  more: { readonly metadata?: object; readonly status?: object; readonly clusterSpec?: object },
  said: string,
) {
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackup',
    metadata: {
      name: 'monday',
      namespace: 'default',
      uid: 'uid-b',
      finalizers: [BACKUP_FINALIZER, 'of.somebody/else'],
      ...more.metadata,
    },
    spec,
    ...(more.status === undefined ? {} : { status: more.status }),
  };
  const cluster = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationCluster',
    metadata: { name: 'zoo', namespace: 'default', uid: 'uid-c' },
    ...(more.clusterSpec === undefined ? {} : { spec: more.clusterSpec }),
    status: {
      conditions: [
        {
          type: 'Available',
          status: 'True',
          reason: 'QuorumServes',
          message: 'it serves',
          lastTransitionTime: started,
        },
      ],
    },
  };
  const client = {
    now: () => new Date(),
    get: async ({ plural }: ResourceType) =>
      plural === 'coordinationbackups' ? object : plural === 'coordinationclusters' ? cluster : undefined,
    list: async () => ({ items: [], resourceVersion: '1' }),
    create: async ({ plural }: ResourceType, made: KubeObject) => {
      if (plural !== 'jobs') return made;
      throw new ApiRefusal('POST jobs', 403, { message: said });
    },
  } as unknown as KubeClient;
  const finalizersSet: string[][] = [];
  const statuses: CoordinationBackupStatus[] = [];
  const controller = new ResourceController(backupKind(client, { defaultImage: 'zabkeeper:test' }, undefined), {
    client,
    resource: {
      setStatus: async (_, status) => (statuses.push(status as CoordinationBackupStatus), '2'),
      confirm: async () => '1',
      setFinalizers: async (_, finalizers) => {
        finalizersSet.push([...finalizers]);
        return '2';
      },
    },
    events: new EventRecorder(client, 'operator', 'operator-0', silentLogger),
    logger: silentLogger,
  });
  await controller.reconcile('default/monday');
  return { finalizersSet, statuses };
}

test('a backup does not keep a namespace from going: where no Job can be made any more, what is stored stays', async () => {
  const said = 'namespace default is being terminated';
  const { finalizersSet, statuses } = await lookWithoutJob({ metadata: deleted, status: complete }, said);
  assert.deepEqual(finalizersSet, [['of.somebody/else']]);
  assert.deepEqual(statuses, []);
});

for (const [what, more, phase, told] of [
  ['begin', {}, 'Pending', /^creating Job backup-uid-b was refused: exceeded quota; put that right, and it begins/],
  [
    'be removed',
    { metadata: deleted, status: complete },
    'Deleting',
    /^creating Job remove-uid-b was refused: exceeded quota; put that right, or set deletionPolicy to Retain/,
  ],
] as const) {
  test(`a backup that cannot ${what} because Kubernetes refuses its Job says so in its status`, async () => {
    const { finalizersSet, statuses } = await lookWithoutJob(more, 'exceeded quota');
    assert.deepEqual(finalizersSet, []);
    const [status, ...others] = statuses;
    assert.deepEqual([status?.phase, others], [phase, []]);
    assert.match(status?.conditions?.find(({ type }) => type === 'Complete')?.message ?? '', told);
  });
}

test('a backup on its way out asks of the clusters only where what it stored goes next', async () => {
  const listsFor = async (deletionPolicy: string, jobName?: string): Promise<number> => {
    let listed = 0;
    const backup = parseCoordinationBackup({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationBackup',
      metadata: { name: 'monday', namespace: 'default', uid: 'uid-b', ...deleted },
      spec: { ...spec, deletionPolicy },
    } as KubeObject);
    const client = {
      now: () => new Date(),
      get: async (_: ResourceType, __: string, name: string) =>
        name === jobName ? { metadata: { name, uid: 'uid-j' }, status: { succeeded: 1 } } : undefined,
      list: async ({ plural }: ResourceType) => {
        if (plural === 'coordinationclusters') listed += 1;
        return { items: [] };
      },
    } as unknown as KubeClient;
    await backupKind(client, { defaultImage: 'zabkeeper:test' }, undefined).observe(backup);
    return listed;
  };
  assert.equal(await listsFor('Delete'), 1);
  assert.equal(await listsFor('Retain'), 0);
  assert.equal(await listsFor('Delete', 'remove-uid-b'), 0);
  assert.equal(await listsFor('Delete', 'backup-uid-b'), 0);
});

test('a backup of a cluster that only another version of the operator understands waits, and says what helps', async () => {
  const { statuses } = await lookWithoutJob({ clusterSpec: { replicas: 'many' } }, 'nobody asks');
  assert.deepEqual(
    statuses.map(({ phase, conditions }) => [phase, conditions?.find(({ type }) => type === 'Complete')?.reason]),
    [['Pending', 'ClusterNotUnderstood']],
  );
});

describe('what a schedule lets go of', () => {
  const started = new Date().toISOString();
  const backups = ['a', 'b'].map((name) => ({
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1' },
    spec,
    status: { phase: 'Complete', startedAt: started },
  }));
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackupSchedule',
    metadata: { name: 'nightly', namespace: 'default', uid: 'uid-s' },
    spec: { schedule: '@daily', suspend: true, backupTemplate: spec, retention: { maxAge: '36h' } },
  };
  const schedule = parseCoordinationBackupSchedule(object);

  /** Those that go, by an API server whose clock is ahead of this process's, and which has these clusters. */
  async function expired(aheadMs: number, clusters: readonly object[], watchNamespace?: string): Promise<string[]> {
    const { steps } = await look(aheadMs, clusters, backups, watchNamespace);
    return steps.flatMap((step) => (step.do === 'delete' ? [step.name] : []));
  }

  async function look(aheadMs: number, clusters: readonly object[], items: readonly object[], watchNamespace?: string) {
    const client = {
      now: () => new Date(Date.now() + aheadMs),
      list: async ({ plural }: ResourceType, { namespace }: { namespace?: string }) => {
        if (plural === 'coordinationclusters') assert.equal(namespace, watchNamespace);
        return { items: plural === 'coordinationclusters' ? clusters : items };
      },
    } as unknown as KubeClient;
    const kind = scheduleKind(client, watchNamespace);
    return kind.plan(schedule, await kind.observe(schedule));
  }

  test('goes by the time of the API server', async () => {
    assert.deepEqual(await expired(0, []), []);
    assert.deepEqual(await expired(3 * 86_400_000, []), ['a']);
  });

  test('is asked of the clusters only where there is something to let go of: hundreds of schedules look at once', async () => {
    let listed = 0;
    const client = (aheadMs: number): KubeClient => {
      const list = async ({ plural }: ResourceType) => {
        if (plural === 'coordinationclusters') listed += 1;
        return { items: plural === 'coordinationbackups' ? backups : [] };
      };
      return { now: () => new Date(Date.now() + aheadMs), list } as unknown as KubeClient;
    };
    await scheduleKind(client(0), undefined).observe(schedule);
    assert.equal(listed, 0);
    await scheduleKind(client(3 * 86_400_000), undefined).observe(schedule);
    assert.equal(listed, 1);
  });

  test('is nothing that only another version of the operator understands, and the schedule says so', async () => {
    const strange = { metadata: { ...backups[0]?.metadata, name: 'strange' }, spec: 'in words of another version' };
    const { steps, status } = await look(3 * 86_400_000, [], [strange, ...backups]);
    assert.deepEqual(
      steps.map((step) => step.do === 'delete' && step.name),
      ['a'],
    );
    assert.match(status?.conditions?.[0]?.message ?? '', /strange is left as it is/);
  });

  test('is nothing that clusters begin with, wherever the operator looks at those', async () => {
    const cluster = (restore: unknown) => ({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationCluster',
      metadata: { name: 'copy', namespace: 'default' },
      spec: { bootstrap: { restore } },
    });
    const old = 3 * 86_400_000;
    assert.deepEqual(await expired(old, [cluster({ backup: { name: 'a' } })], 'default'), []);
    assert.deepEqual(await expired(old, [cluster({ backup: { name: 'b' } })]), ['a']);
    assert.deepEqual(await expired(old, [cluster('in words of another version')]), []);
    // The manifest says no more of it, and members still begin with it.
    const [backup] = backups;
    assert.ok(backup);
    const restoreFrom = backupLocation(
      parseCoordinationBackup({ apiVersion: 'zabkeeper.dev/v1alpha1', kind: 'CoordinationBackup', ...backup }),
    );
    const bootstrap = {
      phase: 'Started',
      id: 'uid-c',
      origin: 'Restored',
      replicas: 3,
      startedAt: started,
      restoreFrom,
    };
    const changed = { ...cluster(undefined), spec: {}, status: { bootstrap } };
    const metadata = { ...changed.metadata, uid: 'uid-c' };
    assert.deepEqual(await expired(old, [{ ...changed, metadata }]), []);
  });
});
