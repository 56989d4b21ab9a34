import assert from 'node:assert/strict';
import {
  parseCoordinationCluster,
  type CoordinationCluster,
  type CoordinationClusterStatus,
} from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { StatefulSet } from '../resources/kubernetes.ts';
import { DATA_CLAIM, KUBECTL_RESTART_ANNOTATION, ORPHAN_FINALIZER } from '../resources/names.ts';
import { superUser } from '../resources/operator-secret.ts';
import { FakeChecks } from './fake-checks.ts';
import { FakeEnsemble } from './fake-ensemble.ts';
import { FakeKubernetes, serverId } from './fake-kubernetes.ts';
import { checkConfigMap, checkEnd, checkRestart, checkSize, checkStatus, checkVolume } from './fake-rules.ts';
import type { Observed, Plan, Step } from './model.ts';
import { planCluster } from './plan.ts';

/** For tests: a cluster's whole world, with faults. At each write of the operator's the rules of `fake-rules.ts` are asserted. */
export class FakeWorld {
  cluster: CoordinationCluster | undefined;
  readonly kubernetes = new FakeKubernetes();
  readonly checks = new FakeChecks(this.kubernetes.objects);
  readonly ensemble = new FakeEnsemble(() => this.kubernetes.running);
  /** Pods that served when the operator deleted them, in this order. */
  readonly restarted: string[] = [];
  /** How many of the next reconfigurations are lost on their way. */
  requestsLost = 0;
  /** Names of pods from which no answer reaches the operator, whatever they say to others. */
  readonly unheard = new Set<string>();

  constructor(spec: object = {}) {
    this.create(spec);
  }

