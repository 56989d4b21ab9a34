import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseCoordinationBackup, type CoordinationBackup } from '../../../api/coordination-backup.ts';
import {
  parseCoordinationBackupSchedule,
  type CoordinationBackupSchedule,
} from '../../../api/coordination-backup-schedule.ts';
import { parseCoordinationCluster, type CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { backupLocation } from '../../resources/backup/jobs.ts';
import { RESTORABLE_ANNOTATION } from '../../resources/names.ts';
import { superfluous } from './retention.ts';
import { planSchedule } from './schedule.ts';

const MINUTE_MS = 60_000;

function time(minutes: number, seconds = 0): string {
  return new Date(Date.parse('2026-03-01T00:00:00Z') + minutes * MINUTE_MS + seconds * 1000).toISOString();
}

function schedule(spec: object = {}): CoordinationBackupSchedule {
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationBackupSchedule',
    metadata: { name: 'nightly', namespace: 'default', uid: 'uid-s', creationTimestamp: time(0), generation: 1 },
    spec: {
      schedule: '*/10 * * * *',
      backupTemplate: { clusterRef: { name: 'zoo' }, destination: { s3: { bucket: 'backups' } } },
      ...spec,
    },
  };
  return parseCoordinationBackupSchedule(object);
}

/** A backup of a schedule that ended at a minute. */
function ended(
  name: string,
  minute: number,
  phase: 'Complete' | 'Failed' | 'Running' | 'Pending' = 'Complete',
  cluster = 'zoo',
): CoordinationBackup {
  const status = { phase, startedAt: time(minute), ...(phase === 'Complete' ? { completedAt: time(minute) } : {}) };
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, creationTimestamp: time(minute) };
  const spec = { clusterRef: { name: cluster }, destination: { s3: { bucket: 'backups' } } };
  const object = { apiVersion: 'zabkeeper.dev/v1alpha1', kind: 'CoordinationBackup', metadata, spec, status };
  return parseCoordinationBackup(object);
}

/** A cluster that begins with a snapshot. */
function restoring(namespace: string, restore: object, status: object = {}): CoordinationCluster {
  return parseCoordinationCluster({
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationCluster',
    metadata: { name: 'copy', namespace, uid: 'uid-c' },
    spec: { bootstrap: { restore } },
    status,
  });
}

/** Every ten minutes. */
function timesAt(now: string): { due: string; next: string } {
  const due = Math.floor(Date.parse(now) / (10 * MINUTE_MS)) * 10 * MINUTE_MS;
  return { due: new Date(due).toISOString(), next: new Date(due + 10 * MINUTE_MS).toISOString() };
}

function plan(
  of: CoordinationBackupSchedule,
  now: string,
  backups: readonly CoordinationBackup[] = [],
  restoring: readonly CoordinationCluster[] | undefined = [],
  notUnderstood: readonly string[] = [],
) {
  return planSchedule(of, { now, times: timesAt(now), backups, notUnderstood, restoring });
}

const NOTHING = { backups: [], notUnderstood: [], restoring: [] };

function begun({ steps }: ReturnType<typeof plan>): string[] {
  return steps.flatMap((step) => (step.do === 'create' ? [step.object.metadata.name] : []));
}

