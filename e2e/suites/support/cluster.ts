import { waitFor } from '../../support/wait-for.ts';
import { apply, get, kubectl, list } from './kubectl.ts';
import type { KubernetesObject } from './kubectl.ts';

/** Images must be there; then an ensemble is Ready well within this, also on a busy machine. */
const READY_MS = 180_000;

export interface ClusterObject extends KubernetesObject {
  readonly status?: {
    readonly phase?: string;
    readonly leader?: string;
    readonly version?: string;
    readonly readiness?: string;
    readonly observerReadiness?: string;
    readonly updatedReplicas?: number;
    readonly observedGeneration?: number;
    readonly bootstrap?: { readonly phase: string; readonly id: string; readonly startedAt: string };
    readonly membership?: { readonly voters: readonly number[]; readonly observers: readonly number[] };
    readonly members?: readonly MemberObject[];
    readonly conditions?: readonly ConditionObject[];
  };
}

interface ConditionObject {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** One member in the status of a cluster. */
export interface MemberObject {
  readonly name: string;
  readonly id: number;
  readonly role: string;
  readonly zxid?: string;
  readonly lag?: number;
  readonly version?: string;
  readonly ready: boolean;
  readonly voting?: boolean;
}

export interface PodObject extends KubernetesObject {
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly {
      name: string;
      containerID?: string;
      ready: boolean;
      restartCount: number;
    }[];
  };
}

/** A namespace with one `CoordinationCluster` in it; another one with another name, where the namespace is there already. */
export class ClusterUnderTest {
  readonly namespace: string;
  readonly name: string;

  constructor(namespace: string, name = 'zoo') {
    this.namespace = namespace;
    this.name = name;
  }

  /** Where clients connect. */
  get address(): string {
    return `${this.name}-client.${this.namespace}:2181`;
  }

  manifest(spec: object = {}): object {
    return {
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationCluster',
      metadata: { name: this.name, namespace: this.namespace },
      spec: { replicas: 3, storage: { size: '256Mi' }, ...spec },
    };
  }

  /** Makes the namespace anew and applies the manifest; does not wait. */
  async create(spec: object = {}): Promise<void> {
    await recreateNamespace(this.namespace);
    await apply(this.manifest(spec));
  }

  /** Returns how long it took from `kubectl apply` to Ready, in milliseconds. */
  async createReady(spec: object = {}): Promise<number> {
    await recreateNamespace(this.namespace);
    const appliedMs = performance.now();
    await apply(this.manifest(spec));
    await this.ready();
    return performance.now() - appliedMs;
  }

  async remove(): Promise<void> {
    await kubectl(['-n', this.namespace, 'delete', 'cc', '--all', '--timeout=120s'], { timeoutMs: 130_000 });
    await kubectl(['delete', 'namespace', this.namespace, '--wait=false']);
  }

  async object(): Promise<ClusterObject | undefined> {
    return get<ClusterObject>(this.namespace, 'cc', this.name);
  }

  async condition(type: string): Promise<ConditionObject | undefined> {
    return (await this.object())?.status?.conditions?.find((each) => each.type === type);
  }

  async ready(timeoutMs = READY_MS): Promise<void> {
    await waitFor(
      `${this.namespace}/${this.name} is Ready`,
      async () => (await this.condition('Ready'))?.status === 'True',
      {
        timeoutMs,
        intervalMs: 500,
        explain: () => this.describe(),
      },
    );
  }

  /** Waits until the manifest, as it is by now, is not accepted for a reason. Returns the sentence. */
  async refusal(reason: string): Promise<string> {
    return waitFor(
      `${this.namespace}/${this.name} is refused: ${reason}`,
      async () => {
        const { metadata, status } = (await this.object()) ?? {};
        const accepted = status?.conditions?.find(({ type }) => type === 'Accepted');
        if (accepted?.status !== 'False' || accepted.observedGeneration !== metadata?.generation) return undefined;
        return accepted.reason === reason ? accepted.message : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 200, explain: () => this.describe() },
    );
  }

  /** The pod that leads, as the status says. */
  async leader(): Promise<string> {
    return waitFor('there is a leader', async () => (await this.object())?.status?.leader, {
      timeoutMs: 30_000,
      intervalMs: 300,
    });
  }

  async pods(): Promise<PodObject[]> {
    return list<PodObject>(
      this.namespace,
      'pods',
      `app.kubernetes.io/instance=${this.name},app.kubernetes.io/component=server`,
    );
  }

  async pod(name: string): Promise<PodObject> {
    const pod = await get<PodObject>(this.namespace, 'pod', name);
    if (pod === undefined) throw new Error(`there is no pod ${name}`);
    return pod;
  }

  /** What a person would look at when it does not become Ready. */
  async describe(): Promise<string> {
    const parts = await Promise.all([
      kubectl(['-n', this.namespace, 'get', 'cc,sts,pods,pvc', '-o', 'wide']),
      kubectl(['-n', this.namespace, 'get', 'events', '--sort-by=.lastTimestamp']),
      kubectl(['-n', this.namespace, 'get', 'cc', this.name, '-o', 'jsonpath={.status}']),
    ]);
    return parts.join('\n');
  }
}

export async function recreateNamespace(namespace: string): Promise<void> {
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=150s'], { timeoutMs: 160_000 });
  await kubectl(['create', 'namespace', namespace]);
}
