import { z } from 'zod';
import { bootstrap, restoreSource } from './bootstrap.ts';
import { immutable, rule, validated } from './cel.ts';
import { conditionList, distinct, objectName, quantity, timestamp } from './common-schemas.ts';
import { memberConfig } from './member-config.ts';
import type { KubeObject, ResourceType } from './objects.ts';
import { podAnnotations, podLabels, podResources } from './pods.ts';
import { scheduling } from './scheduling.ts';

/** How the API server names the kind. */
export const COORDINATION_CLUSTER = {
  group: 'zabkeeper.dev',
  version: 'v1alpha1',
  plural: 'coordinationclusters',
  kind: 'CoordinationCluster',
} as const satisfies ResourceType;

/** The most voters an ensemble may have: each further one makes every write wait for one more acknowledgement. */
export const VOTERS_MAX = 9;

/** The most observers: with the voters they fit into a range of ids, and each one is one more stream of writes to send. */
export const OBSERVERS_MAX = 16;

/** The largest server id. It is a byte of ZooKeeper's session ids, in which 255 marks znodes with a TTL. */
export const SERVER_ID_MAX = 254;

/** Pod names add an ordinal and a revision hash to it, and all must fit into a DNS label of 63 characters. */
export const CLUSTER_NAME_LENGTH_MAX = 40;

/** A member's address is `<cluster>-observer-<3 digits>.<cluster>-peers.<namespace>.svc.<domain>`, and a namespace may have 63. */
const CLUSTER_DOMAIN_LENGTH_MAX = 84;

const replicas = z
  .int()
  .default(3)
  .describe('How many members vote: 1, 3, 5, 7 or 9.')
  .meta(
    validated(
      rule(
        'self % 2 == 1',
        'replicas must be odd (1, 3, 5, 7 or 9): an even number of voters survives no more failures than one voter fewer',
      ),
      rule(
        `self <= ${VOTERS_MAX}`,
        `replicas must be ${VOTERS_MAX} or fewer: every write waits for a majority of the voters`,
      ),
    ),
  );

const storage = z
  .object({
    size: quantity
      .default('10Gi')
      .describe('Size of the volume that each member keeps its log and its snapshots on. It can grow, never shrink.'),
    storageClassName: objectName('storage.storageClassName')
      .optional()
      .describe(
        "The StorageClass of the volumes; the cluster's default class where it is not set. Cannot be changed once the ensemble is formed.",
      ),
    whenDeleted: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'What becomes of the volumes when this resource is deleted. Retain: they stay, and a cluster of the same name finds them again.',
      ),
    whenScaled: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'What becomes of the volume of a member that scaling takes away. Retain: it stays, and the member finds it again when it comes back. Delete: no volume stays that has no member.',
      ),
  })
  .meta(
    validated(
      rule(
        "!isQuantity(self.size) || quantity(self.size).compareTo(quantity('64Mi')) >= 0",
        'storage.size must be 64Mi or more: a member needs room for a few snapshots and logs',
      ),
      rule(
        "!isQuantity(self.size) || quantity(self.size).compareTo(quantity('1Ei')) <= 0",
        'storage.size must be 1Ei or less: no volume is larger',
      ),
    ),
  )
  .default({ size: '10Gi', whenDeleted: 'Retain', whenScaled: 'Retain' })
  .describe('The volumes of the members.');

