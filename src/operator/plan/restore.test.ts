import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCoordinationBackup } from '../../api/coordination-backup.ts';
import { RESTORE_CONTAINER } from '../resources/backup/restore.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
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

function begin(world: FakeWorld, more: Partial<Observed> = {}) {
  return planCluster(world.theCluster, { ...world.observe(), ...more }, { defaultImage: 'zabkeeper:test' });
}

function accepted(plan: ReturnType<typeof begin>): string {
  assert.equal(plan.status?.bootstrap, undefined);
  assert.deepEqual(plan.steps, [], 'nothing is started');
  assert.ok(plan.events.some(({ type, reason }) => type === 'Warning' && reason === 'RestoreRefused'));
  return plan.status?.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '';
}

describe('a cluster that begins with a snapshot', () => {
  const location = { s3: { ...bucket, key: 'default/zoo/today.gz' }, sha256 };

  function live(world: FakeWorld, rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      world.reconcile();
      world.tick();
    }
  }

  test('starts its members behind a restore, and votes only for what they restored', () => {
    const world = worldOf(location);
    live(world, 2);
    const template = world.statefulSet?.spec.template.spec;
    const [restore] = template?.initContainers ?? [];
    assert.equal(restore?.name, RESTORE_CONTAINER);
    assert.equal(
      restore.args.join(' '),
      `restore s3://backups/default/zoo/today.gz /data --if-empty --sha256 ${sha256} --s3-endpoint http://s3:7070`,
    );
    assert.ok(!template?.containers[0]?.args.includes(INITIALIZE_FLAG));
    live(world, 6);
    assert.equal(world.theCluster.status?.phase, 'Ready');
    const { phase, origin, restoreFrom } = world.theCluster.status.bootstrap ?? {};
    assert.deepEqual([phase, origin, restoreFrom], ['Completed', 'Restored', location]);
    assert.deepEqual(
      [...world.disks.values()].map(({ newest }) => newest),
      [5, 5, 5],
    );
  });

  test('never restores again: a volume that is lost later is filled by the other members', () => {
    const world = worldOf(location);
    live(world, 8);
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

  test('keeps to its file, whatever becomes of the backup after that', () => {
    const world = worldOf({ backup: { name: 'monday' } });
    const plan = begin(world, { restoreBackup: backup() });
    const from = plan.status?.bootstrap?.restoreFrom;
    assert.deepEqual(from, { s3: { ...bucket, key: 'default/zoo/monday-uid-7.gz' }, sha256 });
    assert.match(plan.events[0]?.message ?? '', /from s3:\/\/backups\/default\/zoo\/monday-uid-7\.gz/);
  });

  test('goes over no volumes that are there', () => {
    const world = worldOf(location);
    live(world, 8);
    world.delete();
    world.reconcile();
    world.create({ bootstrap: { restore: location } });
    assert.match(
      accepted(begin(world)),
      /restoring never replaces data: delete the volumes .* or take bootstrap\.restore out/,
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
      'it failed',
      { backup: { name: 'monday' } },
      from({ status: { phase: 'Failed' } }),
      /has failed and stored nothing/,
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
    const plan = begin(world, { restoreBackup: backup({ namespace: 'other', annotations }) });
    assert.equal(plan.status?.bootstrap?.origin, 'Restored');
    const alone = worldOf({ volume: { claimName: 'disk', file: 'a.gz' } }, { replicas: 1 });
    assert.equal(begin(alone, { restoreClaim: claim(['ReadWriteOnce']) }).status?.bootstrap?.origin, 'Restored');
    const shared = worldOf({ volume: { claimName: 'disk', file: 'a.gz' } });
    assert.equal(begin(shared, { restoreClaim: claim(['ReadWriteMany']) }).status?.bootstrap?.origin, 'Restored');
  });
});

function claim(accessModes: readonly string[]) {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'disk' }, spec: { accessModes } };
}
