import assert from 'node:assert/strict';
import type { CoordinationCluster, CoordinationClusterStatus } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Pod, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM } from '../resources/names.ts';
import type { FakeEnsemble } from './fake-ensemble.ts';
import { serverId, type FakeKubernetes } from './fake-kubernetes.ts';
import { majorityOf } from './members.ts';
import { isMore } from './quantity.ts';

// For tests: what the operator must never do, whatever else is going on in its world.

/** What of a world the rules look at, as it is before the operator does something. */
interface World extends Pick<FakeKubernetes, 'claims' | 'pods' | 'outdated'> {
  readonly theCluster: CoordinationCluster;
  readonly statefulSet: StatefulSet | undefined;
  readonly kubernetes: FakeKubernetes;
  readonly ensemble: FakeEnsemble;
  /** Names of the pods that serve. */
  readonly serving: readonly string[];
  /** Ids of the servers that vote, and of the one that leads. */
  readonly voters: readonly number[];
  readonly leader: number | undefined;
}

/** An ensemble is formed once, and how it begins is decided anew only where nothing is left of a beginning. */
export function checkStatus(
  { claims, pods, statefulSet }: World,
  { metadata, spec, status: previous }: CoordinationCluster,
  status: CoordinationClusterStatus,
): void {
  const { volumeSize = '0' } = status;
  assert.ok(
    !isMore(volumeSize, spec.storage.size),
    'the API server takes no status by which the manifest is too small',
  );
  const [before, latch] = [previous?.bootstrap, status.bootstrap];
  if (before === undefined || before.id !== metadata.uid) return;
  assert.ok(latch?.id === before.id, 'a latch stays');
  if (before.phase === 'Completed') assert.deepEqual(latch, before, 'a completed bootstrap stays completed');
  if (latch.startedAt === before.startedAt && latch.replicas === before.replicas) return;
  assert.deepEqual([...claims.keys(), ...pods.keys()], [], 'what has begun goes on');
  assert.equal(statefulSet, undefined, 'what has begun goes on');
}

/** A pod is deleted for a reason, and not where that endangers the ensemble. Returns whether it served. */
export function checkRestart(world: World, name: string): boolean {
  const { theCluster, statefulSet, claims, serving, outdated } = world;
  const pod = world.pods.get(name);
  assert.ok(pod, `${name} is deleted as it was observed`);
  if (theCluster.metadata.deletionTimestamp !== undefined) {
    assert.equal(statefulSet, undefined, 'the members of a set end with it');
    return false;
  }
  const claim = claims.get(pod.claimName);
  const isRebuilt = claim === undefined || claim.metadata.deletionTimestamp !== undefined;
  const { initContainerStatuses = [] } = pod.status ?? {};
  const cannotStart = initContainerStatuses.some(({ state }) => state?.waiting !== undefined);
  assert.ok(
    isRebuilt || cannotStart || outdated.includes(name) || isMisled(world, pod),
    `${name} is restarted although nothing asks for it`,
  );
  if (!serving.includes(name) || isTakenBack(world)) return false;
  const isVoter = world.voters.includes(serverId(name));
  assert.ok(!isVoter || everyVoterServes(world), `${name} is taken down while another member is`);
  const isLeader = world.leader === serverId(name);
  assert.ok(!isLeader || outdated.length === 1, `the leader ${name} is restarted before ${outdated.join()}`);
  return true;
}

/** No configuration goes that anybody has, nor what keeps members from beginning anew. */
export function checkConfigMap({ outdated }: World, name: string): void {
  assert.deepEqual(outdated, [], `nobody needs ${name} any more`);
  assert.notEqual(name, 'test-formed', 'what says that the ensemble has been formed stays');
}

/** No volume goes that anybody could need: of a member that is none any more, or one that all others have. */
export function checkVolume({ theCluster, ensemble, kubernetes, serving }: World, claimName: string): void {
  const { metadata, spec, status } = theCluster;
  // Nobody has written to it yet.
  if (status?.bootstrap?.phase !== 'Completed') return;
  if (metadata.deletionTimestamp !== undefined) {
    assert.equal(spec.storage.whenDeleted, 'Delete', `${claimName} is to be kept`);
    return;
  }
  const id = serverId(claimName.slice(`${DATA_CLAIM}-`.length));
  const { voters = [], observers = [] } = ensemble.committed ?? {};
  if (!voters.includes(id) && !observers.includes(id)) return;
  assert.ok(!kubernetes.isUsable(claimName), `${claimName} is deleted, and a member could still use it`);
  const ids = serving.map(serverId).filter((one) => one !== id && voters.includes(one));
  assert.ok(ids.length >= majorityOf(voters.length), `${claimName} is deleted, and the others are too few`);
}

/** Only hibernation leaves no voter. */
export function checkSize({ theCluster, statefulSet }: World, object: KubeObject): void {
  if (object.kind !== 'StatefulSet' || object.metadata.name !== statefulSet?.metadata.name) return;
  const { replicas } = (object as StatefulSet).spec;
  assert.ok(replicas > 0 || theCluster.spec.hibernated, 'nobody asked for no voter');
}

/** Scaling and hibernation end pods; a voter's only by hibernation. */
export function checkEnd({ theCluster, statefulSet, voters }: World, podName: string): void {
  // Kubernetes may still be at it when the manifest has been taken back.
  const isHibernated = theCluster.spec.hibernated || statefulSet?.spec.replicas === 0;
  const isMember = voters.includes(serverId(podName));
  assert.ok(isHibernated || !isMember, `${podName} ends, and the ensemble still counts on it`);
}

/** All of an ensemble that is being formed goes, to be formed once more. */
function isTakenBack({ theCluster, claims }: World): boolean {
  const isForming = theCluster.status?.bootstrap?.phase === 'Started';
  return isForming && [...claims.values()].every(({ metadata }) => metadata.deletionTimestamp !== undefined);
}

/** It is to form an ensemble with others than the manifest says by now. */
function isMisled({ theCluster, statefulSet }: World, { spec }: Pod): boolean {
  const { volumes } = statefulSet?.spec.template.spec ?? {};
  const isForming = theCluster.status?.bootstrap?.phase === 'Started';
  return isForming && spec?.volumes?.[0]?.configMap?.name !== volumes?.[0]?.configMap?.name;
}

function everyVoterServes({ serving, voters }: World): boolean {
  const ids = new Set(serving.map(serverId));
  return voters.every((id) => ids.has(id));
}
