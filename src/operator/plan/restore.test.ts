import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseCoordinationBackup } from '../../api/coordination-backup.ts';
import { RESTORE_CONTAINER } from '../resources/backup/restore.ts';
import type { Job } from '../resources/kubernetes.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import type { Finding } from './fake-checks.ts';
import { FakeWorld } from './fake-world.ts';
import type { Observed } from './model.ts';
import { planCluster } from './plan.ts';

const sha256 = 'ab'.repeat(32);
const bucket = { bucket: 'backups', endpoint: 'http://s3:7070', credentialsSecretRef: { name: 'keys' } };

function backup(
  over: { namespace?: string; status?: object; destination?: object; annotations?: Record<string, string> } = {},
) {
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackup',
    metadata: {
      name: 'monday',
      namespace: over.namespace ?? 'default',
      uid: 'uid-7',
      annotations: over.annotations ?? {},
    },
    spec: { clusterRef: { name: 'zoo' }, destination: over.destination ?? { s3: bucket } },
    status: over.status ?? { phase: 'Complete', sha256 },
  };
  return parseCoordinationBackup(object);
}

function worldOf(restore: object, spec: object = {}): FakeWorld {
  return new FakeWorld({ ...spec, bootstrap: { restore } });
}

function plan(world: FakeWorld, more: Partial<Observed> = {}) {
  return planCluster(world.theCluster, { ...world.observe(), ...more }, { defaultImage: 'zabkeeper:test' });
}

/** What is decided once the snapshot has been looked at. */
function begin(world: FakeWorld, more: Partial<Observed> = {}) {
  for (const step of plan(world, more).steps) if (step.do === 'create') world.perform(step);
  world.checks.run();
  return plan(world, more);
}

function live(world: FakeWorld, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    world.reconcile();
    world.tick();
  }
}

function accepted(plan: ReturnType<typeof begin>): string {
  assert.equal(plan.status?.bootstrap, undefined);
  assert.deepEqual(plan.steps, [], 'nothing is started');
  assert.ok(plan.events.some(({ type, reason }) => type === 'Warning' && reason === 'RestoreRefused'));
  return plan.status?.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '';
}

describe('a cluster that begins with a snapshot', () => {
  const location = { s3: { ...bucket, key: 'default/zoo/today.gz' }, sha256 };

  test('starts its members behind a restore, and votes only for what they restored', () => {
    const world = worldOf(location);
    live(world, 3);
    const template = world.statefulSet?.spec.template.spec;
    const [restore] = template?.initContainers ?? [];
    assert.equal(restore?.name, RESTORE_CONTAINER);
    assert.equal(
      restore.args.join(' '),
      `restore s3://backups/default/zoo/today.gz /data --if-empty --sha256 ${sha256} --s3-endpoint http://s3:7070`,
    );
    assert.ok(!template?.containers[0]?.args.includes(INITIALIZE_FLAG));
    live(world, 7);
    assert.equal(world.theCluster.status?.phase, 'Ready');
    const { phase, origin, restoreFrom } = world.theCluster.status.bootstrap ?? {};
    assert.deepEqual([phase, origin, restoreFrom], ['Completed', 'Restored', location]);
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [5, 5, 5],
    );
  });

  test('takes nothing in the name of the snapshot for that of a secret, before it begins or when it does', () => {
    const world = worldOf({ s3: { ...bucket, key: '$(AWS_SECRET_ACCESS_KEY)/5$$.gz' } });
    world.reconcile();
    const job = [...world.objects.values()].find(({ kind }) => kind === 'Job') as Job;
    const { containers } = job.spec.template.spec as { containers: { args: string[] }[] };
    live(world, 3);
    const { initContainers = [] } = world.statefulSet?.spec.template.spec ?? {};
    assert.deepEqual(
      // Kubernetes makes one $ of two, and does nothing else to what is behind them.
      [...containers, ...initContainers].map(({ args }) => args[1]),
      Array(2).fill('s3://backups/$$(AWS_SECRET_ACCESS_KEY)/5$$$$.gz'),
    );
  });

  test('never restores again: a volume that is lost later is filled by the other members', () => {
    const world = worldOf(location);
    live(world, 9);
    assert.deepEqual(world.statefulSet?.spec.template.spec.initContainers, undefined);
    assert.ok(world.write());
    live(world, 2);
    world.loseVolume('data-test-1');
    live(world, 8);
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [6, 6, 6],
    );
    assert.deepEqual(world.restarted, [], 'the end of the bootstrap restarts nobody');
  });

  test('nor where a disk is wiped under one of the pods that did restore, which start again as they were made', () => {
    const world = worldOf(location);
    live(world, 9);
    assert.ok(world.write());
    for (const name of ['test-0', 'test-1', 'test-2']) {
      world.wipe(name);
      assert.equal(
        world.disks.get(`data-${name}`)?.newest,
        undefined,
        'what it restored once is less than the others have',
      );
      live(world, 2);
    }
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [6, 6, 6],
    );
    assert.deepEqual(world.restarted, []);
  });

  test('does not need the snapshot, or the Secret behind it, when all nodes are started anew', () => {
    const world = worldOf(location);
    live(world, 9);
    assert.ok(world.write());
    for (const [name, pod] of world.pods) {
      const waiting = { reason: 'CreateContainerConfigError', message: 'secret "s3" not found' };
      const initContainerStatuses = [{ name: RESTORE_CONTAINER, state: { waiting } }];
      const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: world.now }];
      const status = { phase: 'Pending', conditions, initContainerStatuses, containerStatuses: [] };
      world.pods.set(name, { ...pod, fate: 'pending', status });
    }
    live(world, 20);
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [6, 6, 6],
    );
    assert.equal(world.theCluster.status?.phase, 'Ready');
  });

  test('keeps to its file, whatever becomes of the backup after that', () => {
    const world = worldOf({ backup: { name: 'monday' } });
    const begun = begin(world, { restoreBackup: backup() });
    const from = begun.status?.bootstrap?.restoreFrom;
    assert.deepEqual(from, { s3: { ...bucket, key: 'default/zoo/monday-uid-7.gz' }, sha256 });
    assert.match(begun.events[0]?.message ?? '', /from s3:\/\/backups\/default\/zoo\/monday-uid-7\.gz/);
  });

  test('goes over no volumes that are there', () => {
    const world = worldOf(location);
    live(world, 9);
    world.delete();
    world.reconcile();
    world.create({ bootstrap: { restore: location } });
    assert.match(
      accepted(begin(world)),
      /restoring never replaces data: delete the volumes .* or take bootstrap\.restore out/,
    );
  });
});

