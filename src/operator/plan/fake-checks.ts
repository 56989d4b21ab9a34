import type { KubeObject } from '../../api/objects.ts';
import { SNAPSHOT_CONTAINER } from '../resources/backup/snapshot-job.ts';
import type { ContainerState, Job, Pod } from '../resources/kubernetes.ts';
import type { Observed } from './model.ts';

/** What the pod that reads a snapshot finds: a sound file, a sentence about what is wrong, or nothing, since it cannot start. */
export type Finding = { readonly sha256: string } | { readonly wrong: string } | 'cannot start';

/** For tests: Jobs that look at snapshots, among the objects of a world. */
export class FakeChecks {
  finding: Finding = { sha256: 'ab'.repeat(32) };
  /** How many pods have read a snapshot. */
  reads = 0;
  readonly #objects: Map<string, KubeObject>;
  readonly #pods = new Map<string, Pod>();

  constructor(objects: Map<string, KubeObject>) {
    this.#objects = objects;
  }

  observe(): NonNullable<Observed['restoreCheck']> {
    return { jobs: this.#jobs, pods: [...this.#pods.values()] };
  }

  /** Each Job that has not ended makes its one attempt. */
  run(): void {
    for (const job of this.#jobs) if (job.status?.conditions === undefined) this.#attempt(job);
  }

  /** Kubernetes forgets Jobs that have ended, and their pods. */
  forgetEnded(): void {
    for (const job of this.#jobs) if (job.status?.conditions !== undefined) this.#objects.delete(keyOf(job));
    this.forgetPods();
  }

  forgetPods(): void {
    this.#pods.clear();
  }

  get #jobs(): Job[] {
    return [...this.#objects.values()].filter((object): object is Job => object.kind === 'Job');
  }

  #attempt(job: Job): void {
    const { finding } = this;
    if (finding === 'cannot start') {
      const waiting = { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' };
      return this.#setPod(job, { waiting });
    }
    this.reads++;
    const isSound = 'sha256' in finding;
    const message = isSound
      ? JSON.stringify({ zxid: '0x5', znodes: 5, digest: '0x9', bytes: 100, sha256: finding.sha256 })
      : finding.wrong;
    this.#setPod(job, { terminated: { exitCode: isSound ? 0 : 1, message } });
    const conditions = [{ type: isSound ? 'Complete' : 'Failed', status: 'True' }];
    const ended: Job = { ...job, status: { conditions, ...(isSound ? {} : { failed: 1 }) } };
    this.#objects.set(keyOf(job), ended);
  }

  #setPod({ metadata: { name } }: Job, state: ContainerState): void {
    const metadata = { name: `${name}-1`, labels: { 'batch.kubernetes.io/job-name': name } };
    const status = { containerStatuses: [{ name: SNAPSHOT_CONTAINER, state }] };
    this.#pods.set(name, { apiVersion: 'v1', kind: 'Pod', metadata, status });
  }
}

function keyOf({ metadata }: Job): string {
  return `Job/${metadata.name}`;
}