describe('a schedule', () => {
  test('begins the backup that is due, under the name of its time, and looks again for the next one', () => {
    const made = plan(schedule(), time(10, 3));
    assert.deepEqual(begun(made), ['nightly-202603010010']);
    assert.equal(made.status?.lastScheduleTime, time(10));
    assert.equal(made.status.nextScheduleTime, time(20));
    assert.ok(made.requeueAfterMs !== undefined && made.requeueAfterMs > 590_000 && made.requeueAfterMs < 600_000);
  });

  test('whose backup is refused says so, and that time is still to be decided about', () => {
    const { refused } = plan(schedule(), time(10, 3));
    const status = refused?.('creating it was refused: exceeded quota') ?? {};
    const { reason, message } = status.conditions?.find(({ type }) => type === 'Active') ?? {};
    assert.deepEqual(
      [reason, message],
      ['StepRefused', 'creating it was refused: exceeded quota; put that right, and it goes on by itself'],
    );
    assert.deepEqual(begun(plan({ ...schedule(), status }, time(10, 20))), ['nightly-202603010010']);
  });

  test('begins none for the time before it was made, and none twice', () => {
    assert.deepEqual(begun(plan(schedule(), time(5))), []);
    const after = { ...schedule(), status: plan(schedule(), time(10, 1)).status ?? {} };
    assert.deepEqual(begun(plan(after, time(10, 2))), []);
  });

  test('makes up for one missed run at most, and for none that is too late', () => {
    assert.deepEqual(begun(plan(schedule(), time(95))), ['nightly-202603010130']);
    const late = plan(schedule({ startingDeadlineSeconds: 60 }), time(95));
    assert.deepEqual(begun(late), []);
    assert.match(late.events[0]?.message ?? '', /was missed by more than startingDeadlineSeconds \(60 s\)/);
    assert.equal(late.status?.lastScheduleTime, time(90), 'decided once');
    const again = plan(schedule({ startingDeadlineSeconds: 60 }), time(96));
    assert.deepEqual(again.events, late.events, 'the same Event, if it was not recorded');
  });

  test('begins none while it is suspended, and makes up for none of that time', () => {
    const suspended = plan(schedule({ suspend: true }), time(10, 1));
    assert.deepEqual(begun(suspended), []);
    const woken = { ...schedule(), status: suspended.status ?? {} };
    assert.deepEqual(begun(plan(woken, time(11))), []);
    assert.deepEqual(begun(plan(woken, time(20))), ['nightly-202603010020']);
  });

  test('whose schedule or time zone is edited makes up for no time before that, and for every one after it', () => {
    const before = { ...schedule(), status: plan(schedule(), time(10, 1)).status ?? {} };
    const { inForce } = before.status;
    assert.deepEqual(inForce, { schedule: '*/10 * * * *', timeZone: 'Etc/UTC', since: time(0) });
    for (const edit of [{ schedule: '*/5 * * * *' }, { timeZone: 'Asia/Kathmandu' }]) {
      const edited = { ...before, spec: { ...before.spec, ...edit } };
      // As the schedule is now, there was a time between the last backup and the edit.
      const times = { due: time(15), next: time(20) };
      const { steps, events, status = {} } = planSchedule(edited, { ...NOTHING, now: time(17), times });
      assert.deepEqual([steps, events], [[], []]);
      assert.deepEqual(status.inForce, { ...inForce, ...edit, since: time(17) });
      assert.deepEqual(begun(plan({ ...edited, status }, time(21))), ['nightly-202603010020']);
    }
    const otherwise = { ...before, spec: { ...before.spec, startingDeadlineSeconds: 60 } };
    assert.deepEqual(begun(plan(otherwise, time(20))), ['nightly-202603010020']);
  });

  test('goes on at once when a clock that was in the future is right again', () => {
    const wrong = plan(schedule(), time(100_000));
    assert.deepEqual(begun(wrong).length, 1);
    const { steps, status = {} } = plan({ ...schedule(), status: wrong.status ?? {} }, time(12));
    assert.deepEqual(steps, [], 'the time before was decided about, or was missed');
    assert.deepEqual([status.lastScheduleTime, status.nextScheduleTime], [time(10), time(20)]);
    assert.deepEqual(begun(plan({ ...schedule(), status }, time(20))), ['nightly-202603010020']);
    const early = { ...schedule(), status: plan(schedule(), time(20)).status ?? {} };
    assert.deepEqual(begun(plan(early, time(19, 58))), []);
    assert.deepEqual(begun(plan(early, time(20))), [], 'not twice, where the clocks of two operators differ a little');
    const edited = { schedule: '*/10 * * * *', timeZone: 'Etc/UTC', since: time(100_000) };
    const { status: mended } = plan({ ...schedule(), status: { inForce: edited } }, time(12));
    assert.equal(mended?.inForce?.since, time(12));
  });

  test('deleted, begins nothing and deletes nothing', () => {
    const { metadata, ...rest } = schedule({ retention: { maxCount: 1 } });
    const deleted = { ...rest, metadata: { ...metadata, deletionTimestamp: time(9) } };
    assert.deepEqual(plan(deleted, time(10), [ended('a', 1), ended('b', 2)]), { steps: [], events: [] });
  });

  test('leaves one out while another is under way, unless it may not', () => {
    const running = [ended('nightly-202603010000', 1, 'Running')];
    const forbidden = plan(schedule(), time(10), running);
    assert.deepEqual(begun(forbidden), []);
    assert.match(forbidden.events[0]?.message ?? '', /nightly-202603010000 is still under way/);
    assert.deepEqual(begun(plan(schedule({ concurrencyPolicy: 'Allow' }), time(10), running)), [
      'nightly-202603010010',
    ]);
    const ofAnother = [ended('nightly-202603010000', 1, 'Pending', 'gone')];
    assert.deepEqual(begun(plan(schedule(), time(10), ofAnother)), ['nightly-202603010010']);
  });

  test('goes on with the retention while it is suspended, and names the newest backup', () => {
    const backups = [ended('a', 1), ended('b', 3), ended('c', 2), ended('d', 4, 'Failed')];
    const { steps, status } = plan(schedule({ suspend: true, retention: { maxCount: 1 } }), time(15), backups);
    assert.deepEqual(
      steps.map((step) => step.do === 'delete' && step.name),
      ['c', 'a'],
    );
    assert.deepEqual([status?.lastBackup, status?.lastSuccessfulTime, status?.backups], ['b', time(3), 4]);
    assert.equal(status?.nextScheduleTime, undefined);
  });

  test('records what a life before it has begun, however that fares by now, and says nothing else of it', () => {
    for (const phase of ['Running', 'Complete', 'Failed'] as const) {
      const made = [ended('nightly-202603010010', 10, phase)];
      for (const concurrencyPolicy of ['Forbid', 'Allow']) {
        const again = plan(schedule({ concurrencyPolicy }), time(10, 5), made);
        assert.deepEqual(again.steps, []);
        assert.deepEqual(
          again.events.map(({ reason }) => reason),
          ['BackupBegun'],
        );
        assert.equal(again.status?.lastScheduleTime, time(10));
      }
    }
  });

  test('says what cannot be understood', () => {
    const { steps, status } = planSchedule(schedule(), { ...NOTHING, now: time(1), times: 'no such zone' });
    assert.deepEqual(steps, []);
    assert.equal(status?.conditions?.[0]?.message, 'no such zone');
    const before = plan(schedule(), time(10)).status ?? {};
    const edited = { ...schedule(), status: before };
    const { status: kept } = planSchedule(edited, { ...NOTHING, now: time(11), times: 'no such zone' });
    const { lastScheduleTime, inForce } = before;
    assert.deepEqual(
      [kept?.lastScheduleTime, kept?.inForce, kept?.nextScheduleTime],
      [lastScheduleTime, inForce, undefined],
    );
  });
});