describe('before anything is begun with a snapshot it is looked at', () => {
  const bare = { s3: { ...bucket, key: 'today.gz' } };

  function conditionOf(world: FakeWorld, type: string) {
    return world.theCluster.status?.conditions?.find((condition) => condition.type === type);
  }

  test('by one Job; meanwhile nothing is there that could begin, and the status says what is waited for', () => {
    const world = worldOf(bare);
    world.reconcile();
    world.reconcile();
    assert.deepEqual(
      [...world.objects.values()].map(({ kind }) => kind),
      ['Job'],
    );
    assert.equal(world.theCluster.status?.phase, 'Pending');
    assert.equal(conditionOf(world, 'Progressing')?.reason, 'CheckingRestore');
    assert.match(conditionOf(world, 'Ready')?.message ?? '', /a Job reads s3:\/\/backups\/today\.gz before any member/);
    live(world, 9);
    assert.equal(world.theCluster.status.phase, 'Ready');
    assert.equal(world.checks.reads, 1);
  });

  test('and every member must find that very file', () => {
    const world = worldOf(bare);
    live(world, 3);
    assert.equal(world.theCluster.status?.bootstrap?.restoreFrom?.sha256, sha256);
    const [restore] = world.statefulSet?.spec.template.spec.initContainers ?? [];
    assert.ok(restore?.args.join(' ').includes(`--sha256 ${sha256}`));
  });

  test('where it cannot be used a condition and one Event say why, until the manifest names another one', () => {
    const world = worldOf(bare);
    world.checks.finding = { wrong: 'ZK_BACKUP_FAILED: reading s3://backups/today.gz: NoSuchKey (404)' };
    live(world, 3);
    const refusal = conditionOf(world, 'Accepted');
    assert.equal(refusal?.reason, 'SnapshotUnusable');
    assert.match(refusal.message, /cannot be restored: ZK_BACKUP_FAILED: .*NoSuchKey .*: correct bootstrap\.restore/);
    assert.equal(world.theCluster.status?.phase, 'Refused');
    world.checks.finding = { sha256 };
    world.edit({ bootstrap: { restore: { s3: { ...bucket, key: 'yesterday.gz' } } } });
    live(world, 9);
    assert.equal(world.theCluster.status.phase, 'Ready');
    assert.equal(world.theCluster.status.bootstrap?.restoreFrom?.s3?.key, 'yesterday.gz');
  });

  test('again and again, while what the status says stays, until it can be used', () => {
    const world = worldOf(bare);
    world.checks.finding = { wrong: 'no such object' };
    live(world, 3);
    const refusal = conditionOf(world, 'Accepted');
    world.checks.forgetEnded();
    world.reconcile();
    assert.deepEqual(conditionOf(world, 'Accepted'), refusal);
    world.tick();
    world.reconcile();
    assert.deepEqual(conditionOf(world, 'Accepted'), refusal);
    assert.equal(world.checks.reads, 2);
    world.checks.finding = { sha256 };
    world.checks.forgetEnded();
    live(world, 9);
    assert.equal(world.theCluster.status?.phase, 'Ready');
  });

  test('where the pod that looks cannot start, that is said, and it goes on by itself', () => {
    const world = worldOf(bare);
    world.checks.finding = 'cannot start';
    live(world, 3);
    assert.match(conditionOf(world, 'Accepted')?.message ?? '', /secret "keys" not found\): make the Secret/);
    world.checks.finding = { sha256 };
    live(world, 9);
    assert.equal(world.theCluster.status?.phase, 'Ready');
  });

  test('what is another file than was asked for is refused', () => {
    const world = worldOf({ ...bare, sha256: 'cd'.repeat(32) });
    live(world, 3);
    assert.match(conditionOf(world, 'Accepted')?.message ?? '', /sound, but another file .* is abab\w+, and not cdcd/);
    assert.equal(world.theCluster.status?.bootstrap, undefined);
  });

  test('what is not looked at any more has no Job', () => {
    const world = worldOf(bare);
    world.reconcile();
    world.edit({ bootstrap: { restore: { s3: { ...bucket, key: 'yesterday.gz' } } } });
    world.reconcile();
    assert.equal(world.checks.observe().jobs.length, 1);
  });

  test('that no member can begin with is given up for another one that the manifest names then', () => {
    const storage = { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'missing' } as const;
    const world = worldOf(bare, { storage });
    live(world, 5);
    assert.equal(world.theCluster.status?.bootstrap?.restoreFrom?.s3?.key, bare.s3.key);
    live(world, 70);
    world.edit({ bootstrap: { restore: { s3: { ...bucket, key: 'yesterday.gz' } } } });
    live(world, 12);
    assert.equal(world.theCluster.status?.bootstrap?.restoreFrom?.s3?.key, 'yesterday.gz');
    world.edit({ storage: { ...storage, storageClassName: 'fast' } });
    live(world, 12);
    assert.equal(world.theCluster.status?.phase, 'Ready');
  });

  test('that somebody has written to all the same is left to a person, whoever leads by now', () => {
    const world = worldOf(bare);
    world.setNode(2, true);
    live(world, 8);
    assert.equal(world.theCluster.status?.bootstrap?.phase, 'Started');
    world.damage('test-1');
    const observed = world.observe();
    const [[name, before] = []] = [...observed.reports];
    assert.ok(name !== undefined && before?.configuration !== undefined);
    // The snapshot is of epoch 1, the first leader here was that of epoch 2, and there has been another one.
    const report = {
      ...before,
      serving: true,
      epoch: 3,
      configuration: { ...before.configuration, version: '200000000' },
    };
    const deletions = (lastZxid: string, more: Partial<typeof report> = {}) => {
      const reports = new Map([[name, { ...report, lastZxid, ...more }]]);
      return plan(world, { reports }).steps.filter((step) => step.do === 'delete');
    };
    assert.notDeepEqual(deletions('0x100000005'), [], 'the snapshot has it');
    assert.notDeepEqual(deletions('0x100000005', { serving: false, state: 'looking', epoch: 0 }), []);
    assert.deepEqual(deletions('0x200000001'), []);
    assert.deepEqual(deletions('0x200000001', { serving: false, state: 'looking', epoch: 0 }), []);
    const untold = { ...before.configuration, version: '0' };
    assert.deepEqual(deletions('0x300000001', { configuration: untold }), []);
    assert.notDeepEqual(deletions('0x100000005', { configuration: untold }), []);
  });

  test('wherever the operator dies and whatever is forgotten, it begins once, with what was looked at', () => {
    const happening = fc.oneof(
      fc.nat({ max: 3 }).map((writes) => ({ writes })),
      fc.constantFrom('tick' as const, 'pods are forgotten' as const, 'jobs are forgotten' as const),
      fc.constantFrom<Finding>({ sha256 }, { wrong: 'no such object' }, 'cannot start').map((finding) => ({ finding })),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (life) => {
        const world = worldOf(bare);
        for (const happens of life) {
          if (happens === 'tick') world.tick();
          else if (happens === 'pods are forgotten') world.checks.forgetPods();
          else if (happens === 'jobs are forgotten') world.checks.forgetEnded();
          else if ('writes' in happens) world.reconcile(happens.writes);
          else world.checks.finding = happens.finding;
          const { bootstrap } = world.theCluster.status ?? {};
          assert.ok(bootstrap === undefined || bootstrap.restoreFrom?.sha256 === sha256, 'begun with what was read');
          assert.ok(world.statefulSet === undefined || bootstrap !== undefined, 'nothing is started before');
        }
        world.checks.finding = { sha256 };
        world.checks.forgetEnded();
        live(world, 12);
        assert.equal(world.theCluster.status?.phase, 'Ready');
      }),
    );
  });
});

