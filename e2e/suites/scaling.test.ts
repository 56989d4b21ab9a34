import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { ClientPod } from './support/client-pod.ts';
import { ClusterUnderTest } from './support/cluster.ts';
import { damageLog, loseVolume, pauseProcess, resumeProcess } from './support/faults.ts';
import { apply, get, kubectl, list, type KubernetesObject } from './support/kubectl.ts';
import { checkWriter } from './support/rolling.ts';
import { Writer } from './support/writer.ts';

/** Longer than that no client may be kept waiting by members that come and go: an election, on a busy machine, in milliseconds. */
const ELECTION_MAX_MS = 8_000;

/** Each step of scaling makes or ends a pod. */
const SCALED_MS = 240_000;

const cluster = new ClusterUnderTest('e2e-scaling');
let client: ClientPod;
let writer: Writer;

before(async () => {
  await cluster.createReady({ replicas: 1 });
  client = await ClientPod.start(cluster.namespace);
  writer = await Writer.start(client, cluster.address, '/scaling');
});
after(() => cluster.remove());

async function scale(replicas: number): Promise<void> {
  await kubectl(['-n', cluster.namespace, 'scale', `cc/${cluster.name}`, `--replicas=${replicas}`]);
}

async function voters(): Promise<number> {
  return (await cluster.object())?.status?.membership?.voters.length ?? 0;
}

/** Waits until the cluster has the members of its manifest, and says so. */
async function scaled(replicas: number, observers = 0): Promise<void> {
  await waitFor(
    `there are ${replicas} voters and ${observers} observers`,
    async () => {
      const { membership, conditions } = (await cluster.object())?.status ?? {};
      const pods = await cluster.pods();
      return (
        membership?.voters.length === replicas &&
        membership.observers.length === observers &&
        pods.length === replicas + observers &&
        conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
      );
    },
    { timeoutMs: SCALED_MS, intervalMs: 300, explain: () => cluster.describe() },
  );
}

/** Makes a change under the writer, which must hardly notice. */
async function underWriter(what: string, change: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  const pauseMs = await writer.pauseOf(change);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(`${what}: ${seconds} s; writes paused for at most ${pauseMs} ms\n`);
  assert.ok(pauseMs <= ELECTION_MAX_MS, `writes paused for ${pauseMs} ms`);
}

async function claims(): Promise<Map<string, string>> {
  const found = await list<KubernetesObject>(cluster.namespace, 'pvc', `app.kubernetes.io/instance=${cluster.name}`);
  return new Map(found.map(({ metadata }) => [metadata.name, metadata.uid]));
}

async function events(reason: string): Promise<string> {
  const query = ['get', 'events', `--field-selector=reason=${reason}`, '-o', 'jsonpath={.items[*].message}'];
  return kubectl(['-n', cluster.namespace, ...query]);
}

test('kubectl scale: several steps at once, and another target in the middle', async () => {
  await underWriter('1 -> 5, changed to 3 in the middle', async () => {
    await scale(5);
    await waitFor('two have joined', async () => (await voters()) >= 3, { timeoutMs: SCALED_MS, intervalMs: 200 });
    await scale(3);
    await scaled(3);
  });
});

test('by the manifest, with observers at the same time', async () => {
  await underWriter('3 -> 5 and an observer', async () => {
    await apply(cluster.manifest({ replicas: 5, observers: { replicas: 1 } }));
    await scaled(5, 1);
  });
  const { members = [], readiness, observerReadiness } = (await cluster.object())?.status ?? {};
  assert.deepEqual([readiness, observerReadiness], ['5/5', '1/1']);
  assert.deepEqual(
    members.map(({ id, ready, voting }) => [id, ready, voting]),
    [1, 2, 3, 4, 5, 10].map((id) => [id, true, id < 10]),
  );
  assert.ok(
    members.every(({ zxid, lag, version }) => zxid !== undefined && lag !== undefined && version !== undefined),
  );
  assert.deepEqual(members.map(({ role }) => role).toSorted(), [
    'follower',
    'follower',
    'follower',
    'follower',
    'leader',
    'observer',
  ]);
});

test('down to one, leaders and observers included, and up again onto the volumes that were kept', async () => {
  const before = await claims();
  await underWriter('5 -> 3, without the observer', async () => {
    await apply(cluster.manifest({ replicas: 3, observers: { replicas: 0 } }));
    await scaled(3);
  });
  await underWriter('3 -> 1', async () => {
    await scale(1);
    await scaled(1);
  });
  assert.deepEqual(await claims(), before, 'every volume is kept');
  await underWriter('1 -> 3', async () => {
    await scale(3);
    await scaled(3);
  });
  assert.deepEqual(await claims(), before);
});

