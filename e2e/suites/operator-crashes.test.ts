import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { loseVolume } from './support/faults.ts';
import { apply, kubectl, list, type KubernetesObject } from './support/kubectl.ts';
import { MemberWatch } from './support/member-watch.ts';
import { OperatorUnderTest } from './support/operator-under-test.ts';
import { objectsIn, timesTold } from './support/told.ts';
import { Writer } from './support/writer.ts';

// One cluster through all of its life, by an operator that kills itself right after each write that changes something: the
// next life finds every state that there is between two steps.

/** Tens of lives, on a machine that is busy with other things too. */
const SLOW = { timeoutMs: 480_000, intervalMs: 500, explain: explanation };
const ONE_OF_EACH = { 'zoo-0': 1, 'zoo-1': 1, 'zoo-2': 1 };

const cluster = new ClusterUnderTest('e2e-operator-crashes');
/** A class of volumes that can grow; nothing grows them here, which is not what is to be shown. */
const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'e2e-operator-crashes' },
  provisioner: 'rancher.io/local-path',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};
const storage = {
  size: '256Mi',
  storageClassName: storageClass.metadata.name,
  whenDeleted: 'Delete',
  whenScaled: 'Delete',
};
const larger = { ...storage, size: '300Mi' };
const config = { snapCount: 50_000 };

let operator: OperatorUnderTest;
let members: MemberWatch;
let writer: Writer;
let deathsBefore = 0;

