import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { parseCoordinationBackup, type CoordinationBackup } from '../../../api/coordination-backup.ts';
import { parseCoordinationCluster, type CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { backupJobName, removalJobName } from '../../resources/backup/jobs.ts';
import { SNAPSHOT_CONTAINER } from '../../resources/backup/snapshot-job.ts';
import type { ContainerState, Job, Pod } from '../../resources/kubernetes.ts';
import type { PlannedEvent, Step } from '../model.ts';
import { planBackup } from './backup.ts';
import type { ObservedBackup, ResourcePlan } from './model.ts';

// For tests: as much of Kubernetes, of zabctl and of a bucket as the plan of a backup can tell from the real ones.

/** What becomes of the next attempt of a Job. */
export type Fate = 'succeeds' | 'fails' | 'stores and is killed' | 'cannot start';

/** What Kubernetes says of a pod whose Secret is not there. */
const WAITING = { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' };

/** The world around one backup of one cluster. */
export class FakeBackupWorld {
  backup: CoordinationBackup | undefined;
  /** The clusters that begin with a snapshot. */
  restoring: readonly CoordinationCluster[] | undefined = [];
  clusterServes = true;
  /** What of the cluster's manifest another version of the operator has written. */
  clusterNotUnderstood: string | undefined;
  clusterImage = 'zabkeeper:test';
  /** How many snapshots were ever stored, and whether the last one still is. */
  stored = { count: 0, present: false };
  readonly jobs = new Map<string, Job>();
  readonly pods = new Map<string, Pod>();
  readonly told: PlannedEvent[] = [];
  #toldOfVersion: { version: CoordinationBackup | undefined; told: Set<string> } = {
    version: undefined,
    told: new Set(),
  };
  #number = 0;
  #nowMs = Date.parse('2026-01-01T00:00:00Z');

  constructor(spec: object = {}) {
    const object = {
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationBackup',
      metadata: { name: 'monday', namespace: 'default', uid: 'uid-b', generation: 1 },
      spec: { clusterRef: { name: 'zoo' }, destination: { s3: { bucket: 'backups' } }, ...spec },
    };
    this.backup = parseCoordinationBackup(object);
  }

  get theBackup(): CoordinationBackup {
    assert.ok(this.backup, 'the backup exists');
    return this.backup;
  }

  get condition(): string {
    return this.theBackup.status?.conditions?.find(({ type }) => type === 'Complete')?.message ?? '';
  }

  observe(): ObservedBackup {
    return {
      now: new Date(this.#nowMs).toISOString(),
      cluster: this.clusterNotUnderstood === undefined ? this.#cluster() : undefined,
      clusterNotUnderstood: this.clusterNotUnderstood,
      job: this.jobs.get(backupJobName(this.theBackup)),
      removal: this.jobs.get(removalJobName(this.theBackup)),
      pods: [...this.pods.values()],
      restoring: this.restoring,
    };
  }

  plan(): ResourcePlan<NonNullable<CoordinationBackup['status']>> {
    return planBackup(this.theBackup, this.observe(), { defaultImage: 'zabkeeper:test' });
  }

  /** One look of the operator, which dies after so many of its writes. */
  reconcile(writesMax = Infinity): void {
    if (this.backup === undefined) return;
    const { steps, events, status } = this.plan();
    let writes = 0;
    for (const step of steps) {
      if (writes++ >= writesMax) return;
      this.#perform(step);
    }
    for (const event of events) {
      if (writes++ >= writesMax) return;
      this.#tell(event);
    }
    if (this.backup === undefined || status === undefined || writes >= writesMax) return;
    if (!isDeepStrictEqual(status, this.backup.status)) this.backup = { ...this.backup, status };
  }

  /** Said again of the same version of the resource, it is the same Event. */
  #tell(event: PlannedEvent): void {
    if (this.#toldOfVersion.version !== this.backup) this.#toldOfVersion = { version: this.backup, told: new Set() };
    const said = JSON.stringify(event);
    if (this.#toldOfVersion.told.has(said)) return;
    this.#toldOfVersion.told.add(said);
    this.told.push(event);
  }

  /** `kubectl delete`. */
  delete(): void {
    const { metadata } = this.theBackup;
    this.backup = {
      ...this.theBackup,
      metadata: { ...metadata, deletionTimestamp: new Date(this.#nowMs).toISOString() },
    };
    this.#collectGarbage();
  }

  /** Every Job that has not ended makes one attempt. */
  tick(fate: Fate = 'succeeds'): void {
    this.#nowMs += 10_000;
    for (const job of this.jobs.values()) {
      if (job.status?.conditions === undefined) this.#attempt(job, fate);
    }
  }

  /** Kubernetes forgets pods that have ended. */
  forgetPods(): void {
    this.pods.clear();
  }

  /** Kubernetes forgets Jobs that have ended, and their pods. */
  forgetJobs(): void {
    for (const [name, { status }] of this.jobs) if (status?.conditions !== undefined) this.jobs.delete(name);
    this.forgetPods();
  }

  /** The Jobs' time is up: Kubernetes removes the pods, which count as failed, and then says that it has ended the Jobs. */
  passDeadline(): void {
    for (const [name, job] of this.jobs) this.jobs.set(name, { ...job, status: { ...job.status, failed: 1 } });
    this.pods.clear();
    this.reconcile();
    for (const [name, job] of this.jobs) {
      const failed = { type: 'Failed', status: 'True', reason: 'DeadlineExceeded' };
      if (job.status?.conditions === undefined) this.jobs.set(name, { ...job, status: { conditions: [failed] } });
    }
  }

  #attempt(job: Job, fate: Fate): void {
    const { name } = job.metadata;
    const waiting = `waiting-${name}`;
    this.pods.delete(waiting);
    if (fate === 'cannot start') {
      this.#addPod(waiting, job, { waiting: WAITING });
      return;
    }
    const removes = name === removalJobName(this.theBackup);
    if (fate === 'fails') return this.#fail(job, 'ZK_BACKUP_FAILED: no answer');
    if (removes) {
      assert.equal(this.jobs.has(backupJobName(this.theBackup)), false, 'nothing stores while it is removed');
      this.stored.present = false;
    } else if (!this.stored.present) {
      this.stored = { count: this.stored.count + 1, present: true };
    }
    if (fate === 'stores and is killed') return this.#fail(job, '');
    const result = {
      zxid: '0x1',
      znodes: 5,
      digest: '0x9',
      bytes: 100,
      sha256: 'ab',
      member: 'zoo-1.peers:8080',
      version: '1',
    };
    this.#end(job, 0, JSON.stringify(result));
    this.jobs.set(name, { ...job, status: { conditions: [{ type: 'Complete', status: 'True' }] } });
  }

  #fail(job: Job, message: string): void {
    this.#end(job, 1, message);
    const failed = (job.status?.failed ?? 0) + 1;
    const isOver = failed > job.spec.backoffLimit;
    const conditions = isOver ? { conditions: [{ type: 'Failed', status: 'True' }] } : {};
    this.jobs.set(job.metadata.name, { ...job, status: { failed, ...conditions } });
  }

  #end(job: Job, exitCode: number, message: string): void {
    this.#addPod(`pod-${++this.#number}`, job, { terminated: { exitCode, message } });
  }

  #addPod(name: string, job: Job, state: ContainerState): void {
    const labels = { 'batch.kubernetes.io/job-name': job.metadata.name };
    const creationTimestamp = new Date(this.#nowMs).toISOString();
    this.pods.set(name, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels, creationTimestamp },
      status: { containerStatuses: [{ name: SNAPSHOT_CONTAINER, state }] },
    });
  }

  #perform(step: Step): void {
    switch (step.do) {
      case 'create': {
        const { name } = step.object.metadata;
        assert.ok(!this.jobs.has(name), `${name} is made once`);
        const creationTimestamp = new Date(this.#nowMs).toISOString();
        const metadata = { ...step.object.metadata, uid: `uid-${++this.#number}`, creationTimestamp };
        this.jobs.set(name, { ...(step.object as Job), metadata });
        return;
      }
      case 'delete':
        assert.equal(this.jobs.get(step.name)?.metadata.uid, step.uid);
        this.jobs.delete(step.name);
        this.forgetPods();
        return;
      case 'setFinalizers':
        if (step.announce !== undefined) this.#tell(step.announce);
        this.backup = { ...this.theBackup, metadata: { ...this.theBackup.metadata, finalizers: step.finalizers } };
        this.#collectGarbage();
        return;
      default:
        assert.fail(`a backup needs no ${step.do}`);
    }
  }

  #collectGarbage(): void {
    const { deletionTimestamp, finalizers = [] } = this.theBackup.metadata;
    if (deletionTimestamp === undefined || finalizers.length > 0) return;
    this.backup = undefined;
    this.jobs.clear();
    this.pods.clear();
  }

  #cluster(): CoordinationCluster {
    const status = this.clusterServes ? 'True' : 'False';
    const times = { lastTransitionTime: '2026-01-01T00:00:00Z' };
    return parseCoordinationCluster({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationCluster',
      metadata: { name: 'zoo', namespace: 'default', uid: 'uid-c' },
      spec: { image: this.clusterImage },
      status: {
        conditions: [{ type: 'Available', status, reason: 'QuorumServes', message: 'no quorum', ...times }],
        members: ['zoo-0', 'zoo-1'].map((name, id) => ({ name, id, role: 'follower', ready: true })),
      },
    });
  }
}