/** What a person declares about an ensemble. */
export const coordinationClusterSpec = z.object({
  replicas,
  observers: z
    .object({
      replicas: z
        .int()
        .default(0)
        .describe(`How many observers, 0 to ${OBSERVERS_MAX}.`)
        .meta(
          validated(
            rule(
              `self >= 0 && self <= ${OBSERVERS_MAX}`,
              `observers.replicas must be between 0 and ${OBSERVERS_MAX}: the leader sends every write to each of them`,
            ),
          ),
        ),
    })
    .default({ replicas: 0 })
    .describe(
      'Members that serve clients and do not vote: more of them make no write slower. They scale on their own.',
    ),
  serverIdOffset: z
    .int()
    .default(0)
    .describe(
      'Added to the id of every member (the first has id 1 + offset), so that several sets of members can form one ensemble. Cannot be changed.',
    )
    .meta(
      validated(
        rule(
          `self >= 0 && self + ${VOTERS_MAX} <= ${SERVER_ID_MAX}`,
          `serverIdOffset must be between 0 and ${SERVER_ID_MAX - VOTERS_MAX}: ids end at ${SERVER_ID_MAX}`,
        ),
        immutable("serverIdOffset cannot be changed: a member's id is written into its data; make a new cluster"),
      ),
    ),
  image: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe("The server's container image. Where it is not set, the one that came with the operator.")
    .meta(
      validated(
        rule(
          "self.matches('^[^[:space:]]+$') && !self.contains('://')",
          'image must be one image reference without spaces and without https://, such as zabkeeper:0.1.0',
        ),
      ),
    ),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z
    .array(z.object({ name: objectName('imagePullSecrets[].name') }))
    .max(16)
    .optional()
    .meta(validated(distinct(['name'], 'imagePullSecrets must not name a Secret twice: remove one of the two')))
    .describe("Secrets of the cluster's namespace to pull the image with."),
  storage,
  resources: podResources,
  config: memberConfig,
  tickTimeMs: z
    .int()
    .default(2000)
    .describe("The ensemble's unit of time in milliseconds; limits and session timeouts are multiples of it.")
    .meta(validated(rule('self >= 100 && self <= 60000', 'tickTimeMs must be between 100 and 60000 milliseconds'))),
  initLimitTicks: z
    .int()
    .default(10)
    .describe('Within how many ticks a member must have synchronized with a new leader.')
    .meta(validated(rule('self >= 1 && self <= 10000', 'initLimitTicks must be between 1 and 10000 ticks'))),
  syncLimitTicks: z
    .int()
    .default(5)
    .describe('For how many ticks a member may be out of touch with its leader.')
    .meta(validated(rule('self >= 1 && self <= 10000', 'syncLimitTicks must be between 1 and 10000 ticks'))),
  scheduling: scheduling.prefault({}).describe('Where the pods may run.'),
  podLabels,
  podAnnotations,
  clusterDomain: z
    .string()
    .max(200)
    .default('cluster.local')
    .describe(
      "The DNS domain of the Kubernetes cluster, part of the members' addresses. Cannot be changed once the ensemble is formed.",
    )
    .meta(
      validated(
        rule(
          "self.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$')",
          'clusterDomain must be a DNS domain such as cluster.local',
        ),
        rule(
          `size(self) <= ${CLUSTER_DOMAIN_LENGTH_MAX}`,
          `clusterDomain must have ${CLUSTER_DOMAIN_LENGTH_MAX} characters or fewer: the addresses of members end with it, and DNS has no names of more than 253`,
        ),
      ),
    ),
  hibernated: z
    .boolean()
    .default(false)
    .describe(
      'While set, no member runs; volumes, Services and configuration stay. Taken back, the same members go on with all their data.',
    ),
  bootstrap: bootstrap.optional(),
  paused: z.boolean().default(false).describe('While set, the operator observes this cluster and changes nothing.'),
});

/** What the operator observed of one member. */
export const memberStatus = z.object({
  /** The pod's name. */
  name: z.string(),
  /** The server's id, N of `server.N`. */
  id: z.int(),
  role: z.enum(['leader', 'follower', 'observer', 'standalone', 'looking', 'unknown']),
  /** The last transaction that it has, as `0x300000005`. Refreshed about once a minute. */
  zxid: z.string().optional(),
  /** By how many transactions it is behind its leader; refreshed with the zxid. */
  lag: z.int().optional(),
  version: z.string().optional(),
  /** It serves clients within a quorum, and Kubernetes knows. */
  ready: z.boolean(),
  /** It votes, by the configuration that is in force. */
  voting: z.boolean().optional(),
});

/** Who belongs to the ensemble, as its leader last told: what holds while no leader can be asked. */
export const membershipStatus = z.object({
  /** The version of the configuration, in hexadecimal as in `/zookeeper/config`. */
  version: z.string(),
  /** Ids of the servers that vote. */
  voters: z.array(z.int()),
  /** Ids of the servers that only observe. */
  observers: z.array(z.int()),
});

/**
 * The latch of the bootstrap. Written before anything that it permits; it never goes back, and the API server sees to it. While it is
 * Started, and nothing has come of it or is left of it, it may be written anew.
 */
export const bootstrapLatch = z
  .object({
    /** Started: members may begin with an empty disk. Completed: never again. */
    phase: z.enum(['Started', 'Completed']),
    /** The UID of the resource that this latch belongs to: a recreated resource has a life of its own. */
    id: z.string(),
    /** ExistingVolumes: volumes of an earlier life were found, so that no member was told to begin anew. */
    origin: z.enum(['Fresh', 'ExistingVolumes', 'Restored']),
    /** Restored: the file that every member begins with. */
    restoreFrom: restoreSource.optional(),
    /** How many members the ensemble was formed with. Who votes since then is a matter of its configuration. */
    replicas: z.int(),
    startedAt: timestamp,
    completedAt: timestamp.optional(),
  })
  .meta({
    // As a whole: of one that a backup tool copied no field must stay beside those of this cluster's own.
    'x-kubernetes-map-type': 'atomic',
    ...validated(
      rule(
        "self.id != oldSelf.id || oldSelf.phase != 'Completed' || self.phase == 'Completed'",
        'a completed bootstrap stays completed: a second one would empty the ensemble',
      ),
    ),
  });

