import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../resources/kubernetes.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import { condition, conditionOf, live, readyWorld } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';
import type { Plan } from './model.ts';
import { planCluster } from './plan.ts';

function applied(plan: Plan): string[] {
  return plan.steps.map((step) => {
    if (step.do !== 'apply') return step.do;
    // The rest of its name is made from its content.
    return `${step.kind} ${step.object.metadata.name.replace(/^test-config-[0-9a-f]{16}$/, 'test-config')}`;
  });
}

function initializes(world: FakeWorld): boolean {
  return world.statefulSet?.spec.template.spec.containers[0]?.args.includes(INITIALIZE_FLAG) ?? false;
}

describe('bootstrap', () => {
  test('latches its start before anything exists, its end before clients are let in', () => {
    const world = new FakeWorld();
    assert.deepEqual(applied(world.plan()), ['setFinalizers']);
    world.reconcile();
    assert.equal(world.theCluster.status?.bootstrap?.phase, 'Started');
    assert.equal(world.theCluster.status.phase, 'Pending');

    assert.deepEqual(applied(world.plan()), [
      'create',
      'Service test-peers',
      'ConfigMap test-config',
      'PodDisruptionBudget test',
      'StatefulSet test',
    ]);
    world.reconcile();
    assert.equal(world.theCluster.status.phase, 'Bootstrapping');
    assert.ok(initializes(world));

    world.tick();
    world.tick();
    world.reconcile();
    assert.equal(world.theCluster.status.bootstrap.phase, 'Completed');
    assert.equal(conditionOf(world, 'Bootstrapped')?.reason, 'FreshEnsemble');
    assert.notEqual(conditionOf(world, 'Ready')?.status, 'True');
    assert.equal(world.clientsMayConnect, false);

    assert.deepEqual(applied(world.plan()).slice(-3), [
      'ConfigMap test-formed',
      'StatefulSet test',
      'Service test-client',
    ]);
    world.reconcile();
    assert.equal(initializes(world), false);
    assert.equal(conditionOf(world, 'Ready')?.reason, 'AllMembersServe');
    assert.equal(world.theCluster.status.readiness, '3/3');
    assert.equal(world.theCluster.status.phase, 'Ready');
  });

  test('over, nobody begins anew whose disk is wiped under its pod, and no client is let in before: wherever the operator dies', () => {
    for (let writes = 0; writes < 8; writes++) {
      const world = new FakeWorld();
      while (world.theCluster.status?.bootstrap?.phase !== 'Completed') live(world, 1);
      world.reconcile(writes);
      const isKnown = world.objects.has('ConfigMap/test-formed');
      assert.ok(isKnown || (!world.clientsMayConnect && initializes(world)), `it dies after ${writes} writes`);
      world.wipe('test-0');
      assert.equal(world.disks.get('data-test-0')?.newest, isKnown ? undefined : 0);
      live(world, 5);
      assert.equal(condition(world, 'Ready').status, 'True');
    }
  });

  test('waits for every member, and says for whom', () => {
    const world = new FakeWorld();
    world.setNode(2, true);
    for (let round = 0; round < 5; round++) {
      world.reconcile();
      world.tick();
    }
    assert.equal(world.theCluster.status?.bootstrap?.phase, 'Started');
    assert.equal(conditionOf(world, 'Bootstrapped')?.message, 'waiting for test-2 (no pod)');
  });

  test('does not make pods outdated by ending', () => {
    const world = readyWorld();
    const templates = new Set(
      [...world.pods.values()].map(({ metadata }) => metadata.annotations?.['zabkeeper.dev/template']),
    );
    assert.deepEqual(
      [...templates],
      [world.statefulSet?.spec.template.metadata.annotations?.['zabkeeper.dev/template']],
    );
    assert.equal(conditionOf(world, 'Progressing')?.status, 'False');
  });

  test('a corrected image reaches pods that never ran', () => {
    const world = new FakeWorld({ image: 'missing:1' });
    for (let round = 0; round < 4; round++) {
      world.reconcile();
      world.tick();
    }
    assert.equal(conditionOf(world, 'Ready')?.status, 'False');
    world.edit({ image: 'good:1' });
    for (let round = 0; round < 6; round++) {
      world.reconcile();
      world.tick();
    }
    assert.equal(conditionOf(world, 'Ready')?.status, 'True');
  });
});

