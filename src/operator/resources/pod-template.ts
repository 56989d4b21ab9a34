import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import { STOP_DELAY_VARIABLE } from '../../common/environment.ts';
import type { Ensemble } from './ensemble.ts';
import { fingerprint } from './fingerprint.ts';
import { formedVariable } from './formed.ts';
import type { Container, PodTemplate, Probe } from './kubernetes.ts';
import {
  CONFIG_ANNOTATION,
  configMapName,
  DATA_CLAIM,
  objectLabels,
  PORTS,
  RESTART_ANNOTATION,
  roleLabels,
  selectorLabels,
  TEMPLATE_ANNOTATION,
  type MemberRole,
} from './names.ts';
import { CONTAINER_SECURITY, POD_SECURITY } from './security.ts';
import { CONFIG_DIRECTORY, DATA_DIRECTORY, zooCfg, zooCfgKeys } from './zoo-cfg.ts';

/**
 * Lets a member whose disk is empty vote. Only ever part of a template until the bootstrap is latched as completed; pods that were made
 * with it keep it until something else restarts them, and hear by their environment that it means nothing any more.
 */
export const INITIALIZE_FLAG = '--initialize';

/** Long enough to write what is in flight and to hand the clients over. */
const TERMINATION_GRACE_SECONDS = 30;

/**
 * Until kube-proxy sends no new connection to a pod that is about to end, on a busy node too. A client that went there after the pod
 * is gone would hear nothing, and wait for as long as its session lives.
 */
const STOP_DELAY_MS = 3_000;

/** What a pod's template has beyond what its fingerprint is made of. */
interface Passing {
  readonly initialize: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly configMap: string;
}

/**
 * The template of the members' pods. Its `zabkeeper.dev/template` annotation is the same with and without
 * {@link INITIALIZE_FLAG}, and whatever servers zoo.cfg lists: neither a pod that was started by the bootstrap nor one
 * that was there before others is outdated by that.
 */
export function podTemplate(ensemble: Ensemble, role: MemberRole, initialize: boolean): PodTemplate {
  const restartedAt = ensemble.cluster.metadata.annotations?.[RESTART_ANNOTATION];
  const annotations = {
    [TEMPLATE_ANNOTATION]: templateFingerprint(ensemble, role),
    // Beside the fingerprint and not in it: taking the annotation away again restarts nothing.
    ...(restartedAt === undefined ? {} : { [RESTART_ANNOTATION]: restartedAt }),
  };
  const configMap = configMapName(ensemble.cluster, zooCfg(ensemble));
  return templateWith(ensemble, role, { initialize, annotations, configMap });
}

/** The fingerprint that a pod made from the current manifest carries. */
export function templateFingerprint(ensemble: Ensemble, role: MemberRole): string {
  return fingerprint(templateWith(ensemble, role, { initialize: false, annotations: {}, configMap: '' }));
}

function serverArguments(initialize: boolean): string[] {
  return ['server', '--my-id-from-hostname', ...(initialize ? [INITIALIZE_FLAG] : []), `${CONFIG_DIRECTORY}/zoo.cfg`];
}

function templateWith(ensemble: Ensemble, role: MemberRole, passing: Passing): PodTemplate {
  const { cluster } = ensemble;
  const { spec } = cluster;
  const { nodeSelector, tolerations, priorityClassName } = spec.scheduling;
  return {
    metadata: {
      labels: { ...spec.podLabels, ...objectLabels(cluster), ...roleLabels(role) },
      annotations: {
        ...spec.podAnnotations,
        [CONFIG_ANNOTATION]: fingerprint(zooCfgKeys(ensemble)),
        ...passing.annotations,
      },
    },
    spec: {
      terminationGracePeriodSeconds: TERMINATION_GRACE_SECONDS,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: POD_SECURITY,
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
      ...(tolerations === undefined ? {} : { tolerations }),
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      ...(spec.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets }),
      affinity: spec.scheduling.affinity ?? preferOtherNodes(cluster),
      topologySpreadConstraints: spec.scheduling.topologySpreadConstraints ?? spread(cluster),
      containers: [serverContainer(ensemble, passing.initialize)],
      volumes: [{ name: 'config', configMap: { name: passing.configMap } }],
    },
  };
}

function serverContainer({ cluster, image }: Ensemble, initialize: boolean): Container {
  const { spec } = cluster;
  return {
    name: 'server',
    image,
    imagePullPolicy: spec.imagePullPolicy,
    args: serverArguments(initialize),
    env: [
      // It tells it to whoever asks how it is, see `GET /status`.
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: STOP_DELAY_VARIABLE, value: String(STOP_DELAY_MS) },
      ...(initialize ? [formedVariable(cluster)] : []),
    ],
    ports: Object.entries(PORTS).map(([name, containerPort]) => ({ name, containerPort })),
    resources: spec.resources,
    // Loading a large snapshot takes its time; the other two probes begin only after it.
    startupProbe: probe('/livez', { periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 600 }),
    livenessProbe: probe('/livez', { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }),
    securityContext: CONTAINER_SECURITY,
    // What a member says before it gives up reaches the status of the cluster.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: DATA_CLAIM, mountPath: DATA_DIRECTORY },
      { name: 'config', mountPath: CONFIG_DIRECTORY, readOnly: true },
    ],
  };
}

function probe(path: string, timing: Omit<Probe, 'httpGet'>): Probe {
  return { httpGet: { path, port: 'admin' }, ...timing };
}

/** Prefers and does not require: a small cluster must be able to run an ensemble too. */
function preferOtherNodes(cluster: CoordinationCluster): PodTemplate['spec']['affinity'] {
  return {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: selectorLabels(cluster) },
          },
        },
      ],
    },
  };
}

function spread(cluster: CoordinationCluster): PodTemplate['spec']['topologySpreadConstraints'] {
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorLabels(cluster) },
  }));
}