interface Claim extends KubernetesObject {
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

before(async () => {
  await apply(storageClass);
  operator = await OperatorUnderTest.start({
    watchNamespace: cluster.namespace,
    failpoints: 'crash-after-every-write=/state/changes',
  });
});
after(async () => {
  members?.stop();
  await kubectl(['delete', 'storageclass', storageClass.metadata.name, '--ignore-not-found']);
  await cluster.remove();
  await operator?.stop();
});

async function explanation(): Promise<string> {
  return `${await cluster.describe()}\n${(await operator.log()).split('\n').slice(-80).join('\n')}`;
}

async function claims(): Promise<Claim[]> {
  return list<Claim>(cluster.namespace, 'pvc');
}

/** What has to be told exactly once each time, however often the operator died over it. */
async function told(): Promise<Record<string, number>> {
  return timesTold(
    cluster.namespace,
    'BootstrapStarted',
    'FreshEnsemble',
    'UpdateStarted',
    'MemberRestarting',
    'UpdateCompleted',
  );
}

/** Says how many lives a change took. */
async function report(what: string, leastDeaths: number): Promise<void> {
  const deaths = await operator.deaths();
  process.stdout.write(`${what}: the operator died ${deaths - deathsBefore} times\n`);
  assert.ok(deaths - deathsBefore >= leastDeaths, `the operator died only ${deaths - deathsBefore} times`);
  deathsBefore = deaths;
}

test('three members are bootstrapped from nothing, once', async () => {
  await cluster.create({ storage });
  await cluster.ready(SLOW.timeoutMs);
  await report('bootstrap', 10);
  assert.deepEqual(await told(), {
    BootstrapStarted: 1,
    FreshEnsemble: 1,
    UpdateStarted: 0,
    MemberRestarting: 0,
    UpdateCompleted: 0,
  });
  const started = await kubectl(
    ['-n', cluster.namespace, 'get', 'sts', cluster.name].concat(
      '-o',
      'jsonpath={.spec.template.spec.containers[0].args}',
    ),
  );
  assert.doesNotMatch(started, /--initialize/, 'a pod that comes later must not begin with an empty disk');
  members = new MemberWatch(cluster.namespace, cluster.name);
  writer = await Writer.start(await ClientPod.start(cluster.namespace), cluster.address, '/crashes');
});

test('paused, nothing is changed; then every member is restarted once, never two at once, and nothing is lost', async () => {
  const untouched = await objectsIn(cluster.namespace);
  await apply(cluster.manifest({ storage, config, paused: true }));
  await waitFor('it is paused', async () => (await cluster.condition('Paused'))?.status === 'True', SLOW);
  await apply(cluster.manifest({ storage, config: { ...config, maxClientCnxns: 50 }, paused: true }));
  const isSeen = async (): Promise<boolean> => {
    const object = await cluster.object();
    return object?.status?.observedGeneration === object?.metadata.generation;
  };
  await waitFor('the change is seen', isSeen, SLOW);
  assert.deepEqual(await objectsIn(cluster.namespace), untouched, 'not even a ConfigMap is made');
  members.startAnew();

  await apply(cluster.manifest({ storage, config }));
  const isRolled = async (): Promise<boolean> =>
    members.hadEach(2) && (await cluster.condition('Ready'))?.status === 'True';
  await waitFor('every member was restarted', isRolled, SLOW);
  await writer.goesOn();
  assert.equal(writer.sessions().length, 1, 'no session expired');
  await report('rolling change', 10);
  assert.deepEqual(members.podsOf, { 'zoo-0': 2, 'zoo-1': 2, 'zoo-2': 2 });
  assert.equal(members.downAtOnce, 1);
  const { UpdateStarted, MemberRestarting, UpdateCompleted } = await told();
  assert.deepEqual([UpdateStarted, MemberRestarting, UpdateCompleted], [1, 3, 1]);
});

test('two voters and an observer join and leave, each once, and nobody is restarted for it', async () => {
  members.startAnew();
  for (const [replicas, observers] of [
    [5, 1],
    [3, 0],
  ] as const) {
    await apply(cluster.manifest({ storage, config, replicas, observers: { replicas: observers } }));
    const isScaled = async (): Promise<boolean> => {
      const { membership } = (await cluster.object())?.status ?? {};
      const pods = await cluster.pods();
      return (
        membership?.voters.length === replicas &&
        membership.observers.length === observers &&
        pods.length === replicas + observers &&
        (await claims()).length === replicas + observers &&
        (await cluster.condition('Ready'))?.status === 'True'
      );
    };
    await waitFor(`there are ${replicas} voters and ${observers} observers`, isScaled, SLOW);
  }
  await writer.goesOn();
  await report('scaling', 15);
  assert.ok(
    Object.values(members.podsOf).every((pods) => pods === 1),
    JSON.stringify(members.podsOf),
  );
  assert.deepEqual(await timesTold(cluster.namespace, 'MemberJoining', 'MemberLeaving'), {
    MemberJoining: 3,
    MemberLeaving: 3,
  });
  assert.equal(writer.sessions().length, 1, 'no session expired');
});

test('a member whose volume is lost is rebuilt from the others, once', async () => {
  members.startAnew();
  const before = new Set((await claims()).map(({ metadata }) => metadata.uid));
  await loseVolume(cluster.namespace, 'zoo-2');
  const isRebuilt = async (): Promise<boolean> =>
    (await claims()).filter(({ metadata }) => !before.has(metadata.uid)).length === 1 &&
    (await cluster.condition('Ready'))?.status === 'True';
  await waitFor('it is rebuilt', isRebuilt, SLOW);
  await writer.goesOn();
  assert.deepEqual(await timesTold(cluster.namespace, 'MemberRebuilt'), { MemberRebuilt: 1 });
  assert.equal(members.downAtOnce, 1);
  await report('rebuilding', 3);
});

test('every volume is asked to grow, and no member is restarted for it', async () => {
  members.startAnew();
  const before = new Set((await claims()).map(({ metadata }) => metadata.uid));
  await apply(cluster.manifest({ storage: larger, config }));
  const haveGrown = async (): Promise<boolean> =>
    (await claims()).every(({ spec }) => spec.resources.requests.storage === larger.size);
  await waitFor('the volumes have grown', haveGrown, SLOW);
  await cluster.ready();
  assert.deepEqual(new Set((await claims()).map(({ metadata }) => metadata.uid)), before);
  assert.deepEqual(members.podsOf, ONE_OF_EACH);
  await report('larger volumes', 3);
});

test('hibernated and woken, the same volumes go on with all data', async () => {
  const before = { claims: (await claims()).map(({ metadata }) => metadata.uid), cluster: await cluster.object() };
  await apply(cluster.manifest({ storage: larger, config, hibernated: true }));
  await waitFor('it is hibernated', async () => (await cluster.condition('Hibernated'))?.status === 'True', SLOW);
  assert.deepEqual(await cluster.pods(), []);
  await apply(cluster.manifest({ storage: larger, config }));
  await cluster.ready(SLOW.timeoutMs);
  assert.deepEqual(
    (await claims()).map(({ metadata }) => metadata.uid),
    before.claims,
  );
  assert.deepEqual((await cluster.object())?.status?.bootstrap, before.cluster?.status?.bootstrap);
  await report('hibernation', 4);
  const written = await writer.finishAndCheck();
  process.stdout.write(`all of ${written} acknowledged writes are there\n`);
});

test('deleted with its volumes, it leaves nothing behind', async () => {
  await kubectl(['-n', cluster.namespace, 'delete', 'cc', cluster.name, '--wait=false']);
  await waitFor('all is gone', async () => (await objectsIn(cluster.namespace)).length === 0, {
    ...SLOW,
    explain: async () => (await objectsIn(cluster.namespace)).join(', '),
  });
  await report('deletion', 4);
});