describe('the Secret of the super user', () => {
  const digestIn = (world: FakeWorld) => world.observe().superUser?.digest;
  const zooCfg = (world: FakeWorld) =>
    world
      .observe()
      .existing.flatMap((one) => (one.kind === 'ConfigMap' ? ((one as ConfigMap).data['zoo.cfg'] ?? []) : []));

  test('is made once; the members know its digest and nothing else of it', () => {
    const world = readyWorld();
    const { password, digest } = world.observe().superUser ?? {};
    assert.ok(password !== undefined && digest !== undefined);
    world.edit({ image: 'good:2' });
    for (let round = 0; round < 20; round++) {
      world.reconcile();
      world.tick();
    }
    assert.equal(digestIn(world), digest);
    assert.ok(zooCfg(world).every((text) => text.includes(`superDigest=${digest}\n`) && !text.includes(password)));
  });

  test('is made anew where somebody deleted it, and the members learn of it one by one', () => {
    const world = readyWorld();
    const before = digestIn(world);
    world.deleteSecret();
    for (let round = 0; round < 20; round++) {
      world.reconcile();
      world.tick();
    }
    assert.notEqual(digestIn(world), before);
    assert.deepEqual(world.restarted.length, 3);
    assert.ok(zooCfg(world).every((text) => text.includes(`superDigest=${digestIn(world)}\n`)));
    assert.equal(conditionOf(world, 'Ready')?.status, 'True');
  });

  test('is left as it is where it holds no password, and so are the members', () => {
    const world = readyWorld();
    const { superUser: _, ...damaged } = world.observe();
    const { steps, status } = planCluster(world.theCluster, damaged, { defaultImage: 'zabkeeper:test' });
    assert.deepEqual(steps, []);
    assert.match(
      status?.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '',
      /test-operator.*delete it/,
    );
  });
});

describe('volumes of an earlier cluster', () => {
  test('are gone on with, without a bootstrap', () => {
    const world = readyWorld();
    world.delete();
    world.reconcile();
    world.create({});
    world.reconcile();
    assert.equal(world.theCluster.status?.bootstrap?.phase, 'Completed');
    assert.equal(world.theCluster.status.bootstrap.origin, 'ExistingVolumes');
    world.reconcile();
    assert.equal(initializes(world), false);
  });

  for (const [what, spec, sentence] of [
    ['of 9 members', { replicas: 9 }, /too few for a majority of 9: set replicas/],
    [
      'with other ids',
      { serverIdOffset: 10 },
      /cannot be changed: delete this cluster, which leaves the volumes, and make/,
    ],
  ] as const) {
    test(`are not taken over by a manifest ${what}`, () => {
      const world = readyWorld();
      world.delete();
      world.reconcile();
      world.create(spec);
      const plan = world.plan();
      assert.deepEqual(plan.steps, []);
      assert.equal(plan.status?.phase, 'Refused');
      const accepted = plan.status.conditions?.find(({ type }) => type === 'Accepted');
      assert.equal(accepted?.reason, 'VolumesDoNotFit');
      assert.match(accepted.message, sentence);
      assert.deepEqual(
        plan.events.map(({ type, reason }) => [type, reason]),
        [['Warning', 'VolumesDoNotFit']],
      );
    });
  }
});