/** A schedule, and operators that look at it, each with a clock of its own, and die after so many of their writes. */
class ScheduleLife {
  readonly made = new Map<string, CoordinationBackup>();
  minute = 0;
  #schedule = schedule();

  /** @param aheadMinutes By how much the operator's clock is wrong. */
  look(writesMax = Infinity, aheadMinutes = 0): void {
    const { steps, status } = plan(this.#schedule, time(this.minute + aheadMinutes), [...this.made.values()]);
    let writes = 0;
    for (const step of steps) {
      if (writes++ >= writesMax) return;
      if (step.do !== 'create') continue;
      const { name } = step.object.metadata;
      assert.ok(!this.made.has(name), `${name} is made once`);
      this.made.set(name, ended(name, this.minute));
    }
    if (writes < writesMax && status !== undefined) this.#schedule = { ...this.#schedule, status };
  }

  hasBackupOf(minute: number): boolean {
    return this.made.has(`nightly-${time(minute).slice(0, 16).replaceAll(/[-T:]/g, '')}`);
  }
}

test('however often the operator dies, each time has one backup at most, and the last one always has', () => {
  const happening = fc.record({ minutes: fc.integer({ min: 0, max: 25 }), writes: fc.nat({ max: 2 }) });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
      const life = new ScheduleLife();
      for (const { minutes, writes } of happenings) {
        life.minute += minutes;
        life.look(writes);
      }
      life.look();
      const due = Math.floor(life.minute / 10) * 10;
      if (due > 0) assert.ok(life.hasBackupOf(due));
      life.look();
      assert.ok(life.made.size <= Math.floor(life.minute / 10));
    }),
  );
});

