import { randomBytes } from 'node:crypto';
import { parseCoordinationBackup } from '../../api/coordination-backup.ts';
import type { CoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject, ObjectMeta } from '../../api/objects.ts';
import type { KubeClient } from '../kube/client.ts';
import { isForbidden } from '../kube/errors.ts';
import type { ReadableCache } from '../kube/object-cache.ts';
import type { Observed } from '../plan/model.ts';
import { jobState, podsOf } from '../plan/backup/attempts.ts';
import { validLatch } from '../plan/bootstrap.ts';
import { checkLabels } from '../resources/backup/check.ts';
import {
  KINDS,
  type Job,
  type Kind,
  type PersistentVolumeClaim,
  type Pod,
  type Secret,
  type StatefulSet,
} from '../resources/kubernetes.ts';
import {
  clientServiceName,
  everySlot,
  formedName,
  isMemberClaim,
  labelSelector,
  namespaceOf,
  operatorSecretName,
  peerServiceName,
  selectorLabels,
  selectorString,
  setName,
} from '../resources/names.ts';
import { superUser, type SuperUser } from '../resources/operator-secret.ts';
import { jobRefusal, podRefusals } from './pod-refusals.ts';
import type { MemberReader } from './member-reader.ts';
import { observeStranded } from './stranded-claims.ts';
import { parsed } from './understood.ts';

/** The kinds that are read from caches. */
export type CachedKind = Exclude<Kind, 'StatefulSet' | 'Secret' | 'Job' | 'CoordinationBackup'>;

/** Bytes of a new password: nobody guesses it, so that its SHA-1 digest may be seen. */
const PASSWORD_BYTES = 24;

/** What {@link observe} reads with. */
export interface Sources {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'now'>;
  readonly caches: Readonly<Record<CachedKind, ReadableCache<KubeObject>>>;
  readonly readMembers: MemberReader;
}

/** Where pods and volumes are read from: the caches, which may lag behind, or the API server itself. */
export type Source = 'cache' | 'api';

/**
 * Reads the world around a cluster. The StatefulSets, and the volumes whenever a decision about their data is due, are
 * read from the API server itself: a stale cache must never make a second bootstrap or delete a volume. So is the Secret,
 * which the operator may read by its name only.
 */
export async function observe(cluster: CoordinationCluster, sources: Sources, source: Source): Promise<Observed> {
  const pods = source === 'cache' ? cached<Pod>(sources.caches.Pod, cluster) : await readPods(cluster, sources);
  const namespace = namespaceOf(cluster);
  const [statefulSet, observerSet, secret, { claims, foreignClaims }, others, reports] = await Promise.all([
    sources.client.get<StatefulSet>(KINDS.StatefulSet, namespace, setName(cluster)),
    sources.client.get<StatefulSet>(KINDS.StatefulSet, namespace, setName(cluster, 'observer')),
    sources.client.get<Secret>(KINDS.Secret, namespace, operatorSecretName(cluster)),
    observeClaims(cluster, sources, source),
    Promise.all(cachedNames(cluster).map(([kind, name]) => observeObject(cluster, kind, name, sources))),
    sources.readMembers(pods),
  ]);
  const sets = [statefulSet, observerSet].filter((set) => set !== undefined);
  const someMissing = pods.length < sets.reduce((sum, { spec }) => sum + spec.replicas, 0);
  const refusals = someMissing ? await podRefusals(cluster, sets, sources.client) : undefined;
  const configurations = cached(sources.caches.ConfigMap, cluster).filter(
    ({ metadata }) => isOwned(metadata, cluster) && metadata.name !== formedName(cluster),
  );
  const existing = [statefulSet, observerSet, secret, ...others, ...configurations].filter(
    (object) => object !== undefined,
  );
  const freshPassword = randomBytes(PASSWORD_BYTES).toString('base64url');
  const now = sources.client.now().toISOString();
  const stranded = await observeStranded(claims, pods, sources);
  const known = { statefulSet, observerSet, superUser: superUserIn(secret), freshPassword, existing, refusals };
  const isFormed = validLatch(cluster)?.phase === 'Completed';
  const restore = isFormed ? {} : await observeRestore(cluster, sources);
  return { ...restore, now, ...known, ...stranded, pods, claims, foreignClaims, reports };
}

/** What of a CoordinationBackup was observed that a cluster is to begin with. */
type ObservedSource = Pick<Observed, 'restoreBackup' | 'restoreBackupNotUnderstood' | 'restoreBackupForbidden'>;

/** What the manifest begins with, as it is now: nothing is started on an old view of it. */
async function observeRestore(
  cluster: CoordinationCluster,
  { client }: Sources,
): Promise<ObservedSource & Pick<Observed, 'restoreClaim' | 'restoreCheck'>> {
  const { restore } = cluster.spec.bootstrap ?? {};
  if (restore === undefined) return {};
  const { backup, volume } = restore;
  const own = namespaceOf(cluster);
  const source = backup === undefined ? {} : await observeSource(backup.namespace ?? own, backup.name, client);
  const claimName = (source.restoreBackup?.spec.destination.volume ?? volume)?.claimName;
  const restoreClaim =
    claimName === undefined
      ? undefined
      : await client.get<PersistentVolumeClaim>(KINDS.PersistentVolumeClaim, own, claimName);
  const restoreCheck = await observeCheck(cluster, client);
  return { ...source, restoreClaim, restoreCheck };
}

