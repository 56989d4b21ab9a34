import { readFile } from 'node:fs/promises';
import { waitFor } from '../../support/wait-for.ts';
import { recreateNamespace, type PodObject } from './cluster.ts';
import { apply, get, kubectl } from './kubectl.ts';

const NAME = 'operator-under-test';
const PROXY_PORT = 6443;
/** No suite takes longer, in seconds. */
const LIFE_MAX_S = 1800;

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
 * An operator of a suite's own, in a pod that starts it again whenever it ends, in a namespace beside the one that it looks at.
 * The deployed one is told to leave that to it, since two would do each other's work: `OWN_OPERATOR` of the Makefile.
 */
export class OperatorUnderTest {
  private readonly namespace: string;

  private constructor(watchNamespace: string) {
    this.namespace = `${watchNamespace}-operator`;
  }

  static async start(options: OperatorOptions): Promise<OperatorUnderTest> {
    const operator = new OperatorUnderTest(options.watchNamespace);
    const { namespace } = operator;
    await assertLeftAlone(options.watchNamespace);
    await recreateNamespace(namespace);
    await Promise.all(rightsIn(namespace).map((object) => apply(object)));
    await apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME, namespace },
      data: {
        'supervise.mts': await inPod('supervise'),
        'fault-proxy.mts': await inPod('fault-proxy'),
        kubeconfig: JSON.stringify(kubeconfig()),
      },
    });
    await apply(podOf(namespace, options));
    const isRunning = async (): Promise<boolean> =>
      (await get<PodObject>(namespace, 'pod', NAME))?.status.phase === 'Running';
    await waitFor(`pod ${NAME} runs`, isRunning, { timeoutMs: 60_000, intervalMs: 300 });
    return operator;
  }

  async stop(): Promise<void> {
    await kubectl(['delete', 'clusterrolebinding', this.namespace, '--ignore-not-found']);
    await kubectl(['delete', 'namespace', this.namespace, '--ignore-not-found', '--wait=false']);
  }

  /** What it printed, the lines of its supervisor among them. */
  async log(container = 'operator'): Promise<string> {
    return kubectl(['-n', this.namespace, 'logs', NAME, '-c', container]);
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
    return kubectl(['-n', this.namespace, 'exec', NAME, '-c', 'api', '--', ...node]);
  }
}

/** @throws Error where the deployed operator looks at that namespace too */
async function assertLeftAlone(namespace: string): Promise<void> {
  const variable = '{.spec.template.spec.containers[0].env[?(@.name=="IGNORE_NAMESPACES")].value}';
  const deployment = ['-n', 'zabkeeper-system', 'get', 'deployment', 'zabkeeper-operator'];
  const ignored = await kubectl([...deployment, '-o', `jsonpath=${variable}`]);
  if (!ignored.split(',').includes(namespace)) {
    throw new Error(
      `the deployed operator looks at ${namespace} too (IGNORE_NAMESPACES=${ignored}): name it in OWN_OPERATOR of the Makefile`,
    );
  }
}

/** What the deployed operator may do, and a Lease of its own. */
function rightsIn(namespace: string): object[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace }];
  const roleRef = (kind: string, name: string): object => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  const metadata = { name: NAME, namespace };
  const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion, kind: 'Role', metadata, rules: [leases] },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef: roleRef('Role', NAME), subjects },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name: namespace },
      roleRef: roleRef('ClusterRole', 'zabkeeper-operator'),
      subjects,
    },
  ];
}

function podOf(namespace: string, { watchNamespace, failpoints, proxySeed }: OperatorOptions): object {
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
    POD_NAMESPACE: namespace,
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
    metadata: { name: NAME, namespace },
    spec: {
      serviceAccountName: NAME,
      restartPolicy: 'Never',
      // Should the tests be killed, it must not go on for ever.
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