test('however wrong clocks were, each time has one backup at most, and with a right one the next one has', () => {
  const happening = fc.record({
    minutes: fc.integer({ min: 0, max: 25 }),
    writes: fc.nat({ max: 2 }),
    ahead: fc.oneof(fc.constant(0), fc.integer({ min: -30, max: 30 }), fc.integer({ min: -100_000, max: 100_000 })),
  });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
      const life = new ScheduleLife();
      for (const { minutes, writes, ahead } of happenings) {
        life.minute += minutes;
        life.look(writes, ahead);
      }
      life.look();
      const next = (Math.floor(life.minute / 10) + 1) * 10;
      life.minute = next;
      life.look();
      assert.ok(life.hasBackupOf(next));
    }),
  );
});

describe('retention', () => {
  test('of backups that clusters begin with waits until those are formed, and the status says for whom', () => {
    const of = schedule({ retention: { maxCount: 1 } });
    const [old, newest] = [ended('b0', 0), ended('b1', 1)];
    const allowed = { ...old, metadata: { ...old.metadata, annotations: { [RESTORABLE_ANNOTATION]: 'other' } } };
    const location = backupLocation(old);
    const fresh = { phase: 'Started', id: 'uid-c', origin: 'Restored', replicas: 3, startedAt: time(1) };
    const started = { ...fresh, restoreFrom: location };
    const kept = (backup: CoordinationBackup, cluster: CoordinationCluster): string => {
      const { steps, status } = plan(of, time(5), [backup, newest], [cluster]);
      const { message = '' } = status?.conditions?.find(({ type }) => type === 'Active') ?? {};
      assert.equal(steps.length === 0, message.includes('is kept'), message);
      return message;
    };
    const byName = { backup: { name: 'b0', namespace: 'default' } };
    assert.match(
      kept(old, restoring('default', { backup: { name: 'b0' } })),
      /^backups are begun as the schedule says; b0 is kept until CoordinationCluster default\/copy is formed with it$/,
    );
    for (const [backup, cluster] of [
      [old, restoring('default', location)],
      [old, restoring('other', location)],
      [allowed, restoring('other', byName)],
      [old, restoring('other', byName, { bootstrap: started })],
      // Of a manifest that names another one by now.
      [old, restoring('other', { backup: { name: 'b1' } }, { bootstrap: started })],
      // Of a manifest that names this one by now, while what was begun with something else is taken back.
      [old, restoring('default', byName, { bootstrap: fresh })],
    ] as const) {
      assert.match(kept(backup, cluster), /b0 is kept until/);
    }
    for (const cluster of [
      restoring('default', { backup: { name: 'b1' } }),
      restoring('other', { backup: { name: 'b0' } }),
      // It may not.
      restoring('other', byName),
      restoring('default', byName, { bootstrap: { ...started, phase: 'Completed' } }),
      restoring('default', byName, { bootstrap: { ...fresh, phase: 'Completed' } }),
      { ...restoring('default', byName), metadata: { name: 'copy', namespace: 'default', deletionTimestamp: time(2) } },
    ]) {
      assert.match(kept(old, cluster), /schedule says$/);
    }
  });

  test('of backups on a volume goes by the claims of their own namespace', () => {
    const of = schedule({ retention: { maxCount: 1 } });
    const destination = { volume: { claimName: 'backups' } };
    const [b0, newest] = [ended('b0', 0), ended('b1', 1)];
    const old = { ...b0, spec: { ...b0.spec, destination } };
    const expired = (namespace: string): number =>
      plan(of, time(5), [old, newest], [restoring(namespace, backupLocation(old))]).steps.length;
    assert.deepEqual([expired('default'), expired('other')], [0, 1]);
  });

  test('deletes nothing as long as nobody can tell who begins with it', () => {
    const of = schedule({ retention: { maxCount: 1 } });
    const observed = { ...NOTHING, now: time(5), times: timesAt(time(5)), backups: [ended('b0', 0), ended('b1', 1)] };
    const { steps, status } = planSchedule(of, { ...observed, restoring: undefined });
    assert.deepEqual(steps, []);
    assert.match(status?.conditions?.[0]?.message ?? '', /no backup is deleted: .*: install operator and CRDs of the/);
  });

  test('lets those be that this version of the operator does not understand: in no way, told, not begun again', () => {
    const of = schedule({ retention: { maxCount: 1 } });
    const backups = [ended('b0', 0), ended('b1', 1)];
    const next = plan(of, time(10, 3), backups, [], ['strange']);
    assert.deepEqual(begun(next), ['nightly-202603010010']);
    assert.deepEqual(
      next.steps.flatMap((step) => (step.do === 'delete' ? [step.name] : [])),
      ['b0'],
    );
    assert.equal(next.status?.backups, 3);
    assert.match(
      next.status.conditions?.[0]?.message ?? '',
      /; strange is left as it is: .* install operator and CRDs of the same version$/,
    );
    assert.deepEqual(begun(plan(of, time(10, 3), backups, [], ['nightly-202603010010'])), []);
  });

  const names = (backups: readonly CoordinationBackup[]) => backups.map(({ metadata }) => metadata.name);
  const five = [0, 1, 2, 3, 4].map((minute) => ended(`b${minute}`, minute));

  test('keeps the newest ones', () => {
    assert.deepEqual(names(superfluous({ maxCount: 2 }, five, time(9))), ['b2', 'b1', 'b0']);
    assert.deepEqual(names(superfluous(undefined, five, time(9))), []);
  });

  test('by their age, but for the newest complete one', () => {
    assert.deepEqual(names(superfluous({ maxAge: '1h' }, five, time(62))), ['b1', 'b0']);
    assert.deepEqual(names(superfluous({ maxAge: '1h' }, five, time(10_000))), ['b3', 'b2', 'b1', 'b0']);
  });

  test('counts only what is complete, deletes nothing that is under way, and keeps a few that failed', () => {
    const failed = [5, 6, 7, 8, 9].map((minute) => ended(`f${minute}`, minute, 'Failed'));
    const all = [...five, ...failed, ended('r', 0, 'Running')];
    assert.deepEqual(names(superfluous({ maxCount: 1 }, all, time(10))), ['b3', 'b2', 'b1', 'b0', 'f6', 'f5']);
  });

  test('together: whatever is too many or too old goes', () => {
    assert.deepEqual(names(superfluous({ maxCount: 3, maxAge: '1h' }, five, time(62))), ['b1', 'b0']);
    assert.deepEqual(names(superfluous({ maxCount: 1, maxAge: '1h' }, five, time(62))), ['b3', 'b2', 'b1', 'b0']);
  });

  test('goes by what the API server says of the beginning: no clock of an operator makes a backup the newest for years', () => {
    const [b0, b1] = [ended('b0', 0), ended('b1', 1)];
    const wrong = { ...b0, status: { ...b0.status, completedAt: time(10_000_000) } };
    assert.deepEqual(names(superfluous({ maxCount: 1 }, [wrong, b1], time(9))), ['b0']);
  });

  test('never deletes the last good one of any cluster', () => {
    const phases = fc.constantFrom('Complete' as const, 'Failed' as const, 'Running' as const);
    const clusters = ['zoo', 'another'];
    const backups = fc
      .array(fc.tuple(fc.nat({ max: 100_000 }), phases, fc.constantFrom(...clusters)), { maxLength: 20 })
      .map((list) => list.map(([minute, phase, cluster], index) => ended(`b${index}`, minute, phase, cluster)));
    const retention = fc.record({
      maxCount: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      maxAge: fc.option(fc.constantFrom('1h', '3d', '2w'), { nil: undefined }),
    });
    fc.assert(
      fc.property(backups, retention, (list, rule) => {
        const doomed = new Set(superfluous(rule, list, time(100_000)));
        for (const cluster of clusters) {
          const complete = list.filter(
            ({ status, spec }) => status?.phase === 'Complete' && spec.clusterRef.name === cluster,
          );
          const newest = Math.max(...complete.map(({ status }) => Date.parse(status?.completedAt ?? '')));
          const kept = complete.filter((one) => !doomed.has(one));
          if (complete.length > 0)
            assert.ok(kept.some(({ status }) => Date.parse(status?.completedAt ?? '') === newest));
          assert.ok(kept.length <= (rule.maxCount ?? Infinity));
        }
        assert.ok([...doomed].every(({ status }) => status?.phase !== 'Running'));
      }),
    );
  });
});