describe('nothing is started, and a sentence says what to do, where', () => {
  const from = (over: Parameters<typeof backup>[0]) => ({ restoreBackup: backup(over) });
  const cases: readonly [string, object, Partial<Observed>, RegExp][] = [
    [
      'the backup does not exist',
      { backup: { name: 'monday' } },
      {},
      /there is no CoordinationBackup monday .* create it/,
    ],
    [
      'another version of the operator wrote it',
      { backup: { name: 'monday' } },
      { restoreBackupNotUnderstood: 'spec.destination: expected object' },
      /does not understand CoordinationBackup monday \(spec\.destination: .*\): install operator and CRDs/,
    ],
    [
      'it failed',
      { backup: { name: 'monday' } },
      from({ status: { phase: 'Failed' } }),
      /has failed and stored no backup/,
    ],
    [
      'it is being deleted',
      { backup: { name: 'monday' } },
      {
        restoreBackup: {
          ...backup({}),
          metadata: { ...backup({}).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
        },
      },
      /is being deleted: name another one .* or, if its snapshot stays, the bare location/,
    ],
    [
      'it is under way',
      { backup: { name: 'monday' } },
      from({ status: { phase: 'Running' } }),
      /waiting until .* is complete/,
    ],
    [
      'another namespace does not allow it',
      { backup: { name: 'monday', namespace: 'other' } },
      from({ namespace: 'other', annotations: { 'zabkeeper.dev/restorable-in': 'a, b' } }),
      /annotate it with zabkeeper\.dev\/restorable-in=default/,
    ],
    [
      'it does not exist in another namespace, which is told in the same words',
      { backup: { name: 'monday', namespace: 'other' } },
      {},
      /annotate it with zabkeeper\.dev\/restorable-in=default/,
    ],
    [
      'the operator may not look into another namespace',
      { backup: { name: 'monday', namespace: 'other' } },
      { restoreBackupForbidden: true },
      /may not read CoordinationBackup other\/monday.* name the bare location/,
    ],
    [
      'it is on a volume of another namespace',
      { backup: { name: 'monday', namespace: 'other' } },
      from({
        namespace: 'other',
        annotations: { 'zabkeeper.dev/restorable-in': '*' },
        destination: { volume: { claimName: 'disk' } },
      }),
      /no pod of another namespace can mount/,
    ],
    ['the volume does not exist', { volume: { claimName: 'disk', file: 'a.gz' } }, {}, /no PersistentVolumeClaim disk/],
    [
      'one node only can mount the volume',
      { volume: { claimName: 'disk', file: 'a.gz' } },
      { restoreClaim: claim(['ReadWriteOnce']) },
      /3 members cannot mount .* set replicas to 1/,
    ],
  ];
  for (const [what, restore, observed, sentence] of cases) {
    test(what, () => assert.match(accepted(begin(worldOf(restore), observed)), sentence));
  }

  test('and it begins by itself once that is put right', () => {
    const world = worldOf({ backup: { name: 'monday', namespace: 'other' } });
    const annotations = { 'zabkeeper.dev/restorable-in': 'default' };
    const begun = begin(world, { restoreBackup: backup({ namespace: 'other', annotations }) });
    assert.equal(begun.status?.bootstrap?.origin, 'Restored');
    const alone = worldOf({ volume: { claimName: 'disk', file: 'a.gz' } }, { replicas: 1 });
    assert.equal(begin(alone, { restoreClaim: claim(['ReadWriteOnce']) }).status?.bootstrap?.origin, 'Restored');
    const shared = worldOf({ volume: { claimName: 'disk', file: 'a.gz' } });
    assert.equal(begin(shared, { restoreClaim: claim(['ReadWriteMany']) }).status?.bootstrap?.origin, 'Restored');
  });
});

function claim(accessModes: readonly string[]) {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'disk' }, spec: { accessModes } };
}
