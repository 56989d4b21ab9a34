import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Condition } from '../../api/common-schemas.ts';
import type { ClusterConditionType } from '../../api/conditions.ts';
import type { CoordinationClusterSpec } from '../../api/coordination-cluster.ts';
import { RESTART_ANNOTATION } from '../resources/names.ts';
import { FakeWorld } from './fake-world.ts';
import type { PlannedEvent, Step } from './model.ts';

// For tests: the lives that a cluster may have.

/** What may happen in the life of a cluster. */
export type Happening = (world: FakeWorld) => void;

/** So that a failing life can be read. */
function named(name: string, happening: Happening): Happening {
  return Object.assign(happening, { [fc.toStringMethod]: () => name });
}

function edit(change: Partial<CoordinationClusterSpec>): Happening {
  return named(`edit ${JSON.stringify(change)}`, (world) => {
    if (world.cluster !== undefined) world.edit(change);
  });
}

const quietTime = named('quiet time', (world) => liveOn(world, 6));
const aMoment = named('a moment', (world) => liveOn(world, 1));
const tick = named('tick', (world) => world.tick());
const write = named('write', (world) => void world.write());
const rolloutRestart = named('kubectl rollout restart', (world) => world.rolloutRestart());
const secretLost = named('the Secret is deleted', (world) => world.deleteSecret());
const setOrphaned = named('kubectl delete statefulset --cascade=orphan', (world) => {
  world.objects.delete('StatefulSet/test');
});
const restartAsked = named('kubectl annotate cc zabkeeper.dev/restarted-at', (world) => {
  if (world.cluster !== undefined) world.annotate(RESTART_ANNOTATION, world.now);
});
const largerVolumes = named('larger volumes', (world) => {
  if (world.cluster === undefined) return;
  const { size } = world.cluster.spec.storage;
  editStorage(world, { size: `${2 * Number.parseInt(size)}Gi` });
});
const deletion = named('delete', (world) => {
  if (world.cluster !== undefined) world.delete();
});

/** Anything that may happen. */
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(quietTime, aMoment, write) },
  { weight: 2, arbitrary: fc.constant(tick) },
  {
    weight: 4,
    arbitrary: fc
      .nat({ max: 8 })
      .map((writes) => named(`operator dies after ${writes}`, (world) => void world.reconcile(writes))),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 4 }).map((n) => named(`pod ${n} dies`, (world) => world.killPod(`test-${n}`))),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat({ max: 4 }), fc.boolean())
      .map(([n, isDown]) => named(`node ${n} is ${isDown ? 'down' : 'up'}`, (world) => world.setNode(n, isDown))),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 4 }).map((n) => named(`node ${n} is lost`, (world) => world.loseNode(n))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat({ max: 4 }), fc.constantFrom('disappears', 'is lost', 'is damaged'))
      .map(([n, what]) => named(`volume ${n} ${what}`, (world) => loseData(world, n, what))),
  },
  {
    weight: 3,
    arbitrary: fc.nat({ max: 4 }).map((n) => named(`disk ${n} is wiped under its pod`, (world) => wipe(world, n))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat({ max: 4 }), fc.boolean()).map(([n, isUnheard]) =>
      named(`the operator ${isUnheard ? 'hears nothing' : 'hears'} of pod ${n}`, ({ unheard }) => {
        if (isUnheard) unheard.add(`test-${n}`);
        else unheard.delete(`test-${n}`);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .nat({ max: 2 })
      .map((count) => named(`${count} reconfigurations get lost`, (world) => void (world.requestsLost = count))),
  },
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.constantFrom(1, 3, 5).map((replicas) => edit({ replicas })),
      fc.constantFrom('good:1', 'good:2', 'missing:1', 'crashing:1').map((image) => edit({ image })),
      fc.boolean().map((paused) => edit({ paused })),
      fc
        .constantFrom('Retain' as const, 'Delete' as const)
        .map((whenDeleted) => named(`whenDeleted: ${whenDeleted}`, (world) => editStorage(world, { whenDeleted }))),
      fc
        .constantFrom('Retain' as const, 'Delete' as const)
        .map((whenScaled) => named(`whenScaled: ${whenScaled}`, (world) => editStorage(world, { whenScaled }))),
      fc.nat({ max: 2 }).map((replicas) => edit({ observers: { replicas } })),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.constantFrom(rolloutRestart, restartAsked, secretLost, setOrphaned, largerVolumes),
      fc.boolean().map((hibernated) => edit({ hibernated })),
      fc.nat({ max: 4 }).map((n) => named(`pod ${n} hangs`, (world) => world.hang(`test-${n}`))),
    ),
  },
  { weight: 1, arbitrary: fc.constant(deletion) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1, 3, 5).map((replicas) =>
      named(`created with ${replicas}`, (world) => {
        if (world.cluster === undefined) world.create({ replicas });
      }),
    ),
  },
);

