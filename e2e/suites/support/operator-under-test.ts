import { readFile } from 'node:fs/promises';
import { waitFor } from '../../support/wait-for.ts';
import type { PodObject } from './cluster.ts';
import { apply, get, kubectl, list } from './kubectl.ts';

/** Where the deployed operator and its permissions are. */
export const OPERATOR_NAMESPACE = 'zabkeeper-system';

const DEPLOYED = 'app.kubernetes.io/name=zabkeeper,app.kubernetes.io/component=operator';
const NAME = 'operator-under-test';
const PROXY_PORT = 6443;
/** No suite takes longer, in seconds. */
const LIFE_MAX_S = 600;

const inPod = (name: string): Promise<string> => readFile(new URL(`../in-pod/${name}.ts`, import.meta.url), 'utf8');

/** What the proxy is told to do; see `in-pod/fault-proxy.ts`. */
export interface Faults {
  readonly refuse?: number;
  readonly loseAnswer?: number;
  readonly cutAnswer?: number;
  readonly endWatch?: number;
  readonly refuseDeletions?: boolean;
  readonly frozen?: boolean;
}

/** What the proxy tells about itself. */
export interface FaultReport {
  /** How often each fault was injected. */
  readonly injected: Readonly<Record<string, number>>;
  /** Paths of the deletions that did not, since they were to be refused. */
  readonly refusedDeletions: readonly string[];
  /** Deletions of pods that reached the API server, with the HTTP status that it answered. */
  readonly podDeletions: readonly { readonly path: string; readonly status: number }[];
}

export interface OperatorOptions {
  /** The only namespace that it looks at. */
  readonly watchNamespace: string;
  /** `ZABKEEPER_FAILPOINTS`; `/state` is a folder that outlives the process. */
  readonly failpoints?: string;
  /** Puts the misbehaving API server before the real one, with these dice. */
  readonly proxySeed?: number;
}

/**
 * An operator of a suite's own, in a pod that starts it again whenever it ends. The deployed one is away meanwhile, since two
 * would do each other's work.
 */
export class OperatorUnderTest {
  static async start(options: OperatorOptions): Promise<OperatorUnderTest> {
    await scaleDeployed(0);
    await waitFor('the deployed operator has ended', async () => (await deployedPods()).length === 0, {
      timeoutMs: 60_000,
      intervalMs: 300,
    });
    await removePod();
    await apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME, namespace: OPERATOR_NAMESPACE },
      data: {
        'supervise.mts': await inPod('supervise'),
        'fault-proxy.mts': await inPod('fault-proxy'),
        kubeconfig: JSON.stringify(kubeconfig()),
      },
    });
    await apply(podOf(options));
    await waitFor(`pod ${NAME} runs`, async () => (await podNow())?.status.phase === 'Running', {
      timeoutMs: 60_000,
      intervalMs: 300,
    });
    return new OperatorUnderTest();
  }

  /** Ends it and brings the deployed one back. */
  static async stop(): Promise<void> {
    await removePod();
    await kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'configmap', NAME, '--ignore-not-found']);
    await scaleDeployed(2);
    await kubectl(['-n', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment/zabkeeper-operator', '--timeout=120s'], {
      timeoutMs: 130_000,
    });
  }

  /** What it printed, the lines of its supervisor among them. */
  async log(container = 'operator'): Promise<string> {
    return kubectl(['-n', OPERATOR_NAMESPACE, 'logs', NAME, '-c', container]);
  }

  /** How often it has ended. */
  async deaths(): Promise<number> {
    return (await this.log()).split('\n').filter((line) => line.startsWith('{"supervisor"')).length;
  }

  /** Sets faults; those that are not named stay as they are. */
  async inject(faults: Faults): Promise<void> {
    await this.proxy('PUT', faults);
  }

  async faultReport(): Promise<FaultReport> {
    return JSON.parse(await this.proxy('GET')) as FaultReport;
  }

  private async proxy(method: 'GET' | 'PUT', body?: object): Promise<string> {
    const options = JSON.stringify({ method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const script = `process.stdout.write(await (await fetch('http://127.0.0.1:${PROXY_PORT}/faults', ${options})).text())`;
    const node = ['node', '--input-type=module', '-e', script];
    return kubectl(['-n', OPERATOR_NAMESPACE, 'exec', NAME, '-c', 'api', '--', ...node]);
  }
}

/** Pods of the deployed operator. */
export async function deployedPods(): Promise<PodObject[]> {
  return list<PodObject>(OPERATOR_NAMESPACE, 'pods', DEPLOYED);
}

async function scaleDeployed(replicas: number): Promise<void> {
  await kubectl(['-n', OPERATOR_NAMESPACE, 'scale', 'deployment/zabkeeper-operator', `--replicas=${replicas}`]);
}

async function podNow(): Promise<PodObject | undefined> {
  return get<PodObject>(OPERATOR_NAMESPACE, 'pod', NAME);
}

async function removePod(): Promise<void> {
  await kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'pod', NAME, '--ignore-not-found', '--grace-period=5']);
}

function podOf({ watchNamespace, failpoints, proxySeed }: OperatorOptions): object {
  const volumeMounts = [
    { name: 'programs', mountPath: '/programs' },
    { name: 'state', mountPath: '/state' },
  ];
  const image = {
    image: 'zabkeeper:dev',
    imagePullPolicy: 'Never',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  const environment = {
    POD_NAME: NAME,
    POD_NAMESPACE: OPERATOR_NAMESPACE,
    SERVER_IMAGE: 'zabkeeper:dev',
    WATCH_NAMESPACE: watchNamespace,
    NODE_COMPILE_CACHE: '/state/compiled',
    ...(failpoints === undefined ? {} : { ZABKEEPER_FAILPOINTS: failpoints }),
    ...(proxySeed === undefined ? {} : { KUBECONFIG: '/programs/kubeconfig' }),
  };
  const operator = {
    name: 'operator',
    ...image,
    command: ['node', '/programs/supervise.mts', '/app/operator.mjs'],
    env: Object.entries(environment).map(([name, value]) => ({ name, value })),
    volumeMounts,
  };
  const api = {
    name: 'api',
    ...image,
    command: ['node', '/programs/fault-proxy.mts'],
    env: [
      { name: 'PORT', value: String(PROXY_PORT) },
      { name: 'SEED', value: String(proxySeed) },
    ],
    volumeMounts,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, namespace: OPERATOR_NAMESPACE },
    spec: {
      serviceAccountName: 'zabkeeper-operator',
      restartPolicy: 'Never',
      // It holds the Lease: should the tests be killed, the deployed operator must get it back.
      activeDeadlineSeconds: LIFE_MAX_S,
      securityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: proxySeed === undefined ? [operator] : [api, operator],
      volumes: [
        { name: 'programs', configMap: { name: NAME } },
        { name: 'state', emptyDir: {} },
      ],
    },
  };
}

function kubeconfig(): object {
  const server = `http://127.0.0.1:${PROXY_PORT}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'faulty', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'operator', user: {} }],
    contexts: [{ name: 'faulty', context: { cluster: 'faulty', user: 'operator' } }],
    'current-context': 'faulty',
  };
}