test('what would endanger the quorum is refused, with what would help, and done once that is there', async () => {
  // It stays whatever the target is. It leads, which costs more when it hangs than what is shown here.
  const name = `${cluster.name}-0`;
  await underWriter('the leader hands over', async () => {
    await kubectl(['-n', cluster.namespace, 'delete', 'pod', name]);
    await waitFor('another one leads', async () => (await cluster.leader()) !== name, { timeoutMs: 30_000 });
    await scaled(3);
  });
  const pod = await cluster.pod(name);
  await underWriter('a member hangs, scaling waits', async () => {
    await pauseProcess(pod);
    await waitFor('it is not ready', async () => (await cluster.condition('Ready'))?.status === 'False');
    for (const [replicas, step] of [
      [1, 'taking zoo-2 out of the ensemble'],
      [5, 'adding zoo-3'],
    ] as const) {
      await scale(replicas);
      await waitFor(
        `a change to ${replicas} is refused`,
        async () => {
          const scaling = await cluster.condition('Scaling');
          return scaling?.reason === 'QuorumEndangered' && scaling.message.includes(step);
        },
        { timeoutMs: 30_000, intervalMs: 300, explain: () => cluster.describe() },
      );
    }
    assert.equal(await voters(), 3);
    await resumeProcess(pod);
    await scale(3);
    await scaled(3);
  });
  assert.match(
    await events('QuorumEndangered'),
    /zoo-0 .* is missing: nothing was changed; bring what is missing back/,
  );
});

test('a joiner that cannot get in is told of, with why and what would help', async () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'small', namespace: cluster.namespace } };
  await underWriter('a joiner is refused its pod', async () => {
    const pods = (await list(cluster.namespace, 'pods')).length;
    await apply({ ...quota, spec: { hard: { pods: String(pods) } } });
    await scale(5);
    await waitFor('it is said', async () => (await cluster.condition('Scaling'))?.reason === 'JoinStalled', {
      timeoutMs: 60_000,
      intervalMs: 300,
      explain: () => cluster.describe(),
    });
    assert.equal((await cluster.condition('Available'))?.status, 'True');
    await kubectl(['-n', cluster.namespace, 'delete', 'resourcequota', quota.metadata.name]);
    await scale(3);
    await scaled(3);
  });
  assert.match(await events('JoinStalled'), /Zoo-3 does not get in \(no pod: .*exceeded quota.*set replicas back to 3/);
});

const LOSSES: Readonly<Record<string, (podName: string) => Promise<void>>> = {
  'whose volume is lost': (podName) => loseVolume(cluster.namespace, podName),
  'whose data are damaged': (podName) => damageLog(cluster.namespace, podName),
};

for (const [index, [what, lose]] of Object.entries(LOSSES).entries()) {
  test(`a member ${what} is rebuilt from the others`, async () => {
    const podName = `${cluster.name}-${index + 1}`;
    const before = (await claims()).get(`data-${podName}`);
    await underWriter(`a member ${what}`, async () => {
      await lose(podName);
      await waitFor(
        'it has another volume',
        async () => {
          const claim = await get<KubernetesObject>(cluster.namespace, 'pvc', `data-${podName}`);
          return claim !== undefined && claim.metadata.uid !== before;
        },
        { timeoutMs: 90_000, intervalMs: 300, explain: () => cluster.describe() },
      );
      await scaled(3);
    });
    assert.match(await events('MemberRebuilt'), new RegExp(`Rebuilding ${podName} from the others`));
  });
}

test('volumes go with their members where the manifest says so, and are made anew for the next', async () => {
  const before = await claims();
  const storage = { size: '256Mi', whenScaled: 'Delete' };
  await underWriter('3 -> 1, without the volumes', async () => {
    await apply(cluster.manifest({ replicas: 1, storage }));
    await waitFor('one volume is left', async () => (await claims()).size === 1, {
      timeoutMs: SCALED_MS,
      intervalMs: 300,
      explain: () => cluster.describe(),
    });
    await scaled(1);
  });
  await underWriter('1 -> 3, onto new volumes', async () => {
    await apply(cluster.manifest({ replicas: 3, storage }));
    await scaled(3);
  });
  const after = await claims();
  assert.deepEqual(
    [...after].map(([name, uid]) => [name, before.get(name) === uid]),
    [
      ['data-zoo-0', true],
      ['data-zoo-1', false],
      ['data-zoo-2', false],
    ],
  );
});

test('no session expired, and nothing that was acknowledged is lost', async () => {
  const written = await checkWriter(writer);
  process.stdout.write(`all of ${written} acknowledged writes are there\n`);
});