function editStorage(world: FakeWorld, change: Partial<CoordinationClusterSpec['storage']>): void {
  if (world.cluster !== undefined) world.edit({ storage: { ...world.cluster.spec.storage, ...change } });
}

/** Every node is back, and every pod is heard. */
export function endFaults(world: FakeWorld): void {
  for (let ordinal = 0; ordinal < 12; ordinal++) world.setNode(ordinal, false);
  world.unheard.clear();
}

/** An ensemble survives the loss of one disk at a time, once the others have what it had. */
function loseData(world: FakeWorld, ordinal: number, what: string): void {
  if (world.leader === undefined || !everyDiskIsWhole(world)) return;
  const podName = `test-${ordinal}`;
  if (what === 'disappears') world.loseVolume(`data-${podName}`);
  else if (what === 'is lost') world.losePersistentVolume(`data-${podName}`);
  else world.damage(podName);
}

/** So does it the loss of what is on one, as long as no other voter has forgotten anything; some may be behind, or down. */
export function wipe(world: FakeWorld, ordinal: number): void {
  const { voters, disks, kubernetes } = world;
  const remembers = (id: number): boolean => {
    const claimName = `data-test-${id - 1}`;
    const { newest, configuration } = disks.get(claimName) ?? {};
    return newest !== undefined && configuration !== undefined && kubernetes.isUsable(claimName);
  };
  const others = voters.filter((id) => id !== ordinal + 1);
  if (voters.length >= 3 && others.every(remembers)) world.wipe(`test-${ordinal}`);
}

/** Whether each voter serves and has all that was acknowledged. */
export function everyDiskIsWhole({ voters, serving, disks, acknowledged }: FakeWorld): boolean {
  const isWhole = (id: number): boolean => {
    const { newest = -1 } = disks.get(`data-test-${id - 1}`) ?? {};
    return newest >= acknowledged && serving.includes(`test-${id - 1}`);
  };
  return voters.length >= 3 && voters.every(isWhole);
}

/** Lets the operator live for so many seconds. */
export function liveOn(world: FakeWorld, rounds = 20): void {
  for (let round = 0; round < rounds; round++) {
    world.reconcile();
    world.tick();
  }
}

/** Lets the operator live for so many seconds. Returns the Events that it told. */
export function live(world: FakeWorld, seconds = 30): PlannedEvent[] {
  const events: PlannedEvent[] = [];
  for (let second = 0; second < seconds; second++) {
    world.reconcile(Infinity, ({ steps, events: news }) => events.push(...announcements(steps), ...news));
    world.tick();
  }
  return events;
}

/** The same, under a client that writes. */
export function liveUnderWrites(world: FakeWorld, seconds = 40): PlannedEvent[] {
  const events: PlannedEvent[] = [];
  for (let second = 0; second < seconds; second++) {
    events.push(...live(world, 1));
    world.write();
  }
  return events;
}

/** The Events that come before the steps that they announce. */
function announcements(steps: readonly Step[]): PlannedEvent[] {
  return steps.flatMap((step) => ('announce' in step && step.announce !== undefined ? [step.announce] : []));
}

/** A world whose ensemble has been formed, and serves. */
export function readyWorld(spec: object = {}): FakeWorld {
  const world = new FakeWorld(spec);
  live(world, 12);
  assert.equal(condition(world, 'Ready').status, 'True');
  return world;
}

/** The condition of a type, which must be there. */
export function condition(world: FakeWorld, type: ClusterConditionType): Condition {
  const found = conditionOf(world, type);
  assert.ok(found, `there is a condition ${type}`);
  return found;
}

export function conditionOf(world: FakeWorld, type: ClusterConditionType): Condition | undefined {
  return world.theCluster.status?.conditions?.find((condition) => condition.type === type);
}
