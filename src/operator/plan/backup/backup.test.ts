import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseCoordinationCluster } from '../../../api/coordination-cluster.ts';
import { backupLocation } from '../../resources/backup/jobs.ts';
import type { Job } from '../../resources/kubernetes.ts';
import { planBackup } from './backup.ts';
import { FakeBackupWorld, type Fate } from './fake-backup-world.ts';

function live(world: FakeBackupWorld, rounds = 8, fate?: Fate): void {
  for (let round = 0; round < rounds; round++) {
    world.reconcile();
    if (world.backup !== undefined) world.tick(fate);
  }
}

function containerOf(job: Job | undefined) {
  const { containers = [] } = (job?.spec.template.spec ?? {}) as {
    containers?: { image: string; args: string[]; env: { name: string; value?: string; valueFrom?: object }[] }[];
  };
  return containers[0];
}

describe('a backup', () => {
  test('is taken by one Job, and its status says all that matters', () => {
    const world = new FakeBackupWorld();
    live(world);
    const { conditions, ...status } = world.theBackup.status ?? {};
    assert.deepEqual(status, {
      observedGeneration: 1,
      phase: 'Complete',
      startedAt: '2026-01-01T00:00:00.000Z',
      completedAt: '2026-01-01T00:00:10.000Z',
      location: 's3://backups/default/zoo/monday-uid-b.gz',
      zxid: '0x1',
      znodes: 5,
      digest: '0x9',
      sizeBytes: 100,
      sha256: 'ab',
      member: 'zoo-1',
      serverVersion: '1',
    });
    assert.deepEqual(
      conditions?.map(({ type, status: is }) => [type, is]),
      [
        ['Complete', 'True'],
        ['Failed', 'False'],
      ],
    );
    assert.deepEqual(
      world.told.map(({ reason }) => reason),
      ['BackupStarted', 'BackupCompleted'],
    );
  });

  test('its pod knows the members and the super user, and reads secrets itself', () => {
    const s3 = {
      bucket: 'backups',
      prefix: 'a/b',
      region: 'eu-1',
      credentialsSecretRef: { name: 'keys' },
      caBundle: 'PEM',
    };
    const world = new FakeBackupWorld({ destination: { s3 } });
    world.reconcile();
    const container = containerOf(world.observe().job);
    assert.equal(
      container?.args.join(' '),
      '--server zoo-0.zoo-peers.default.svc.cluster.local:8080,zoo-1.zoo-peers.default.svc.cluster.local:8080 --timeout 60 backup ' +
        's3://backups/a/b/default/zoo/monday-uid-b.gz --resume --wait 3600 --result-file /dev/termination-log --s3-region eu-1',
    );
    assert.deepEqual(
      container.env.map(({ name, value }) => value ?? name),
      [
        'SUPER_PASSWORD',
        'digest:super:$(SUPER_PASSWORD)',
        'AWS_ACCESS_KEY_ID',
        'AWS_SECRET_ACCESS_KEY',
        'AWS_SESSION_TOKEN',
        'PEM',
      ],
    );
  });

  test('nothing that a manifest says is taken for the name of a secret that its pod has', () => {
    const world = new FakeBackupWorld({
      destination: { s3: { bucket: 'backups', endpoint: 'http://$(SUPER_PASSWORD).example' } },
    });
    world.reconcile();
    const args = containerOf(world.observe().job)?.args ?? [];
    // Kubernetes makes one $ of two, and does nothing else to what is behind them.
    assert.equal(args[args.indexOf('--s3-endpoint') + 1], 'http://$$(SUPER_PASSWORD).example');
  });

  test('waits until the cluster serves, and says so', () => {
    const world = new FakeBackupWorld();
    world.clusterServes = false;
    live(world);
    assert.equal(world.theBackup.status?.phase, 'Pending');
    assert.match(world.condition, /zoo does not serve: no quorum/);
    assert.equal(world.told.length, 1, 'told once');
    world.clusterServes = true;
    live(world);
    assert.equal(world.theBackup.status.phase, 'Complete');
  });

  test('of a cluster that this version does not understand says so, and what would help; one that is there can be removed', () => {
    const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
    world.clusterNotUnderstood = 'spec.replicas: expected number';
    live(world);
    assert.equal(world.theBackup.status?.phase, 'Pending');
    assert.match(
      world.condition,
      /does not understand zoo \(spec\.replicas: expected number\): install operator and CRDs/,
    );
    assert.deepEqual(
      world.told.map(({ type, reason }) => `${type} ${reason}`),
      ['Warning ClusterNotUnderstood'],
    );
    world.clusterNotUnderstood = undefined;
    live(world);
    assert.equal(world.theBackup.status.phase, 'Complete');
    world.clusterNotUnderstood = 'spec.replicas: expected number';
    world.delete();
    live(world);
    assert.deepEqual([world.backup, world.stored.present], [undefined, false]);
  });

  test('is tried again, and given up in the end with what went wrong', () => {
    const world = new FakeBackupWorld();
    live(world, 2, 'fails');
    world.reconcile();
    assert.equal(world.theBackup.status?.phase, 'Running');
    assert.match(world.condition, /^2 attempts failed; ZK_BACKUP_FAILED: no answer; it is tried again$/);
    live(world, 8, 'fails');
    assert.equal(world.theBackup.status.phase, 'Failed');
    assert.match(
      world.condition,
      /5 attempts failed; ZK_BACKUP_FAILED: no answer; what was stored, if anything, is no backup; .* make another/,
    );
    assert.equal(world.theBackup.status.conditions?.find(({ type }) => type === 'Failed')?.status, 'True');
    live(world);
    assert.equal(world.theBackup.status.phase, 'Failed', 'for good');
  });

  test('whose pod cannot start says what would help, once, and goes on by itself', () => {
    const world = new FakeBackupWorld();
    live(world, 4, 'cannot start');
    assert.equal(world.theBackup.status?.phase, 'Running');
    assert.match(world.condition, /^CreateContainerConfigError \(secret "keys" not found\): make the Secret/);
    live(world);
    assert.equal(world.theBackup.status.phase, 'Complete');
    assert.deepEqual(
      world.told.map(({ type, reason }) => `${type} ${reason}`),
      ['Normal BackupStarted', 'Warning PodCannotStart', 'Normal BackupCompleted'],
    );
  });

  test('is given up at its deadline, with what its pod waited for', () => {
    const world = new FakeBackupWorld({ activeDeadlineSeconds: 60 });
    live(world, 3, 'cannot start');
    assert.equal(world.observe().job?.spec.activeDeadlineSeconds, 60);
    world.passDeadline();
    world.reconcile();
    assert.equal(world.theBackup.status?.phase, 'Failed');
    assert.match(
      world.condition,
      /^not complete within activeDeadlineSeconds \(60 s\); Create.* "keys" not found.*; put right .* make another/,
    );
    assert.deepEqual(world.told.at(-1)?.reason, 'BackupFailed');
  });

  test('whose pod cannot start is begun anew as the cluster says, where that says something else by now', () => {
    const world = new FakeBackupWorld();
    live(world, 3, 'cannot start');
    const { job } = world.observe();
    world.clusterImage = 'zabkeeper:corrected';
    world.reconcile();
    assert.equal(world.observe().job, undefined);
    world.reconcile();
    assert.notEqual(world.observe().job?.metadata.uid, job?.metadata.uid);
    assert.equal(containerOf(world.observe().job)?.image, 'zabkeeper:corrected');
    live(world);
    assert.equal(world.theBackup.status?.phase, 'Complete');
  });

  test('whose pod Kubernetes does not make says why', () => {
    const world = new FakeBackupWorld();
    world.reconcile();
    const observed = { ...world.observe(), refusal: 'forbidden: exceeded quota' };
    const { status } = planBackup(world.theBackup, observed, { defaultImage: 'zabkeeper:test' });
    assert.equal(status?.conditions?.[0]?.message, 'no pod can be made: forbidden: exceeded quota');
  });

  test('its pod runs as the ServiceAccount that the manifest names', () => {
    const s3 = { bucket: 'backups', serviceAccountName: 'writer' };
    const world = new FakeBackupWorld({ destination: { s3 } });
    world.reconcile();
    assert.equal(world.observe().job?.spec.template.spec['serviceAccountName'], 'writer');
  });

  test('that was through before anybody looked is told from its beginning', () => {
    const world = new FakeBackupWorld();
    // The finalizer, and the Job.
    world.reconcile(2);
    assert.equal(world.theBackup.status, undefined);
    live(world);
    assert.deepEqual(
      world.told.map(({ reason }) => reason),
      ['BackupStarted', 'BackupCompleted'],
    );
  });

  test('that was told of and then its result is lost, all before anybody looked, has one beginning', () => {
    const world = new FakeBackupWorld();
    // The finalizer, the Job, and the Event.
    world.reconcile(3);
    world.tick();
    world.forgetPods();
    live(world);
    assert.deepEqual(
      world.told.map(({ reason }) => reason),
      ['BackupStarted', 'BackupGoesOn', 'BackupCompleted'],
    );
  });

  test('whose result is lost is looked at again, and not taken again', () => {
    const world = new FakeBackupWorld();
    world.reconcile();
    world.tick();
    world.forgetPods();
    live(world);
    assert.equal(world.theBackup.status?.phase, 'Complete');
    assert.equal(world.stored.count, 1);
  });

  test('is as old as what it stored, whichever Job has looked at that: retention and alerts go by it', () => {
    for (const forget of ['forgetPods', 'forgetJobs'] as const) {
      const world = new FakeBackupWorld();
      world.reconcile();
      world.tick();
      world[forget]();
      live(world);
      const { phase, startedAt } = world.theBackup.status ?? {};
      assert.deepEqual([phase, world.stored.count, startedAt], ['Complete', 1, '2026-01-01T00:00:00.000Z'], forget);
    }
  });
});

