import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../resources/kubernetes.ts';
import { selectorLabels } from '../resources/names.ts';
import { conditionOf as condition, live } from './fake-lives.ts';
import { FakeWorld } from './fake-world.ts';
import { REQUEUE, type Observed } from './model.ts';
import { planCluster } from './plan.ts';

const MISSING = { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'missing' } as const;

/** Two of three members form a quorum; the third has no node. */
function formingWorld(): FakeWorld {
  const world = new FakeWorld();
  world.setNode(2, true);
  live(world, 5);
  assert.equal(world.theCluster.status?.bootstrap?.phase, 'Started');
  assert.equal(world.serving.length, 2);
  return world;
}

describe('an ensemble that cannot be formed', () => {
  test('says so in a condition and an Event, and is formed once the manifest is corrected', () => {
    const world = new FakeWorld({ storage: MISSING });
    live(world, 70);
    assert.equal(condition(world, 'Progressing')?.reason, 'BootstrapStopped');
    assert.match(
      condition(world, 'Progressing')?.message ?? '',
      /test-0 \(.*\): correct the manifest or what it needs$/,
    );
    assert.equal(world.plan().requeueAfterMs, REQUEUE.waitingMs, 'what takes a person is not asked for twice a second');
    const asked = world.statefulSet?.metadata.uid;

    world.edit({ storage: { ...MISSING, storageClassName: 'fast' } });
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.notEqual(world.statefulSet?.metadata.uid ?? '', asked ?? 'other');
    assert.equal(world.statefulSet?.spec.volumeClaimTemplates[0]?.spec.storageClassName, 'fast');
    assert.deepEqual(
      [...world.claims.values()].map(({ spec }) => spec.storageClassName),
      ['fast', 'fast', 'fast'],
    );
  });

  test('asks for smaller volumes where those that were asked for did not come to be', () => {
    const world = new FakeWorld({ storage: { ...MISSING, size: '100Ti' } });
    live(world, 5);
    assert.equal(world.theCluster.status?.volumeSize, undefined);
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.equal(world.theCluster.status?.volumeSize, '1Gi');
  });

  test('because of a wrong domain is formed once that is corrected, although nothing else about its pods is', () => {
    const world = new FakeWorld({ clusterDomain: 'wrong.example' });
    for (const ordinal of [1, 2]) world.setNode(ordinal, true);
    live(world, 5);
    const before = world.pods.get('test-0')?.metadata.uid;
    world.edit({ clusterDomain: 'right.example' });
    live(world, 5);
    const [pod] = world.pods.values();
    assert.notEqual(pod?.metadata.uid, before);
    const name = pod?.spec?.volumes?.[0]?.configMap?.name ?? '';
    const { data } = world.objects.get(`ConfigMap/${name}`) as ConfigMap;
    assert.match(data['zoo.cfg'] ?? '', /server\.1=test-0\.test-peers\.default\.svc\.right\.example:/);
    const uid = pod?.metadata.uid;
    for (const ordinal of [1, 2]) world.setNode(ordinal, false);
    live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.equal(world.pods.get('test-0')?.metadata.uid, uid, 'once is enough');
  });

  test('keeps the volumes that there are', () => {
    const world = new FakeWorld({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    world.setNode(2, true);
    live(world, 5);
    assert.notEqual(world.theCluster.status?.bootstrap?.phase, 'Completed');
    const kept = [...world.claims.values()].map(({ metadata }) => metadata.uid);
    assert.equal(kept.length, 2);
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'fast' } });
    live(world, 5);
    assert.deepEqual(
      [...world.claims.values()].map(({ metadata }) => metadata.uid),
      kept,
    );
    assert.ok(!world.plan().steps.some((step) => step.do === 'delete'));
  });

  test('with so many members is formed with the number that it is corrected to', () => {
    const world = new FakeWorld({ replicas: 5, storage: MISSING });
    live(world, 5);
    assert.equal(world.theCluster.status?.bootstrap?.replicas, 5);
    world.edit({ replicas: 1, storage: { ...MISSING, storageClassName: 'fast' } });
    const events = live(world, 12);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.equal(world.theCluster.status?.bootstrap?.replicas, 1);
    assert.deepEqual([...world.claims.keys()], ['data-test-0']);
    assert.deepEqual(
      events.filter(({ reason }) => reason.startsWith('Bootstrap')).map(({ reason }) => reason),
      ['BootstrapBegunAgain', 'BootstrapStarted'],
    );
  });

  test('because one of them hangs is formed without it, where the manifest asks for fewer', () => {
    const world = new FakeWorld({ replicas: 5 });
    live(world, 2);
    world.hang('test-4');
    live(world, 5);
    world.edit({ replicas: 3 });
    live(world, 5);
    assert.equal(world.theCluster.status?.bootstrap?.replicas, 5, 'it may well just take its time');
    assert.match(condition(world, 'Scaling')?.message ?? '', /formed with 5 voters.* begun once more, with 3$/);
    live(world, 80);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    assert.deepEqual([...world.claims.keys()], ['data-test-0', 'data-test-1', 'data-test-2']);
  });

  test('is not given up for another number of members while it is well under way', () => {
    const world = new FakeWorld({ replicas: 3 });
    live(world, 2);
    const kept = [...world.claims.values()].map(({ metadata }) => metadata.uid);
    world.edit({ replicas: 5 });
    live(world, 20);
    assert.equal(world.theCluster.status?.bootstrap?.replicas, 3, 'formed first, and scaled then');
    assert.deepEqual([...world.claims.values()].map(({ metadata }) => metadata.uid).slice(0, 3), kept);
    assert.equal(world.voters.length, 5);
  });

  for (const [what, happens] of Object.entries<(world: FakeWorld) => void>({
    'whose data are damaged': (world) => world.damage('test-1'),
    'that is lost': (world) => world.losePersistentVolume('data-test-1'),
    'that somebody deletes': (world) => world.deleteClaim('data-test-1'),
  })) {
    test(`because of a volume ${what} is formed once more, on new volumes only, wherever the operator dies`, () => {
      for (let writes = 0; writes < 8; writes++) {
        const world = formingWorld();
        const first = new Set([...world.claims.values()].map(({ metadata }) => metadata.uid));
        happens(world);
        world.setNode(2, false);
        world.reconcile(writes);
        world.tick();
        live(world, 20);
        assert.equal(condition(world, 'Ready')?.status, 'True', `after ${writes} writes`);
        const kept = [...world.claims.values()].filter(({ metadata }) => first.has(metadata.uid));
        assert.deepEqual(kept, [], 'no member goes on with what it had beside one that has nothing');
      }
    });
  }

  test('and is put to sleep in the middle goes on with new volumes only', () => {
    for (let writes = 1; writes < 4; writes++) {
      const world = formingWorld();
      const first = new Set([...world.claims.values()].map(({ metadata }) => metadata.uid));
      world.damage('test-0');
      world.reconcile(writes);
      world.edit({ hibernated: true });
      live(world, 5);
      assert.equal(condition(world, 'Hibernated')?.status, 'True', `after ${writes} writes`);
      world.setNode(2, false);
      world.edit({ hibernated: false });
      live(world, 20);
      assert.equal(condition(world, 'Ready')?.status, 'True', `after ${writes} writes`);
      const kept = [...world.claims.values()].filter(({ metadata }) => first.has(metadata.uid));
      assert.deepEqual(kept, [], 'no member goes on with what it had beside one that has nothing');
    }
  });

  test('tells why, and what it waits for', () => {
    const world = formingWorld();
    world.damage('test-1');
    const events = live(world, 1);
    assert.match(
      events.find(({ reason }) => reason === 'BootstrapBegunAgain')?.message ?? '',
      /^The ensemble could not .* test-1 cannot begin \(exit code 3: ZK_LOG_CORRUPT/,
    );
    const { status, reason, message } = condition(world, 'Progressing') ?? {};
    assert.deepEqual([status, reason], ['True', 'BeginningAgain']);
    assert.match(message ?? '', /waiting until all of the first attempt is gone: .*data-test-1/);
  });

  test('is left to a person where somebody has written to it all the same, or has put a volume there', () => {
    const world = formingWorld();
    world.damage('test-1');
    const observed = world.observe();
    const planned = (seen: Observed) => planCluster(world.theCluster, seen, { defaultImage: 'zabkeeper:test' });
    const deletions = (seen: Observed) => planned(seen).steps.filter((step) => step.do === 'delete');
    const told = (seen: Observed, type: string) =>
      planned(seen).status?.conditions?.find((one) => one.type === type)?.message ?? '';
    assert.notDeepEqual(deletions(observed), []);

    const [[name, report] = []] = [...observed.reports];
    assert.ok(name !== undefined && report !== undefined);
    const written = { ...observed, reports: new Map([[name, { ...report, lastZxid: '0x100000001' }]]) };
    assert.deepEqual(deletions(written), []);
    const help = new RegExp(`not formed once more .*${name} has transaction 0x100000001.*delete this cluster`);
    assert.match(told(written, 'Progressing'), help);
    world.edit({ replicas: 1 });
    assert.match(told(written, 'Scaling'), help, 'and not that it will be begun once more');

    const [claim, ...others] = observed.claims;
    assert.ok(claim);
    const foreign = { ...claim, metadata: { ...claim.metadata, labels: selectorLabels(world.theCluster) } };
    const beside = { ...observed, claims: [foreign, ...others] };
    assert.deepEqual(deletions(beside), []);
    const leaving = { ...foreign, metadata: { ...foreign.metadata, deletionTimestamp: world.now } };
    assert.notDeepEqual(deletions({ ...observed, claims: [leaving, ...others] }), []);
    assert.match(told(beside, 'Progressing'), /nobody knows .*somebody else has made \(data-test-0\): delete/);
  });

  test('is left to a person where a member serves that the operator does not hear of: it may well have been written to', () => {
    const world = formingWorld();
    world.setNode(2, false);
    live(world, 1);
    world.damage('test-2');
    const pods = [...world.pods.values()].map(({ metadata }) => metadata.name);
    const planned = (seen: Observed) => planCluster(world.theCluster, seen, { defaultImage: 'zabkeeper:test' });
    const deletionsOf = (seen: Observed) => planned(seen).steps.filter((step) => step.do === 'delete');
    assert.deepEqual(pods, ['test-0', 'test-1', 'test-2']);
    const observed = world.observe();
    assert.notDeepEqual(deletionsOf(observed), []);
    const unheard = { ...observed, reports: new Map() };
    assert.deepEqual(deletionsOf(unheard), []);
    const progressing = planned(unheard).status?.conditions?.find(({ type }) => type === 'Progressing');
    assert.match(
      progressing?.message ?? '',
      /test-0 serves, and does not tell the operator what it has: let the operator reach its port 8080$/,
    );

    // Its set is gone already: nothing new comes to be beside what it has.
    const [first, ...others] = observed.claims;
    assert.ok(first);
    const claims = [{ ...first, metadata: { ...first.metadata, deletionTimestamp: world.now } }, ...others];
    assert.deepEqual(planned({ ...unheard, statefulSet: undefined, claims }).steps, []);
  });

  test('once it is formed, nothing is taken back', () => {
    const world = new FakeWorld({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain' } });
    live(world, 8);
    assert.equal(condition(world, 'Ready')?.status, 'True');
    world.loseVolume('data-test-2');
    world.edit({ storage: { size: '1Gi', whenDeleted: 'Retain', whenScaled: 'Retain', storageClassName: 'missing' } });
    assert.ok(!world.plan().steps.some((step) => step.do === 'delete' && step.kind !== 'ConfigMap'));
  });
});

test('a pod that Kubernetes refuses to make is told with its reason', () => {
  const world = new FakeWorld();
  world.reconcile();
  world.setNode(1, true);
  live(world, 3);
  const refusals = new Map([['test-1', 'pods "test-1" is forbidden: exceeded quota']]);
  const observed = { ...world.observe(), refusals };
  const { status, events } = planCluster(world.theCluster, observed, { defaultImage: 'zabkeeper:test' });
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
  assert.equal(progressing?.reason, 'BootstrapStopped');
  assert.match(progressing.message, /waiting for test-1 \(no pod: pods "test-1" is forbidden: exceeded quota\)/);
  assert.ok(events.some(({ type, reason }) => type === 'Warning' && reason === 'BootstrapStopped'));
});

test('an amount that Kubernetes writes in another way is not taken for another one, again and again', () => {
  const world = new FakeWorld({ storage: { ...MISSING, size: '2.3Gi' } });
  live(world, 3);
  const set = world.statefulSet;
  assert.ok(set);
  const [template] = set.spec.volumeClaimTemplates;
  assert.ok(template);
  const spec = { ...template.spec, resources: { requests: { storage: '2469606195200m' } } };
  world.objects.set('StatefulSet/test', {
    ...set,
    spec: { ...set.spec, volumeClaimTemplates: [{ ...template, spec }] },
  } as typeof set);
  const uids = [...world.claims.values()].map(({ metadata }) => metadata.uid);
  live(world, 5);
  assert.deepEqual(
    [...world.claims.values()].map(({ metadata }) => metadata.uid),
    uids,
  );
});
