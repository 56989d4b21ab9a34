import assert from 'node:assert/strict';
import type { KubeObject } from '../../api/objects.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import type { ConfigMap, PersistentVolumeClaim, Pod, Secret, StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, KUBECTL_RESTART_ANNOTATION } from '../resources/names.ts';
import { refuseForbiddenChange } from './fake-admission.ts';
import { startOn, type FakeContainers } from './fake-containers.ts';
import { configurationIn, type FakeConfiguration, type FakeDisk, type FakeServer } from './fake-ensemble.ts';
import type { Step } from './model.ts';

// For tests: as much of Kubernetes as a plan can tell from the real one.

/** What becomes of a pod: its process works, hangs or ends again and again, or its image does not exist. */
type Fate = 'works' | 'hangs' | 'crashes' | 'pending';

/** A pod with what only the world knows of it. */
export interface RunningPod extends Pod {
  readonly claimName: string;
  readonly fate: Fate;
  readonly startedAt: string;
  readonly containers: FakeContainers;
  /** What its zoo.cfg lists. */
  readonly seeds: FakeConfiguration;
}

type Deletion = Extract<Step, { readonly do: 'delete' }>;

/** Objects, StatefulSets at work, pods and volumes. */
export class FakeKubernetes {
  readonly objects = new Map<string, KubeObject>();
  readonly pods = new Map<string, RunningPod>();
  readonly claims = new Map<string, PersistentVolumeClaim>();
  readonly disks = new Map<string, FakeDisk>();
  /** Ordinals of members whose node is down: they cannot run. */
  readonly down = new Set<number>();
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  #version = 0;

  get now(): string {
    return new Date(this.nowMs).toISOString();
  }

  newUid(): string {
    return `uid-${++this.#version}`;
  }

  set(name: string): StatefulSet | undefined {
    return this.objects.get(`StatefulSet/${name}`) as StatefulSet | undefined;
  }

  get secret(): Secret | undefined {
    return this.objects.get('Secret/test-operator');
  }

  get sets(): StatefulSet[] {
    return [...this.objects.values()].filter((object): object is StatefulSet => object.kind === 'StatefulSet');
  }

  /** The servers whose processes run, and began to before this moment. */
  get running(): FakeServer[] {
    return [...this.pods.values()]
      .filter((pod) => pod.fate === 'works' && pod.startedAt !== this.now && this.isUsable(pod.claimName))
      .map(({ metadata: { name, uid = '' }, claimName, seeds }) => ({
        name,
        id: serverId(name),
        podUid: uid,
        disk: this.disk(claimName),
        seeds,
      }));
  }

  /** Whether a process can start from the volume. */
  isUsable(claimName: string): boolean {
    return this.claims.get(claimName)?.status?.phase !== 'Lost' && !this.disk(claimName).isDamaged;
  }

  disk(claimName: string): FakeDisk {
    const disk = this.disks.get(claimName);
    assert.ok(disk, `${claimName} has a disk`);
    return disk;
  }

  /** Names of the pods that are not as their StatefulSet's template now says. */
  get outdated(): string[] {
    return this.sets.flatMap((set) => {
      const wanted = Object.entries(set.spec.template.metadata.annotations ?? {});
      return [...this.pods.values()]
        .filter(({ metadata: { name } }) => setOf(name) === set.metadata.name)
        .filter(({ metadata }) => wanted.some(([key, value]) => metadata.annotations?.[key] !== value))
        .map(({ metadata }) => metadata.name);
    });
  }