/** One word for the whole state, as `kubectl get` shows it. */
export const CLUSTER_PHASES = [
  'Pending',
  'Bootstrapping',
  'Ready',
  'Updating',
  'Scaling',
  'Hibernated',
  'WakingUp',
  'Degraded',
  'Unavailable',
  'Refused',
  'Paused',
  'Deleting',
] as const;

/** What the operator observed. */
export const coordinationClusterStatus = z
  .object({
    observedGeneration: z.int().optional(),
    phase: z.enum(CLUSTER_PHASES).optional(),
    /** Members that exist as pods, without observers; what the scale subresource reports. */
    replicas: z.int().optional(),
    readyReplicas: z.int().optional(),
    /** Members whose pods are made as the manifest says. */
    updatedReplicas: z.int().optional(),
    /** `ready/desired` of the voters, for the printer column. */
    readiness: z.string().optional(),
    /** The same of the observers. */
    observerReadiness: z.string().optional(),
    /** The label selector of the members' pods, for the scale subresource. */
    selector: z.string().optional(),
    /** The pod that leads. */
    leader: z.string().optional(),
    version: z.string().optional(),
    members: z
      .array(memberStatus)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    /** The size of the members' volumes, of the smallest one where they differ. */
    volumeSize: z.string().max(32).optional(),
    /** When `members` was last written. */
    membersObservedAt: timestamp.optional(),
    bootstrap: bootstrapLatch.optional(),
    membership: membershipStatus.optional(),
    conditions: conditionList,
  })
  .meta(
    validated(
      rule(
        '!has(oldSelf.bootstrap) || has(self.bootstrap)',
        'bootstrap cannot be removed: without it the cluster would count as never begun',
      ),
    ),
  );

/** {@link coordinationClusterSpec} with its defaults filled in. */
export type CoordinationClusterSpec = z.output<typeof coordinationClusterSpec>;
/** See {@link coordinationClusterStatus}. */
export type CoordinationClusterStatus = z.output<typeof coordinationClusterStatus>;
/** See {@link memberStatus}. */
export type MemberStatus = z.output<typeof memberStatus>;
/** See {@link membershipStatus}. */
export type MembershipStatus = z.output<typeof membershipStatus>;
/** See {@link bootstrapLatch}. */
export type BootstrapLatch = z.output<typeof bootstrapLatch>;
/** One of {@link CLUSTER_PHASES}. */
export type ClusterPhase = (typeof CLUSTER_PHASES)[number];

/** An ensemble. */
export interface CoordinationCluster extends KubeObject {
  readonly spec: CoordinationClusterSpec;
  readonly status?: CoordinationClusterStatus;
}

const validatedParts = z.object({
  spec: coordinationClusterSpec,
  status: z.record(z.string(), z.unknown()).optional(),
});

/** What decisions rest on that cannot be observed anew. */
const REMEMBERED: ReadonlySet<string> = new Set(['bootstrap', 'membership']);

/**
 * What an operator recorded, of whatever version. All but what it must remember is made anew anyway: a word in it that this
 * version does not know must not keep it from its work.
 */
function readStatus(status: Readonly<Record<string, unknown>>): CoordinationClusterStatus {
  const fields = Object.entries(coordinationClusterStatus.shape).flatMap(([name, schema]) => {
    const { success, data, error } = schema.safeParse(status[name]);
    if (!success && REMEMBERED.has(name)) throw error;
    return success && data !== undefined ? [[name, data]] : [];
  });
  return Object.fromEntries(fields) as CoordinationClusterStatus;
}

/**
 * Reads an object that the API server sent: fills in defaults that are newer than the object, drops what is unknown.
 *
 * @throws z.ZodError where the object does not fit the schema, which the API server would have refused.
 */
export function parseCoordinationCluster(
  object: KubeObject & { readonly spec?: unknown; readonly status?: unknown },
): CoordinationCluster {
  const { spec, status } = validatedParts.parse({ spec: {}, ...object });
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: object.metadata,
    spec,
    ...(status === undefined ? {} : { status: readStatus(status) }),
  };
}