describe('deleted', () => {
  test('it takes what it stored along where the manifest says so', () => {
    const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
    live(world);
    world.delete();
    live(world);
    assert.equal(world.backup, undefined);
    assert.equal(world.stored.present, false);
    assert.deepEqual(world.told.at(-1)?.reason, 'SnapshotRemoved');
  });

  test('it takes it along too where nobody had recorded yet that it was begun, and wherever the operator dies then', () => {
    for (let recorded = 0; recorded < 5; recorded++) {
      for (let removed = 0; removed < 5; removed++) {
        const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
        world.reconcile(recorded);
        world.tick();
        world.delete();
        world.reconcile(removed);
        live(world);
        assert.equal(world.backup, undefined);
        assert.equal(world.stored.present, false, `died after ${recorded} and ${removed} writes`);
      }
    }
  });

  test('it leaves it there otherwise, and says where', () => {
    const world = new FakeBackupWorld();
    live(world);
    world.delete();
    live(world);
    assert.equal(world.backup, undefined);
    assert.equal(world.stored.present, true);
    assert.match(world.told.at(-1)?.message ?? '', /^Kept s3:\/\/backups\//);
  });

  test('while a cluster is being formed with what it stored, that stays, and the status says until when', () => {
    const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
    live(world);
    const latch = { phase: 'Started', id: 'uid-d', origin: 'Restored', replicas: 3, startedAt: '2026-01-01T00:00:00Z' };
    const cluster = (phase: string) =>
      parseCoordinationCluster({
        apiVersion: 'zabkeeper.dev/v1alpha1',
        kind: 'CoordinationCluster',
        metadata: { name: 'copy', namespace: 'other', uid: 'uid-d' },
        spec: {},
        status: { bootstrap: { ...latch, phase, restoreFrom: backupLocation(world.theBackup) } },
      });
    world.restoring = [cluster('Started')];
    world.delete();
    live(world);
    assert.equal(world.stored.present, true);
    assert.match(
      world.condition,
      /stays for now: CoordinationCluster other\/copy begins with it: wait until that is formed, delete it, or set deletionPolicy/,
    );
    assert.equal(world.told.filter(({ reason }) => reason === 'StillNeeded').length, 1);
    world.restoring = undefined;
    live(world);
    assert.equal(world.stored.present, true);
    assert.match(world.condition, /does not understand: install operator and CRDs of the same version$/);
    world.restoring = [cluster('Completed')];
    live(world);
    assert.equal(world.stored.present, false);
    assert.equal(world.backup, undefined);
  });

  test('while the pod that removes it cannot start it says why, and the way out', () => {
    const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
    live(world);
    world.delete();
    live(world, 4, 'cannot start');
    assert.match(world.condition, /cannot be removed yet: .* make the Secret.*; or set deletionPolicy to Retain/);
    live(world);
    assert.equal(world.backup, undefined);
  });

  test('while what it stored cannot be removed it stays, and says the ways out', () => {
    const world = new FakeBackupWorld({ deletionPolicy: 'Delete' });
    live(world);
    world.delete();
    live(world, 9, 'fails');
    assert.equal(world.theBackup.status?.phase, 'Deleting');
    assert.match(
      world.condition,
      /could not be removed: .* delete the Job remove-uid-b to try again, or set deletionPolicy to Retain/,
    );
    world.backup = { ...world.theBackup, spec: { ...world.theBackup.spec, deletionPolicy: 'Retain' } };
    world.reconcile();
    assert.equal(world.backup, undefined);
  });
});

test('whatever happens and wherever the operator dies: taken once, complete only where it is stored, and it ends, each told once', () => {
  const happening = fc.oneof(
    fc.nat({ max: 4 }).map((writes) => ({ what: 'operator dies after', writes })),
    fc
      .constantFrom<Fate>('succeeds', 'fails', 'stores and is killed', 'cannot start')
      .map((fate) => ({ what: 'attempt', fate })),
    fc.constantFrom({ what: 'pods are forgotten' }, { what: 'jobs are forgotten' }, { what: 'look' }),
    fc.boolean().map((serves) => ({ what: 'cluster serves', serves })),
  );
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom('Delete', 'Retain'),
      (life, isDeleted, deletionPolicy) => {
        const world = new FakeBackupWorld({ deletionPolicy });
        const check = () => {
          assert.ok(world.stored.count <= 1, 'taken once');
          const { phase } = world.theBackup.status ?? {};
          assert.ok(phase !== 'Complete' || world.stored.present, 'complete only where it is stored');
        };
        for (const happens of life) {
          if ('writes' in happens) world.reconcile(happens.writes);
          if ('fate' in happens) world.tick(happens.fate);
          if ('serves' in happens) world.clusterServes = happens.serves;
          if (happens.what === 'pods are forgotten') world.forgetPods();
          if (happens.what === 'jobs are forgotten') world.forgetJobs();
          if (happens.what === 'look') world.reconcile();
          check();
        }
        world.clusterServes = true;
        live(world, 12);
        assert.match(world.theBackup.status?.phase ?? '', /^(Complete|Failed)$/);
        const told = world.told.map(({ reason }) => reason);
        const [beginnings, ends] = [/^BackupStarted$/, /^Backup(Completed|Failed)$/].map(
          (reason) => told.filter((one) => reason.test(one)).length,
        );
        assert.ok(beginnings !== 0 && ends !== 0, told.join(', '));
        // What Kubernetes has forgotten before it was recorded comes once more.
        if (!life.some(({ what }) => what.endsWith('are forgotten')))
          assert.deepEqual([beginnings, ends], [1, 1], told.join(', '));
        if (!isDeleted) return;
        world.delete();
        live(world, 8);
        assert.equal(world.backup, undefined);
        if (deletionPolicy === 'Delete') assert.equal(world.stored.present, false);
      },
    ),
    { numRuns: 300 },
  );
});