  apply(object: KubeObject): void {
    const key = `${object.kind}/${object.metadata.name}`;
    const before = this.objects.get(key)?.metadata;
    const condition = object.metadata.resourceVersion;
    assert.ok(condition === undefined || condition === before?.resourceVersion, `${key} is as it was observed`);
    if (object.kind === 'StatefulSet') {
      this.changeSet(object as StatefulSet);
      return;
    }
    const uid = before?.uid ?? this.newUid();
    this.objects.set(key, { ...object, metadata: { ...object.metadata, uid, resourceVersion: this.#nextVersion() } });
  }

  /** As an API server does: what is not the operator's stays, and a change is counted. */
  changeSet(set: StatefulSet): void {
    const before = this.set(set.metadata.name);
    if (before !== undefined) refuseForbiddenChange(before, set);
    const restartedAt = before?.spec.template.metadata.annotations?.[KUBECTL_RESTART_ANNOTATION];
    const { template } = set.spec;
    const kept = restartedAt === undefined ? {} : { [KUBECTL_RESTART_ANNOTATION]: restartedAt };
    const annotations = { ...kept, ...template.metadata.annotations };
    const spec = { ...set.spec, template: { ...template, metadata: { ...template.metadata, annotations } } };
    const isSame = before !== undefined && canonicalJson(before.spec) === canonicalJson(spec);
    const generation = (before?.metadata.generation ?? 0) + (isSame ? 0 : 1);
    const uid = before?.metadata.uid ?? this.newUid();
    const metadata = { ...set.metadata, uid, generation, resourceVersion: this.#nextVersion() };
    const status = before?.status === undefined ? {} : { status: before.status };
    const changed: StatefulSet = { ...set, ...status, metadata, spec };
    this.objects.set(`StatefulSet/${set.metadata.name}`, changed);
  }

  delete({ kind, name, uid, resourceVersion }: Deletion): void {
    switch (kind) {
      case 'Pod':
        this.#expect(this.pods.get(name), name, uid, resourceVersion);
        this.removePod(name);
        return;
      case 'PersistentVolumeClaim': {
        const claim = this.#expect(this.claims.get(name), name, uid, resourceVersion);
        const metadata = { ...claim.metadata, deletionTimestamp: this.now, resourceVersion: this.#nextVersion() };
        this.claims.set(name, { ...claim, metadata });
        this.#finalizeClaims();
        return;
      }
      case 'StatefulSet':
        this.objects.delete(`StatefulSet/${name}`);
        for (const pod of this.pods.keys()) if (setOf(pod) === name) this.removePod(pod);
        return;
      default:
        this.objects.delete(`${kind}/${name}`);
    }
  }

  expand(name: string, storage: string): void {
    const claim = this.claims.get(name);
    assert.ok(claim?.status?.capacity, `${name} exists, and has a volume that can grow`);
    const spec = { ...claim.spec, resources: { requests: { storage } } };
    this.claims.set(name, { ...claim, spec, status: { capacity: { storage } } });
  }

  removePod(name: string): void {
    this.pods.delete(name);
    this.#finalizeClaims();
  }

  /** The volume and whatever was on it is gone, and so is the pod that used it. */
  removeClaim(name: string): void {
    this.claims.delete(name);
    this.disks.delete(name);
    for (const [pod, { claimName }] of this.pods) if (claimName === name) this.pods.delete(pod);
  }

  /** The PersistentVolume behind a claim is gone; the claim stays, and says so. */
  losePersistentVolume(claimName: string): void {
    const claim = this.claims.get(claimName);
    if (claim === undefined) return;
    this.claims.set(claimName, { ...claim, status: { phase: 'Lost' } });
    for (const [pod, { claimName: used }] of this.pods) if (used === claimName) this.removePod(pod);
  }

  /** The member's disk is another one, with nothing on it, under a pod that stays: its containers start again. */
  wipe(podName: string): void {
    const pod = this.pods.get(podName);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const disk: FakeDisk = { newest: undefined, configuration: undefined, isDamaged: false };
    this.disks.set(pod.claimName, disk);
    if (pod.fate !== 'pending') startOn(disk, pod.containers, this.objects);
    const fate = pod.fate === 'hangs' ? 'works' : pod.fate;
    this.pods.set(podName, { ...pod, fate, startedAt: this.now });
  }

  /** The StatefulSets' controller and the kubelets do what they have to. */
  run(mayEnd: (podName: string) => void): void {
    for (const set of this.sets) this.#runSet(set, mayEnd);
  }

  /** Kubernetes' view of a pod follows what it does. */
  reportPods(serving: readonly string[]): void {
    for (const pod of this.pods.values()) {
      const ready = serving.includes(pod.metadata.name) ? 'True' : 'False';
      const before = pod.status?.conditions?.find(({ type }) => type === 'Ready');
      const containerStatuses = containersOf(pod, this.disks.get(pod.claimName)?.isDamaged ?? false);
      if (before?.status === ready && containerStatuses.length === pod.status?.containerStatuses?.length) continue;
      const lastTransitionTime = before?.status === ready ? (before.lastTransitionTime ?? this.now) : this.now;
      this.pods.set(pod.metadata.name, {
        ...pod,
        metadata: { ...pod.metadata, resourceVersion: this.#nextVersion() },
        status: {
          phase: pod.fate === 'pending' ? 'Pending' : 'Running',
          podIP: `10.0.0.${serverId(pod.metadata.name)}`,
          conditions: [{ type: 'Ready', status: ready, lastTransitionTime }],
          containerStatuses,
        },
      });
    }
  }

  #runSet(set: StatefulSet, mayEnd: (podName: string) => void): void {
    const name = set.metadata.name;
    this.objects.set(`StatefulSet/${name}`, {
      ...set,
      status: { observedGeneration: set.metadata.generation ?? 0 },
    } as StatefulSet);
    const start = set.spec.ordinals?.start ?? 0;
    for (const pod of this.pods.keys()) {
      if (setOf(pod) !== name || serverId(pod) <= start + set.spec.replicas) continue;
      mayEnd(pod);
      this.removePod(pod);
    }
    for (let ordinal = start; ordinal < start + set.spec.replicas; ordinal++) {
      const podName = `${name}-${ordinal}`;
      if (this.pods.has(podName) || this.down.has(ordinal)) continue;
      const claimName = `${DATA_CLAIM}-${podName}`;
      if (!this.claims.has(claimName)) this.#makeClaim(set, claimName);
      if (this.claims.get(claimName)?.metadata.deletionTimestamp === undefined) this.#startPod(set, podName, claimName);
    }
  }

  #makeClaim(set: StatefulSet, name: string): void {
    const [template] = set.spec.volumeClaimTemplates;
    assert.ok(template);
    const { storageClassName, resources } = template.spec;
    const { storage } = resources.requests;
    const isThere = !storageClassName?.includes('missing');
    const labels = template.metadata.labels ?? {};
    this.claims.set(name, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, uid: this.newUid(), resourceVersion: this.#nextVersion(), labels },
      spec: {
        ...(storageClassName === undefined ? {} : { storageClassName }),
        resources: { requests: { storage } },
      },
      ...(isThere ? { status: { capacity: { storage } } } : {}),
    });
    this.disks.set(name, { newest: undefined, configuration: undefined, isDamaged: false });
  }

  #startPod(set: StatefulSet, name: string, claimName: string): void {
    const { template } = set.spec;
    const [container] = template.spec.containers;
    const config = this.objects.get(`ConfigMap/${template.spec.volumes[0]?.configMap?.name ?? ''}`) as
      ConfigMap | undefined;
    assert.ok(config, `${name} finds its zoo.cfg`);
    const seeds = configurationIn(config.data['zoo.cfg'] ?? '');
    assert.ok([...seeds.voters, ...seeds.observers].includes(serverId(name)), `${name} finds itself in its zoo.cfg`);
    const image = container?.image ?? '';
    const hasVolume = this.claims.get(claimName)?.status?.capacity !== undefined;
    const fate = !hasVolume || image.includes('missing') ? 'pending' : image.includes('crashing') ? 'crashes' : 'works';
    if (fate !== 'pending') startOn(this.disk(claimName), template.spec, this.objects);
    this.pods.set(name, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        uid: this.newUid(),
        resourceVersion: this.#nextVersion(),
        creationTimestamp: this.now,
        labels: template.metadata.labels ?? {},
        ...(template.metadata.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
      },
      spec: { volumes: template.spec.volumes },
      claimName,
      fate,
      startedAt: this.now,
      containers: template.spec,
      seeds,
    });
  }

  /** A volume stays as long as a pod uses it; one that found no node does not, and is left without. */
  #finalizeClaims(): void {
    for (const [name, { metadata, status }] of this.claims) {
      const pods = [...this.pods.values()].filter(({ claimName }) => claimName === name);
      const isUsed = pods.some(({ fate }) => fate !== 'pending' || status?.phase !== 'Lost');
      if (metadata.deletionTimestamp === undefined || isUsed) continue;
      this.claims.delete(name);
      this.disks.delete(name);
    }
  }

  #expect<T extends KubeObject>(object: T | undefined, name: string, uid: string, resourceVersion?: string): T {
    assert.ok(object, `${name} is deleted as it was observed`);
    assert.equal(object.metadata.uid, uid);
    assert.ok(
      resourceVersion === undefined || resourceVersion === object.metadata.resourceVersion,
      `${name} is as observed`,
    );
    return object;
  }

  #nextVersion(): string {
    return String(++this.#version);
  }
}

/** The id of the server in a pod. */
export function serverId(podName: string): number {
  return Number(podName.slice(podName.lastIndexOf('-') + 1)) + 1;
}

function setOf(podName: string): string {
  return podName.slice(0, podName.lastIndexOf('-'));
}

function containersOf({ fate }: RunningPod, isDamaged: boolean) {
  if (isDamaged && fate === 'works') {
    const terminated = { exitCode: 3, message: 'ZK_LOG_CORRUPT: /data/version-2/log.1 has a damaged record' };
    return [{ name: 'server', state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } }];
  }
  return fate === 'crashes' ? [{ name: 'server', state: { waiting: { reason: 'CrashLoopBackOff' } } }] : [];
}
