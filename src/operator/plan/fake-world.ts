import assert from 'node:assert/strict';
import { parseCoordinationCluster, type CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import type { ConfigMap, PersistentVolumeClaim, Pod, Secret, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, KUBECTL_RESTART_ANNOTATION, selectorLabels } from '../resources/names.ts';
import { superUser } from '../resources/operator-secret.ts';
import { INITIALIZE_FLAG } from '../resources/pod-template.ts';
import { majorityOf } from './members.ts';
import type { MemberReport, Observed, Plan, Step } from './model.ts';
import { planCluster } from './plan.ts';

// For tests: as much of Kubernetes and of an ensemble as a plan can tell from the real ones. The disk is a counter of
// writes, so that a lost write shows.

/** What is on a volume. */
interface Disk {
  /** The newest write on it; 0 is an empty but initialized tree. Undefined: nothing at all, the member must not vote. */
  newest: number | undefined;
}

interface RunningPod extends Pod {
  readonly claimName: string;
  readonly fate: Fate;
  readonly startedAt: string;
}

/** What becomes of a pod: its process works, hangs or ends again and again, or its image does not exist. */
type Fate = 'works' | 'hangs' | 'crashes' | 'pending';

/** A cluster's world, with faults. */
export class FakeWorld {
  cluster: CoordinationCluster | undefined;
  readonly objects = new Map<string, KubeObject>();
  readonly pods = new Map<string, RunningPod>();
  readonly claims = new Map<string, PersistentVolumeClaim>();
  readonly disks = new Map<string, Disk>();
  /** Ordinals of members whose node is down: they cannot run. */
  readonly down = new Set<number>();
  /** How many writes a client was told are done. */
  acknowledged = 0;
  /** The leader's id, while a quorum serves. */
  leader: number | undefined;
  /** Pods that served when the operator deleted them, in this order. */
  readonly restarted: string[] = [];
  #epoch = 0;
  #version = 0;
  #nowMs = Date.parse('2026-01-01T00:00:00Z');

  constructor(spec: object = {}) {
    this.create(spec);
  }

  /** `kubectl apply` of a new cluster. */
  create(spec: object): void {
    this.cluster = parseCoordinationCluster({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationCluster',
      metadata: {
        name: 'test',
        namespace: 'default',
        uid: `uid-${++this.#version}`,
        generation: 1,
        resourceVersion: '1',
      },
      spec,
    });
  }

  /** `kubectl edit`. */
  edit(change: Partial<CoordinationCluster['spec']>): void {
    const cluster = this.theCluster;
    const generation = (cluster.metadata.generation ?? 0) + 1;
    this.cluster = { ...cluster, metadata: { ...cluster.metadata, generation }, spec: { ...cluster.spec, ...change } };
  }

  /** `kubectl delete`; what the finalizer does not hold is gone at once. */
  delete(): void {
    const cluster = this.theCluster;
    this.cluster = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: this.now } };
    this.#collectGarbage();
  }

  get theCluster(): CoordinationCluster {
    assert.ok(this.cluster, 'the cluster exists');
    return this.cluster;
  }

  /** `kubectl rollout restart statefulset`: a field of its own manager, which no apply of the operator's takes away. */
  rolloutRestart(): void {
    const set = this.statefulSet;
    if (set === undefined) return;
    const { template } = set.spec;
    const annotations = { ...template.metadata.annotations, [KUBECTL_RESTART_ANNOTATION]: this.now };
    const metadata = { ...template.metadata, annotations };
    this.#changeSet({ ...set, spec: { ...set.spec, template: { ...template, metadata } } });
  }

  /** `kubectl annotate cc`. */
  annotate(key: string, value: string): void {
    const { metadata } = this.theCluster;
    const annotations = { ...metadata.annotations, [key]: value };
    this.cluster = { ...this.theCluster, metadata: { ...metadata, annotations } };
  }

  /** `kubectl delete secret`. */
  deleteSecret(): void {
    this.objects.delete('Secret/test-operator');
  }

  /** The member's process hangs until its pod is made anew. */
  hang(name: string): void {
    const pod = this.pods.get(name);
    if (pod !== undefined && pod.fate === 'works') this.pods.set(name, { ...pod, fate: 'hangs' });
    this.#elect();
  }

  /** Names of the pods that serve. */
  get serving(): string[] {
    if (this.leader === undefined) return [];
    return [...this.pods.values()].filter((pod) => this.#takesPart(pod)).map(({ metadata }) => metadata.name);
  }

  /** Names of the pods that are not as the StatefulSet's template now says. */
  get outdated(): string[] {
    const wanted = Object.entries(this.statefulSet?.spec.template.metadata.annotations ?? {});
    return [...this.pods.values()]
      .filter(({ metadata }) => wanted.some(([key, value]) => metadata.annotations?.[key] !== value))
      .map(({ metadata }) => metadata.name);
  }

  get now(): string {
    return new Date(this.#nowMs).toISOString();
  }

  get statefulSet(): StatefulSet | undefined {
    return this.objects.get('StatefulSet/test') as StatefulSet | undefined;
  }

  get clientsMayConnect(): boolean {
    return this.objects.has('Service/test-client');
  }

  observe(): Observed {
    const answering = [...this.pods.values()].filter((pod) => this.#takesPart(pod));
    return {
      now: this.now,
      statefulSet: this.statefulSet,
      superUser: this.#secret === undefined ? undefined : superUser(this.#secret.stringData?.['password'] ?? ''),
      freshPassword: `password-${++this.#version}`,
      existing: [...this.objects.values()],
      pods: [...this.pods.values()],
      claims: [...this.claims.values()],
      reports: new Map(answering.map(({ metadata: { name } }) => [name, this.#answer(name)])),
    };
  }

  plan(): Plan {
    return planCluster(this.theCluster, this.observe(), { defaultImage: 'zabkeeper:test' });
  }

  /** One look of the operator, which dies after so many of its writes. Returns whether it came to its end. */
  reconcile(writesMax = Infinity): boolean {
    if (this.cluster === undefined) return true;
    const { steps, status } = this.plan();
    let writes = 0;
    for (const step of steps) {
      if (writes++ >= writesMax) return false;
      this.#perform(step);
      if (this.cluster === undefined) return true;
    }
    if (status !== undefined) {
      if (writes >= writesMax) return false;
      this.cluster = { ...this.theCluster, status };
    }
    return true;
  }

  /** Time passes: Kubernetes makes pods and volumes, members start, elect and synchronize. */
  tick(): void {
    this.#nowMs += 1000;
    this.#runStatefulSet();
    this.#elect();
  }

  /** A client writes. Returns whether it was told that the write is done. */
  write(): boolean {
    if (!this.clientsMayConnect || this.leader === undefined) return false;
    this.acknowledged = Math.max(...[...this.#votingDisks().values()].map(({ newest }) => newest ?? 0)) + 1;
    // The least that makes a quorum has it on disk, and not always the same members.
    const majority = majorityOf(this.#voters);
    const disks = [...this.#runningDisks().values()];
    const first = this.acknowledged % disks.length;
    for (const disk of [...disks.slice(first), ...disks].slice(0, majority)) disk.newest = this.acknowledged;
    return true;
  }

  /** A node fails, or comes back. */
  setNode(ordinal: number, isDown: boolean): void {
    if (isDown) this.down.add(ordinal);
    else this.down.delete(ordinal);
    if (isDown) this.killPod(`test-${ordinal}`);
  }

  killPod(name: string): void {
    this.pods.delete(name);
    this.#elect();
  }

  /** The volume and whatever was on it is gone, and so is the pod that used it. */
  loseVolume(name: string): void {
    this.claims.delete(name);
    this.disks.delete(name);
    for (const [pod, { claimName }] of this.pods) if (claimName === name) this.pods.delete(pod);
    this.#elect();
  }

  #perform(step: Step): void {
    switch (step.do) {
      case 'apply': {
        const key = `${step.kind}/${step.object.metadata.name}`;
        const before = this.objects.get(key)?.metadata;
        const condition = step.object.metadata.resourceVersion;
        assert.ok(condition === undefined || condition === before?.resourceVersion, `${key} is as it was observed`);
        if (step.kind === 'StatefulSet') return this.#changeSet(step.object as StatefulSet);
        const uid = before?.uid ?? `uid-${++this.#version}`;
        const metadata = { ...step.object.metadata, uid, resourceVersion: String(++this.#version) };
        this.objects.set(key, { ...step.object, metadata });
        return;
      }
      case 'create': {
        const key = `${step.kind}/${step.object.metadata.name}`;
        assert.ok(!this.objects.has(key), `${key} is made once`);
        const metadata = { ...step.object.metadata, uid: `uid-${++this.#version}` };
        this.objects.set(key, { ...step.object, metadata });
        return;
      }
      case 'delete':
        if (step.kind === 'Pod') this.#restart(step);
        if (step.kind === 'ConfigMap') {
          assert.deepEqual(this.outdated, [], `nobody needs ${step.name} any more`);
          this.objects.delete(`ConfigMap/${step.name}`);
        }
        if (step.kind === 'PersistentVolumeClaim') this.loseVolume(step.name);
        if (step.kind === 'StatefulSet') {
          this.objects.delete(`StatefulSet/${step.name}`);
          this.pods.clear();
        }
        return;
      case 'expandClaim': {
        const claim = this.claims.get(step.name);
        assert.ok(claim, `${step.name} exists`);
        this.claims.set(step.name, {
          ...claim,
          spec: { ...claim.spec, resources: { requests: { storage: step.size } } },
          status: { capacity: { storage: step.size } },
        });
        return;
      }
      case 'setFinalizers':
        this.cluster = {
          ...this.theCluster,
          metadata: { ...this.theCluster.metadata, finalizers: step.finalizers },
        };
        this.#collectGarbage();
    }
  }

  /** What no restart by the operator may ever do, whatever else is going on. */
  #restart({ name, uid, resourceVersion }: Extract<Step, { do: 'delete' }>): void {
    const pod = this.pods.get(name);
    assert.ok(pod, `${name} is deleted as it was observed`);
    assert.deepEqual([uid, resourceVersion], [pod.metadata.uid, pod.metadata.resourceVersion]);
    assert.ok(this.outdated.includes(name), `${name} is restarted although nothing asks for it`);
    if (this.serving.includes(name)) {
      this.restarted.push(name);
      assert.equal(this.serving.length, this.#voters, `${name} is taken down while another member is`);
      const isLeader = this.leader === serverId(name);
      assert.ok(
        !isLeader || this.outdated.length === 1,
        `the leader ${name} is restarted before ${this.outdated.join()}`,
      );
    }
    this.killPod(name);
  }

  /** As an API server does: what is not the operator's stays, and a change is counted. */
  #changeSet(set: StatefulSet): void {
    const key = `StatefulSet/${set.metadata.name}`;
    const before = this.statefulSet;
    const restartedAt = before?.spec.template.metadata.annotations?.[KUBECTL_RESTART_ANNOTATION];
    const { template } = set.spec;
    const kept = restartedAt === undefined ? {} : { [KUBECTL_RESTART_ANNOTATION]: restartedAt };
    const annotations = { ...kept, ...template.metadata.annotations };
    const spec = { ...set.spec, template: { ...template, metadata: { ...template.metadata, annotations } } };
    const isSame = before !== undefined && canonicalJson(before.spec) === canonicalJson(spec);
    const generation = (before?.metadata.generation ?? 0) + (isSame ? 0 : 1);
    const uid = before?.metadata.uid ?? `uid-${++this.#version}`;
    const metadata = { ...set.metadata, uid, generation, resourceVersion: String(++this.#version) };
    const status = before?.status === undefined ? {} : { status: before.status };
    const changed: StatefulSet = { ...set, ...status, metadata, spec };
    this.objects.set(key, changed);
  }

  get #secret(): Secret | undefined {
    return this.objects.get('Secret/test-operator');
  }

  /** How many voters zoo.cfg lists, whatever runs. */
  get #voters(): number {
    const config = [...this.objects.values()].find(({ kind }) => kind === 'ConfigMap') as ConfigMap | undefined;
    return config?.data['zoo.cfg']?.match(/^server\./gm)?.length ?? 0;
  }

  #collectGarbage(): void {
    const { deletionTimestamp, finalizers = [] } = this.theCluster.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0) return;
    this.cluster = undefined;
    this.objects.clear();
    this.pods.clear();
    this.leader = undefined;
  }

  #runStatefulSet(): void {
    const set = this.statefulSet;
    if (set === undefined) return;
    const observedGeneration = set.metadata.generation ?? 0;
    const seen: StatefulSet = { ...set, status: { observedGeneration } };
    this.objects.set(`StatefulSet/${set.metadata.name}`, seen);
    const [claimTemplate] = set.spec.volumeClaimTemplates;
    assert.ok(claimTemplate);
    const start = set.spec.ordinals?.start ?? 0;
    for (const name of this.pods.keys()) if (serverId(name) > start + set.spec.replicas) this.pods.delete(name);
    for (let ordinal = start; ordinal < start + set.spec.replicas; ordinal++) {
      const name = `${set.metadata.name}-${ordinal}`;
      const claimName = `${DATA_CLAIM}-${name}`;
      if (this.pods.has(name) || this.down.has(ordinal)) continue;
      if (!this.claims.has(claimName)) {
        const metadata = {
          name: claimName,
          uid: `uid-${++this.#version}`,
          labels: claimTemplate.metadata.labels ?? {},
        };
        const { storageClassName, resources } = claimTemplate.spec;
        const { storage } = resources.requests;
        const isThere = !storageClassName?.includes('missing');
        this.claims.set(claimName, {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata,
          spec: {
            ...(storageClassName === undefined ? {} : { storageClassName }),
            resources: { requests: { storage } },
          },
          ...(isThere ? { status: { capacity: { storage } } } : {}),
        });
        this.disks.set(claimName, { newest: undefined });
      }
      this.#startPod(set, name, claimName);
    }
  }

  #startPod(set: StatefulSet, name: string, claimName: string): void {
    const { template } = set.spec;
    const disk = this.#disk(claimName);
    for (const { configMap } of template.spec.volumes) {
      assert.ok(this.objects.has(`ConfigMap/${configMap.name}`), `${name} finds its zoo.cfg`);
    }
    const image = template.spec.containers[0]?.image ?? '';
    const hasVolume = this.claims.get(claimName)?.status !== undefined;
    const fate = image.includes('missing') || !hasVolume ? 'pending' : image.includes('crashing') ? 'crashes' : 'works';
    if (fate !== 'pending' && template.spec.containers[0]?.args.includes(INITIALIZE_FLAG) === true) disk.newest ??= 0;
    this.pods.set(name, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        uid: `uid-${++this.#version}`,
        resourceVersion: String(++this.#version),
        labels: selectorLabels(this.theCluster),
        ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      },
      claimName,
      fate,
      startedAt: this.now,
    });
  }

  /** Those with data on disk vote; the one with the newest leads and gives the others what it has. */
  #elect(): void {
    this.#vote();
    for (const pod of this.pods.values()) this.#report(pod);
  }

  #vote(): void {
    const voters = this.#votingDisks();
    if (this.#voters === 0 || voters.size < majorityOf(this.#voters)) {
      this.leader = undefined;
      return;
    }
    const [best] = [...voters].sort(([, a], [, b]) => (b.newest ?? 0) - (a.newest ?? 0));
    assert.ok(best);
    const [name, { newest = 0 }] = best;
    assert.ok(
      newest >= this.acknowledged,
      `write ${this.acknowledged} was acknowledged, and ${name} leads with ${newest}`,
    );
    if (this.leader !== serverId(name)) this.#epoch += 1;
    this.leader = serverId(name);
    for (const disk of this.#runningDisks().values()) disk.newest = newest;
  }

  #runningDisks(): Map<string, Disk> {
    const running = [...this.pods.values()].filter((pod) => this.#takesPart(pod));
    return new Map(running.map(({ metadata, claimName }) => [metadata.name, this.#disk(claimName)]));
  }

  #votingDisks(): Map<string, Disk> {
    return new Map([...this.#runningDisks()].filter(([, { newest }]) => newest !== undefined));
  }

  #disk(claimName: string): Disk {
    const disk = this.disks.get(claimName);
    assert.ok(disk, `${claimName} has a disk`);
    return disk;
  }

  /** It runs, and began to before this moment. */
  #takesPart({ fate, startedAt }: RunningPod): boolean {
    return fate === 'works' && startedAt !== this.now;
  }

  /** Kubernetes' view of a pod follows what it does. */
  #report(pod: RunningPod): void {
    const ready = this.serving.includes(pod.metadata.name) ? 'True' : 'False';
    const before = pod.status?.conditions?.find(({ type }) => type === 'Ready');
    if (before?.status === ready) return;
    const crashed = { name: 'server', state: { waiting: { reason: 'CrashLoopBackOff' } } };
    this.pods.set(pod.metadata.name, {
      ...pod,
      metadata: { ...pod.metadata, resourceVersion: String(++this.#version) },
      status: {
        phase: pod.fate === 'pending' ? 'Pending' : 'Running',
        conditions: [{ type: 'Ready', status: ready, lastTransitionTime: this.now }],
        ...(pod.fate === 'crashes' ? { containerStatuses: [crashed] } : {}),
      },
    });
  }

  #answer(podName: string): MemberReport {
    const id = serverId(podName);
    const serving = this.serving.includes(podName);
    const state = serving ? (id === this.leader ? 'leader' : 'follower') : 'looking';
    return {
      serverId: id,
      state,
      serving,
      epoch: this.#epoch,
      lastZxid: '0x0',
      leaderId: this.leader,
      version: '0.1.0',
    };
  }
}

function serverId(podName: string): number {
  return Number(podName.slice(podName.lastIndexOf('-') + 1)) + 1;
}