test('volumes that only have the names of the members’ are neither begun with nor begun over', () => {
  const world = new FakeWorld();
  const observe = world.observe.bind(world);
  world.observe = () => ({ ...observe(), foreignClaims: new Set(['data-test-0']) });
  live(world, 5);
  assert.equal(world.statefulSet, undefined);
  const { reason, message } = condition(world, 'Accepted');
  assert.equal(reason, 'VolumesDoNotFit');
  assert.match(
    message,
    /\(data-test-0\): delete them, .*\(kubectl label pvc data-test-0 app\.kubernetes\.io\/name=zabkeeper /,
  );
  world.observe = observe;
  live(world, 12);
  assert.equal(condition(world, 'Ready').status, 'True');
});

describe('a manifest that cannot be carried out', () => {
  test('somebody else’s object is not overwritten', () => {
    const world = new FakeWorld();
    const metadata = { name: 'test-peers', namespace: 'default' };
    world.objects.set('Service/test-peers', { apiVersion: 'v1', kind: 'Service', metadata });
    const plan = world.plan();
    assert.deepEqual(plan.steps, []);
    assert.match(
      plan.status?.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '',
      /Service test-peers exists/,
    );
  });
});

describe('a running cluster', () => {
  test('at rest records no status and tells nothing, and the members’ zxids only once they are old', () => {
    const world = readyWorld();
    const observe = world.observe.bind(world);
    let lastZxid = '0x0';
    world.observe = () => {
      const observed = observe();
      const reports = [...observed.reports].map(([name, report]) => [name, { ...report, lastZxid }] as const);
      return { ...observed, reports: new Map(reports) };
    };
    for (let second = 0; second < 90; second++) {
      world.tick();
      const plan = world.plan();
      assert.equal(plan.status, world.theCluster.status);
      assert.deepEqual(plan.events, []);
    }
    lastZxid = '0x1';
    assert.notEqual(world.plan().status, world.theCluster.status);
    world.reconcile();
    lastZxid = '0x2';
    assert.equal(world.plan().status, world.theCluster.status);
    for (let second = 0; second < 60; second++) world.tick();
    assert.notEqual(world.plan().status, world.theCluster.status);
  });

  test('a lost leader is told, and who leads now', () => {
    const world = readyWorld();
    world.setNode(0, true);
    const { events, status } = world.plan();
    assert.equal(status?.phase, 'Degraded');
    assert.deepEqual(
      events.map(({ reason }) => reason),
      ['MembersNotReady', 'LeaderChanged'],
    );
  });

  test('a lost quorum makes it unavailable', () => {
    const world = readyWorld();
    world.setNode(0, true);
    world.setNode(1, true);
    const { status } = world.plan();
    assert.equal(status?.phase, 'Unavailable');
    const available = status.conditions?.find(({ type }) => type === 'Available');
    assert.equal(available?.reason, 'NoQuorum');
    assert.match(available.message, /0 of 3 voters serve/);
  });

  test('larger volumes are asked of the claims, not of the template', () => {
    const world = readyWorld({ storage: { size: '1Gi' } });
    world.edit({ storage: { size: '2Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    world.reconcile();
    assert.deepEqual(
      [...world.claims.values()].map(({ spec }) => spec.resources?.requests?.storage),
      ['2Gi', '2Gi', '2Gi'],
    );
    assert.equal(world.statefulSet?.spec.volumeClaimTemplates[0]?.spec.resources.requests.storage, '1Gi');
    const plan = world.plan();
    assert.ok(!applied(plan).includes('expandClaim'));
    assert.equal(plan.status?.volumeSize, '2Gi');
  });

  test('no volume is asked to grow that has not come to be yet: the API server would refuse it', () => {
    const world = readyWorld({ storage: { size: '1Gi' } });
    const isAsked = (status: object) => {
      const observed = world.observe();
      const claims = observed.claims.map((claim) => ({ ...claim, status }));
      return planCluster(world.theCluster, { ...observed, claims }, { defaultImage: 'zabkeeper:test' }).steps.some(
        (step) => step.do === 'expandClaim',
      );
    };
    world.edit({ storage: { size: '2Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    assert.deepEqual([isAsked({ phase: 'Pending' }), isAsked({ capacity: { storage: '1Gi' } })], [false, true]);
  });

  for (const [what, capacity] of [
    ['five times as large as', '5Gi'],
    ['a byte larger than', '1073741825'],
  ] as const) {
    test(`volumes that are ${what} what was asked for do not keep the status from being taken`, () => {
      const world = new FakeWorld({ storage: { size: '1Gi' } });
      const observe = world.observe.bind(world);
      const given = { status: { phase: 'Bound', capacity: { storage: capacity } } };
      world.observe = () => {
        const observed = observe();
        return { ...observed, claims: observed.claims.map((claim) => Object.assign({}, claim, given)) };
      };
      live(world, 12);
      assert.equal(condition(world, 'Ready').status, 'True');
      assert.equal(world.theCluster.status?.volumeSize, '1Gi');
    });
  }

  test('nor do volumes of an earlier cluster that are larger than what is asked for', () => {
    const world = readyWorld({ storage: { size: '2Gi' } });
    world.delete();
    world.reconcile();
    world.create({ storage: { size: '1Gi' } });
    live(world, 12);
    assert.equal(condition(world, 'Ready').status, 'True');
  });

  test('volumes that do not grow are told of until they have', () => {
    const world = readyWorld({ storage: { size: '1Gi' } });
    const expand = world.kubernetes.expand.bind(world.kubernetes);
    world.kubernetes.expand = (name, storage) => {
      const before = world.claims.get(name);
      assert.ok(before);
      world.claims.set(name, { ...before, spec: { ...before.spec, resources: { requests: { storage } } } });
    };
    world.edit({ storage: { size: '2Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    live(world, 5);
    const { status, reason, message } = condition(world, 'Progressing');
    assert.deepEqual([status, reason], ['True', 'VolumesGrow']);
    assert.match(message, /data-test-0 \(1Gi of 2Gi\), .*; kubectl describe pvc says/);
    assert.equal(world.theCluster.status?.volumeSize, '1Gi');
    for (const name of world.claims.keys()) expand(name, '2Gi');
    live(world, 5);
    assert.equal(condition(world, 'Progressing').reason, 'Idle');
  });

  test('paused, it is observed and nothing else', () => {
    const world = readyWorld();
    world.edit({ paused: true, image: 'good:2' });
    const plan = world.plan();
    assert.deepEqual(plan.steps, []);
    assert.equal(plan.status?.phase, 'Paused');
    assert.ok(plan.events.some(({ reason }) => reason === 'SetInManifest'));
  });

  test('an answer under another member’s id is not believed', () => {
    const world = readyWorld();
    const observed = world.observe();
    const report = observed.reports.get('test-1');
    assert.ok(report);
    const reports = new Map([...observed.reports, ['test-0', report] as const]);
    world.observe = () => ({ ...observed, reports });
    assert.equal(world.plan().status?.members?.[0]?.role, 'unknown');
  });
});

describe('deletion', () => {
  test('keeps the volumes unless the manifest says otherwise', () => {
    const world = readyWorld();
    world.delete();
    const plan = world.plan();
    const [release] = plan.steps;
    assert.ok(release?.do === 'setFinalizers');
    assert.match(release.announce?.message ?? '', /^Kept data-test-0, data-test-1, data-test-2; a cluster of the same/);
  });

  test('ends the members, deletes the volumes, and only then lets go', () => {
    const world = readyWorld({ storage: { whenDeleted: 'Delete' } });
    world.delete();
    assert.deepEqual(applied(world.plan()), ['delete']);
    world.reconcile();
    assert.equal(world.statefulSet, undefined);
    assert.deepEqual(applied(world.plan()), ['delete', 'delete', 'delete']);
    world.reconcile();
    assert.deepEqual(applied(world.plan()), ['setFinalizers']);
    world.reconcile();
    assert.equal(world.cluster, undefined);
  });

  test('of a cluster that was never formed leaves no volumes that would keep the next one from beginning', () => {
    const world = new FakeWorld();
    world.setNode(2, true);
    for (let round = 0; round < 3; round++) {
      world.reconcile();
      world.tick();
    }
    assert.equal(world.claims.size, 2);
    world.delete();
    for (let round = 0; round < 4; round++) world.reconcile();
    assert.equal(world.cluster, undefined);
    assert.equal(world.claims.size, 0);
  });
});
