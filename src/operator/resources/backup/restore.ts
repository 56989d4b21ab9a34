import type { RestoreSource } from '../../../api/bootstrap.ts';
import type { Ensemble } from '../ensemble.ts';
import { formedVariable } from '../formed.ts';
import type { PodTemplate, StatefulSet } from '../kubernetes.ts';
import { DATA_CLAIM } from '../names.ts';
import { INITIALIZE_FLAG } from '../pod-template.ts';
import { CONTAINER_SECURITY } from '../security.ts';
import { DATA_DIRECTORY } from '../zoo-cfg.ts';
import { storeOf, verbatim } from './store.ts';

/** The init container that puts the snapshot on an empty volume. */
export const RESTORE_CONTAINER = 'restore';

/**
 * The set whose members begin with a snapshot. A member's server starts only once its volume holds the whole tree, so that
 * any quorum that ever forms holds it: all members restore the same bytes, epoch and zxid included. Only part of a template
 * until the bootstrap is over: a volume that is lost later is rebuilt from the other members, which know more.
 */
export function withRestore(set: StatefulSet, source: RestoreSource, { image, cluster }: Ensemble): StatefulSet {
  const { template } = set.spec;
  const store = storeOf(source);
  const formed = formedVariable(cluster);
  const checksum = source.sha256 === undefined ? [] : ['--sha256', source.sha256];
  const spec: PodTemplate['spec'] = {
    ...template.spec,
    // All of the pod has it, though the server itself needs none; pods that are made later are without.
    ...store.serviceAccount,
    // As in every pod that may begin. The server itself is never told to.
    containers: template.spec.containers.map((container) => ({ ...container, env: [...container.env, formed] })),
    initContainers: [
      {
        name: RESTORE_CONTAINER,
        image,
        imagePullPolicy: cluster.spec.imagePullPolicy,
        command: ['zabctl'],
        // After a crash in the middle there is nothing; after one behind it there is all. Once the ensemble has been formed it does nothing.
        args: verbatim(['restore', store.location, DATA_DIRECTORY, '--if-empty', ...checksum, ...store.options]),
        env: [...store.env, formed],
        resources: cluster.spec.resources,
        securityContext: CONTAINER_SECURITY,
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [{ name: DATA_CLAIM, mountPath: DATA_DIRECTORY }, ...store.volumeMounts],
      },
    ],
    volumes: [...template.spec.volumes, ...store.volumes],
  };
  return { ...set, spec: { ...set.spec, template: { ...template, spec } } };
}

/**
 * The set after that. Kubernetes takes no ServiceAccount out of a template: without a name it keeps the one that it had, so the
 * one that pods have anyway is named instead.
 */
export function withoutRestore(set: StatefulSet, source: RestoreSource): StatefulSet {
  if (storeOf(source).serviceAccount.serviceAccountName === undefined) return set;
  const { template } = set.spec;
  const spec = { ...template.spec, serviceAccountName: 'default' };
  return { ...set, spec: { ...set.spec, template: { ...template, spec } } };
}

/** Whether members made from a template may begin a life of their own: with an empty tree, or with a snapshot. */
export function mayBegin({ spec }: PodTemplate): boolean {
  const initializes = spec.containers.some(({ args }) => args.includes(INITIALIZE_FLAG));
  return initializes || (spec.initContainers?.some(({ name }) => name === RESTORE_CONTAINER) ?? false);
}
