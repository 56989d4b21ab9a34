import { z } from 'zod';
import { backupDestination } from './backup-destination.ts';
import { immutable, rule, validated } from './cel.ts';
import { conditionList, objectName, timestamp } from './common-schemas.ts';
import { CLUSTER_NAME_LENGTH_MAX } from './coordination-cluster.ts';
import type { KubeObject, ResourceType } from './objects.ts';

/** How the API server names the kind. */
export const COORDINATION_BACKUP = {
  group: 'zabkeeper.dev',
  version: 'v1alpha1',
  plural: 'coordinationbackups',
  kind: 'CoordinationBackup',
} as const satisfies ResourceType;

/** It is the value of a label. */
export const BACKUP_NAME_LENGTH_MAX = 63;

/** What of a backup cannot be changed, as its schedule's template has it too. */
export const backupTarget = {
  clusterRef: z
    .object({
      name: objectName('clusterRef.name', CLUSTER_NAME_LENGTH_MAX).describe('A CoordinationCluster of this namespace.'),
    })
    .describe('What is backed up.'),
  destination: backupDestination.describe('Where the snapshot is stored.'),
};

/** As of Jobs. */
const activeDeadlineSeconds = z
  .int()
  .default(3600)
  .describe(
    'How long the backup may take from when its Job is made, all attempts and a pod that cannot start included; then it is given up.',
  );

const deadlineRange = rule(
  'self >= 10 && self <= 604800',
  'activeDeadlineSeconds must be between 10 seconds and 604800 (a week)',
);

/** As the template of a schedule has it, which can be changed. */
export const templateDeadline = activeDeadlineSeconds.meta(validated(deadlineRange));

/** What becomes of the stored snapshot when the resource is deleted. */
export const deletionPolicy = z.enum(['Retain', 'Delete']);

/** What a person declares about one backup. */
export const coordinationBackupSpec = z
  .object({
    clusterRef: backupTarget.clusterRef.meta(
      validated(
        immutable('clusterRef cannot be changed: a backup is of one cluster at one moment; make another backup'),
      ),
    ),
    destination: backupTarget.destination,
    activeDeadlineSeconds: activeDeadlineSeconds.meta(
      validated(
        deadlineRange,
        immutable('activeDeadlineSeconds cannot be changed: its Job has been made with it; make another backup'),
      ),
    ),
    deletionPolicy: deletionPolicy
      .default('Retain')
      .describe('What becomes of the stored snapshot when this resource is deleted. Can be changed at any time.'),
  })
  .meta(
    validated(
      rule(
        'self.destination == oldSelf.destination',
        'destination cannot be changed: it says where the snapshot is; make another backup',
        '.destination',
      ),
    ),
  );

/** One word for how far a backup is. */
export const BACKUP_PHASES = ['Pending', 'Running', 'Complete', 'Failed', 'Deleting'] as const;

/** What the operator knows of a backup. */
export const coordinationBackupStatus = z.object({
  observedGeneration: z.int().optional(),
  phase: z.enum(BACKUP_PHASES).optional(),
  startedAt: timestamp.optional(),
  completedAt: timestamp.optional(),
  /** `s3://bucket/key`, or `volume://claim/file`. */
  location: z.string().optional(),
  /** Of the stored file, which is compressed. */
  sizeBytes: z.int().optional(),
  /** Of the stored file, in hexadecimal. */
  sha256: z.string().optional(),
  /** The moment of the snapshot, as `0x300000005`. */
  zxid: z.string().optional(),
  znodes: z.int().optional(),
  /** Digest version 2 of the tree, as ZooKeeper computes it. */
  digest: z.string().optional(),
  serverVersion: z.string().optional(),
  /** The member that gave the snapshot. */
  member: z.string().optional(),
  conditions: conditionList,
});

/** {@link coordinationBackupSpec} with its defaults filled in. */
export type CoordinationBackupSpec = z.output<typeof coordinationBackupSpec>;
/** See {@link coordinationBackupStatus}. */
export type CoordinationBackupStatus = z.output<typeof coordinationBackupStatus>;
/** One of {@link BACKUP_PHASES}. */
export type BackupPhase = (typeof BACKUP_PHASES)[number];

/** A snapshot of an ensemble, stored somewhere else. */
export interface CoordinationBackup extends KubeObject {
  readonly spec: CoordinationBackupSpec;
  readonly status?: CoordinationBackupStatus;
}

const validatedParts = z.object({ spec: coordinationBackupSpec, status: coordinationBackupStatus.optional() });

/**
 * Reads an object that the API server sent.
 *
 * @throws z.ZodError where the object does not fit the schema, which the API server would have refused.
 */
export function parseCoordinationBackup(object: KubeObject): CoordinationBackup {
  const { spec, status } = validatedParts.parse(object);
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata, spec, ...(status === undefined ? {} : { status }) };
}