async function observeSource(namespace: string, name: string, client: Sources['client']): Promise<ObservedSource> {
  try {
    const object = await client.get<KubeObject>(KINDS.CoordinationBackup, namespace, name);
    if (object === undefined) return {};
    const read = parsed(object, parseCoordinationBackup);
    return 'resource' in read ? { restoreBackup: read.resource } : { restoreBackupNotUnderstood: read.notUnderstood };
  } catch (error) {
    if (isForbidden(error)) return { restoreBackupForbidden: true };
    throw error;
  }
}

async function observeCheck(
  cluster: CoordinationCluster,
  client: Sources['client'],
): Promise<NonNullable<Observed['restoreCheck']>> {
  const scope = { namespace: namespaceOf(cluster), labelSelector: labelSelector(checkLabels(cluster)) };
  const [{ items: jobs }, { items: pods }] = await Promise.all([
    client.list<Job>(KINDS.Job, scope),
    client.list<Pod>(KINDS.Pod, scope),
  ]);
  const waiting = jobs.find((job) => jobState(job) === 'running' && podsOf(job, pods).length === 0);
  const refusal = waiting === undefined ? undefined : await jobRefusal(waiting, client);
  return { jobs, pods, refusal };
}

function superUserIn(secret: Secret | undefined): SuperUser | undefined {
  const password = Buffer.from(secret?.data?.['password'] ?? '', 'base64').toString();
  return password === '' ? undefined : superUser(password);
}

async function readPods(cluster: CoordinationCluster, { client }: Sources): Promise<Pod[]> {
  const scope = { namespace: namespaceOf(cluster), labelSelector: selectorString(cluster) };
  return [...(await client.list<Pod>(KINDS.Pod, scope)).items];
}

/** A StatefulSet takes whatever has the right name: all of the namespace's are read where a decision is due. */
async function observeClaims(
  cluster: CoordinationCluster,
  { client, caches }: Sources,
  source: Source,
): Promise<{ readonly claims: PersistentVolumeClaim[]; readonly foreignClaims?: ReadonlySet<string> }> {
  const decisionDue = validLatch(cluster)?.phase !== 'Completed' || cluster.metadata.deletionTimestamp !== undefined;
  if (!decisionDue && source === 'cache') {
    return { claims: cached<PersistentVolumeClaim>(caches.PersistentVolumeClaim, cluster) };
  }
  const scope = { namespace: namespaceOf(cluster) };
  const { items } = await client.list<PersistentVolumeClaim>(KINDS.PersistentVolumeClaim, scope);
  const claims = items.filter(isMembers(cluster));
  const foreign = items.filter((claim) => !claims.includes(claim) && isInTheWay(cluster, claim));
  return { claims, foreignClaims: new Set(foreign.map(({ metadata }) => metadata.name)) };
}

/**
 * Whether a claim that is not labelled as the cluster's could be one of its members' all the same. Of `zoo-observer`, which names its
 * volumes as `zoo` does those of its observers, only those are in the way of `zoo` that are called as one that it may have.
 */
function isInTheWay(cluster: CoordinationCluster, { metadata: { name, labels = {} } }: PersistentVolumeClaim): boolean {
  const { 'app.kubernetes.io/instance': own, ...labelsOfAll } = selectorLabels(cluster);
  const instance = labels['app.kubernetes.io/instance'] ?? own;
  const isAnothers = instance !== own && Object.entries(labelsOfAll).every(([key, value]) => labels[key] === value);
  return isAnothers ? everySlot(cluster).some(({ claimName }) => claimName === name) : isMemberClaim(cluster, name);
}

/** The cache holds only what bears the operator's labels; whatever else has the name is found by asking. */
async function observeObject(
  cluster: CoordinationCluster,
  kind: CachedKind,
  name: string,
  { client, caches }: Sources,
): Promise<KubeObject | undefined> {
  const namespace = namespaceOf(cluster);
  return caches[kind].get(`${namespace}/${name}`) ?? (await client.get(KINDS[kind], namespace, name));
}

function isOwned({ ownerReferences = [] }: ObjectMeta, { metadata: { uid } }: CoordinationCluster): boolean {
  return ownerReferences.some((owner) => owner.uid === uid);
}

function cachedNames(cluster: CoordinationCluster): [CachedKind, string][] {
  return [
    ['Service', peerServiceName(cluster)],
    ['Service', clientServiceName(cluster)],
    ['PodDisruptionBudget', setName(cluster)],
    ['ConfigMap', formedName(cluster)],
  ];
}

function cached<T extends KubeObject>(cache: ReadableCache<KubeObject>, cluster: CoordinationCluster): T[] {
  const namespace = namespaceOf(cluster);
  return [...cache.values()].filter(
    (object) => object.metadata.namespace === namespace && isMembers(cluster)(object),
  ) as T[];
}

function isMembers(cluster: CoordinationCluster): (object: KubeObject) => boolean {
  const labels = Object.entries(selectorLabels(cluster));
  return ({ metadata }) => labels.every(([key, value]) => metadata.labels?.[key] === value);
}