  /** `kubectl apply` of a new cluster. */
  create(spec: object): void {
    // Whoever had the last volume deleted asked for all writes to be lost.
    if (this.claims.size === 0) this.ensemble.forget();
    this.cluster = parseCoordinationCluster({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationCluster',
      metadata: {
        name: 'test',
        namespace: 'default',
        uid: this.kubernetes.newUid(),
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

  /** `kubectl delete --cascade=orphan`: Kubernetes is still to do its part, {@link orphan}. */
  deleteButLeaveAll(): void {
    const cluster = this.theCluster;
    const finalizers = [...(cluster.metadata.finalizers ?? []), ORPHAN_FINALIZER];
    this.cluster = { ...cluster, metadata: { ...cluster.metadata, deletionTimestamp: this.now, finalizers } };
  }

  /** Kubernetes takes the owner away from what the cluster owns, and its own finalizer from the cluster. */
  orphan(): void {
    for (const [key, object] of this.objects) {
      this.objects.set(key, { ...object, metadata: { ...object.metadata, ownerReferences: [] } });
    }
    const { metadata } = this.theCluster;
    const finalizers = metadata.finalizers?.filter((name) => name !== ORPHAN_FINALIZER) ?? [];
    this.cluster = { ...this.theCluster, metadata: { ...metadata, finalizers } };
    this.#collectGarbage();
  }

  /** `kubectl delete secret`. */
  deleteSecret(): void {
    this.objects.delete('Secret/test-operator');
  }

  /** `kubectl rollout restart statefulset`: a field of its own manager, which no apply of the operator's takes away. */
  rolloutRestart(): void {
    const set = this.statefulSet;
    if (set === undefined) return;
    const { template } = set.spec;
    const annotations = { ...template.metadata.annotations, [KUBECTL_RESTART_ANNOTATION]: this.now };
    const metadata = { ...template.metadata, annotations };
    this.kubernetes.changeSet({ ...set, spec: { ...set.spec, template: { ...template, metadata } } });
  }

  /** `kubectl annotate cc`. */
  annotate(key: string, value: string): void {
    const { metadata } = this.theCluster;
    const annotations = { ...metadata.annotations, [key]: value };
    this.cluster = { ...this.theCluster, metadata: { ...metadata, annotations } };
  }

  get theCluster(): CoordinationCluster {
    assert.ok(this.cluster, 'the cluster exists');
    return this.cluster;
  }

  get objects(): Map<string, KubeObject> {
    return this.kubernetes.objects;
  }

  get pods() {
    return this.kubernetes.pods;
  }

  get claims() {
    return this.kubernetes.claims;
  }

  get disks() {
    return this.kubernetes.disks;
  }

  get outdated(): string[] {
    return this.kubernetes.outdated;
  }

  get now(): string {
    return this.kubernetes.now;
  }

  get statefulSet(): StatefulSet | undefined {
    return this.kubernetes.set('test');
  }

  get clientsMayConnect(): boolean {
    return this.objects.has('Service/test-client');
  }

  get acknowledged(): number {
    return this.ensemble.acknowledged;
  }

  get leader(): number | undefined {
    return this.ensemble.leader;
  }

  /** Names of the pods that serve. */
  get serving(): string[] {
    return this.ensemble.serving;
  }

  /** Ids of the servers that vote. */
  get voters(): readonly number[] {
    return this.ensemble.committed?.voters ?? [];
  }

  observe(): Observed {
    const { kubernetes, ensemble } = this;
    return {
      now: this.now,
      statefulSet: this.statefulSet,
      observerSet: kubernetes.set('test-observer'),
      superUser:
        kubernetes.secret === undefined ? undefined : superUser(kubernetes.secret.stringData?.['password'] ?? ''),
      freshPassword: `password of ${this.now}`,
      existing: [...this.objects.values()],
      pods: [...this.pods.values()],
      claims: [...this.claims.values()],
      strandedClaims: new Set(),
      restoreCheck: this.checks.observe(),
      unreachableClaims: new Set(),
      reports: new Map(
        kubernetes.running
          .filter(({ name }) => !this.unheard.has(name))
          .map((server) => [server.name, ensemble.answer(server)]),
      ),
    };
  }

  plan(): Plan {
    return planCluster(this.theCluster, this.observe(), { defaultImage: 'zabkeeper:test' });
  }

  /**
   * One look of the operator, which dies after so many of its writes. Returns whether it came to its end.
   *
   * @param onPlan Told what it has decided.
   */
  reconcile(writesMax = Infinity, onPlan?: (plan: Plan) => void): boolean {
    if (this.cluster === undefined) return true;
    const plan = this.plan();
    onPlan?.(plan);
    const { steps, status } = plan;
    let writes = 0;
    for (const step of steps) {
      if (writes++ >= writesMax) return false;
      this.perform(step);
      if (this.cluster === undefined) return true;
    }
    if (status !== undefined) {
      if (writes >= writesMax) return false;
      this.recordStatus(status);
    }
    return true;
  }

  /** The operator writes the status. */
  recordStatus(status: CoordinationClusterStatus): void {
    const before = this.theCluster;
    this.cluster = { ...before, status };
    checkStatus(this, before, status);
  }

  /** Time passes: Kubernetes makes pods and volumes, members start, elect and synchronize. */
  tick(): void {
    this.kubernetes.nowMs += 1000;
    this.checks.run();
    this.kubernetes.run((podName) => checkEnd(this, podName));
    this.#elect();
  }

  /** A client writes. Returns whether it was told that the write is done. */
  write(): boolean {
    return this.clientsMayConnect && this.ensemble.write();
  }

  /** A node fails, or comes back. */
  setNode(ordinal: number, isDown: boolean): void {
    const { down } = this.kubernetes;
    if (!isDown) {
      down.delete(ordinal);
      // There is somebody again who can end what was to end.
      for (const [name, { metadata }] of this.pods)
        if (serverId(name) === ordinal + 1 && metadata.deletionTimestamp !== undefined) this.killPod(name);
    } else {
      down.add(ordinal);
      for (const name of this.pods.keys()) if (serverId(name) === ordinal + 1) this.killPod(name);
    }
  }

  /** A node is lost: its pods do nothing any more and are to end, and nobody is there to end them before it is back. */
  loseNode(ordinal: number): void {
    for (const [name, pod] of this.pods) {
      if (serverId(name) !== ordinal + 1 || pod.metadata.deletionTimestamp !== undefined) continue;
      const metadata = { ...pod.metadata, deletionTimestamp: this.now };
      this.pods.set(name, { ...pod, fate: 'hangs', metadata });
    }
    this.#elect();
  }

  killPod(name: string): void {
    this.kubernetes.removePod(name);
    this.#elect();
  }

  /** The member's process hangs until its pod is made anew. */
  hang(name: string): void {
    const pod = this.pods.get(name);
    if (pod !== undefined && pod.fate === 'works') this.pods.set(name, { ...pod, fate: 'hangs' });
    this.#elect();
  }

  /** Those whose processes hang fail their liveness probe. */
  endHangs(): void {
    for (const [name, { fate }] of this.pods) if (fate === 'hangs') this.killPod(name);
  }

  /** `kubectl delete pvc` while a pod uses it: it stays until that one ends. */
  deleteClaim(name: string): void {
    const claim = this.claims.get(name);
    assert.ok(claim, `${name} exists`);
    this.claims.set(name, { ...claim, metadata: { ...claim.metadata, deletionTimestamp: this.now } });
  }

  /** The volume and whatever was on it is gone, and so is the pod that used it. */
  loseVolume(name: string): void {
    this.kubernetes.removeClaim(name);
    this.#elect();
  }

  losePersistentVolume(name: string): void {
    this.kubernetes.losePersistentVolume(name);
    this.#elect();
  }

  /** The member's disk is another one, with nothing on it, under a pod that stays. */
  wipe(podName: string): void {
    this.kubernetes.wipe(podName);
    this.#elect();
  }

  /** The member's data cannot be read any more. */
  damage(podName: string): void {
    const disk = this.disks.get(`${DATA_CLAIM}-${podName}`);
    if (disk !== undefined) disk.isDamaged = true;
    this.#elect();
  }

  #elect(): void {
    this.ensemble.elect();
    this.kubernetes.reportPods(this.serving);
  }

  perform(step: Step): void {
    switch (step.do) {
      case 'apply':
        checkSize(this, step.object);
        this.kubernetes.apply(step.object);
        return;
      case 'create':
        assert.ok(!this.objects.has(`${step.kind}/${step.object.metadata.name}`), 'what exists is not created');
        this.kubernetes.apply(step.object);
        return;
      case 'delete':
        this.#delete(step);
        return;
      case 'expandClaim':
        this.kubernetes.expand(step.name, step.size);
        return;
      case 'reconfigure':
        this.#reconfigure(step);
        return;
      case 'setFinalizers':
        this.cluster = { ...this.theCluster, metadata: { ...this.theCluster.metadata, finalizers: step.finalizers } };
        this.#collectGarbage();
    }
  }

  #reconfigure(step: Extract<Step, { do: 'reconfigure' }>): void {
    if (this.requestsLost-- > 0) return;
    this.requestsLost = 0;
    this.ensemble.reconfigure(step);
    this.kubernetes.reportPods(this.serving);
  }

  #delete(step: Extract<Step, { do: 'delete' }>): void {
    const { kind, name } = step;
    if (kind === 'Pod' && checkRestart(this, name)) this.restarted.push(name);
    if (kind === 'PersistentVolumeClaim') checkVolume(this, name);
    if (kind === 'ConfigMap') checkConfigMap(this, name);
    this.kubernetes.delete(step);
    // Of an ensemble that is begun once more nothing is left.
    if (this.claims.size === 0 && !this.clientsMayConnect) this.ensemble.forget();
    this.#elect();
  }

  #collectGarbage(): void {
    const { deletionTimestamp, finalizers = [] } = this.theCluster.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0) return;
    this.cluster = undefined;
    for (const [key, { metadata }] of this.objects) {
      if (metadata.ownerReferences?.length !== 0) this.objects.delete(key);
    }
    if (this.kubernetes.sets.length > 0) return;
    for (const name of this.pods.keys()) this.kubernetes.removePod(name);
    this.ensemble.elect();
  }
}
