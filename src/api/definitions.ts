import { rule } from './cel.ts';
import {
  CLUSTER_NAME_LENGTH_MAX,
  COORDINATION_CLUSTER,
  coordinationClusterSpec,
  coordinationClusterStatus,
  OBSERVERS_MAX,
  SERVER_ID_MAX,
  VOTERS_MAX,
} from './coordination-cluster.ts';
import {
  BACKUP_NAME_LENGTH_MAX,
  COORDINATION_BACKUP,
  coordinationBackupSpec,
  coordinationBackupStatus,
} from './coordination-backup.ts';
import {
  COORDINATION_BACKUP_SCHEDULE,
  coordinationBackupScheduleSpec,
  coordinationBackupScheduleStatus,
  SCHEDULE_NAME_LENGTH_MAX,
} from './coordination-backup-schedule.ts';
import { sessionTimeoutRule } from './member-config.ts';
import type { ResourceDefinition } from './custom-resource-definition.ts';

/** In CEL: the members have not yet served together for the first time. */
const NOT_FORMED = "!has(self.status) || !has(self.status.bootstrap) || self.status.bootstrap.phase != 'Completed'";

/** Every kind of the group; one file of `crds/` each. */
export const RESOURCE_DEFINITIONS: readonly ResourceDefinition[] = [
  {
    type: COORDINATION_CLUSTER,
    singular: 'coordinationcluster',
    shortNames: ['cc'],
    description: 'An ensemble of coordination servers that speak the ZooKeeper protocols.',
    spec: coordinationClusterSpec,
    status: coordinationClusterStatus,
    rules: [
      rule(
        `size(self.metadata.name) <= ${CLUSTER_NAME_LENGTH_MAX}`,
        `metadata.name must have ${CLUSTER_NAME_LENGTH_MAX} characters or fewer: the names of pods and volumes are made from it`,
      ),
      rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        'metadata.name must begin with a letter and have only lower-case letters, digits and hyphens: it becomes part of host names',
      ),
      // Compared with what there is and not with what was asked for before, so that a growth that the storage class
      // refused can be taken back.
      rule(
        '!has(self.status) || !has(self.status.volumeSize) || !isQuantity(self.spec.storage.size) || quantity(self.spec.storage.size).compareTo(quantity(self.status.volumeSize)) >= 0',
        'storage.size cannot shrink below the size of the existing volumes: volumes only grow; to have smaller ones, make a new cluster',
        '.spec.storage.size',
      ),
      // A wrong one keeps the ensemble from being formed, and must be possible to put right until it is.
      rule(
        `${NOT_FORMED} || has(self.spec.storage.storageClassName) == has(oldSelf.spec.storage.storageClassName) && (!has(self.spec.storage.storageClassName) || self.spec.storage.storageClassName == oldSelf.spec.storage.storageClassName)`,
        'storage.storageClassName cannot be changed: existing volumes stay in the class they were made in; make a new cluster to change it',
        '.spec.storage.storageClassName',
      ),
      rule(
        `${NOT_FORMED} || self.spec.clusterDomain == oldSelf.spec.clusterDomain`,
        "clusterDomain cannot be changed: it is part of the members' addresses; make a new cluster",
        '.spec.clusterDomain',
      ),
      sessionTimeoutRule,
      rule(
        '!self.spec.paused || !oldSelf.spec.paused || self.spec.hibernated == oldSelf.spec.hibernated',
        'hibernated cannot be changed while paused is set: the operator changes nothing then; set paused to false first',
        '.spec.hibernated',
      ),
      rule(
        '!has(self.status) || !has(self.status.bootstrap) || (has(self.spec.bootstrap) == has(oldSelf.spec.bootstrap) && (!has(self.spec.bootstrap) || self.spec.bootstrap == oldSelf.spec.bootstrap))',
        'bootstrap cannot be changed once the ensemble has begun: to begin with another snapshot, make a new cluster',
        '.spec.bootstrap',
      ),
      rule(
        '!self.spec.hibernated || self.spec.replicas == oldSelf.spec.replicas',
        'replicas cannot be changed while hibernated is set: no member runs that could agree to it; set hibernated to false first, then replicas',
        '.spec.replicas',
      ),
      rule(
        '!self.spec.hibernated || self.spec.observers.replicas == oldSelf.spec.observers.replicas',
        'observers.replicas cannot be changed while hibernated is set: set hibernated to false first',
        '.spec.observers.replicas',
      ),
      rule(
        `self.spec.observers.replicas == 0 || self.spec.serverIdOffset + ${VOTERS_MAX + OBSERVERS_MAX} <= ${SERVER_ID_MAX}`,
        `observers need serverIdOffset to be ${SERVER_ID_MAX - VOTERS_MAX - OBSERVERS_MAX} or less: their ids come after those of the voters, and ids end at ${SERVER_ID_MAX}`,
        '.spec.observers.replicas',
      ),
    ],
    columns: [
      { name: 'Ready', type: 'string', jsonPath: '.status.readiness', description: 'Voters that serve, of all' },
      { name: 'Observers', type: 'string', jsonPath: '.status.observerReadiness', description: 'Likewise' },
      { name: 'Leader', type: 'string', jsonPath: '.status.leader' },
      { name: 'Version', type: 'string', jsonPath: '.status.version' },
      { name: 'State', type: 'string', jsonPath: '.status.phase' },
      { name: 'Updated', type: 'integer', jsonPath: '.status.updatedReplicas', priority: 1 },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      {
        name: 'Message',
        type: 'string',
        jsonPath: ".status.conditions[?(@.type=='Ready')].message",
        priority: 1,
      },
    ],
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  {
    type: COORDINATION_BACKUP,
    singular: 'coordinationbackup',
    shortNames: ['cb'],
    description: 'A snapshot of a CoordinationCluster, taken once and stored in a bucket or on a volume.',
    spec: coordinationBackupSpec,
    status: coordinationBackupStatus,
    rules: [
      rule(
        `size(self.metadata.name) <= ${BACKUP_NAME_LENGTH_MAX}`,
        `metadata.name must have ${BACKUP_NAME_LENGTH_MAX} characters or fewer: it becomes a label`,
      ),
    ],
    columns: [
      { name: 'Cluster', type: 'string', jsonPath: '.spec.clusterRef.name' },
      { name: 'State', type: 'string', jsonPath: '.status.phase' },
      { name: 'Zxid', type: 'string', jsonPath: '.status.zxid' },
      { name: 'Znodes', type: 'integer', jsonPath: '.status.znodes' },
      { name: 'Bytes', type: 'integer', jsonPath: '.status.sizeBytes', description: 'As stored, compressed' },
      { name: 'Completed', type: 'date', jsonPath: '.status.completedAt' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'Location', type: 'string', jsonPath: '.status.location', priority: 1 },
      {
        name: 'Message',
        type: 'string',
        jsonPath: ".status.conditions[?(@.type=='Complete')].message",
        priority: 1,
      },
    ],
  },
  {
    type: COORDINATION_BACKUP_SCHEDULE,
    singular: 'coordinationbackupschedule',
    shortNames: ['cbs'],
    description: 'Backups of a CoordinationCluster at regular times, and which of them are kept.',
    spec: coordinationBackupScheduleSpec,
    status: coordinationBackupScheduleStatus,
    rules: [
      rule(
        `size(self.metadata.name) <= ${SCHEDULE_NAME_LENGTH_MAX}`,
        `metadata.name must have ${SCHEDULE_NAME_LENGTH_MAX} characters or fewer: the names of its backups add the time to it`,
      ),
    ],
    columns: [
      { name: 'Cluster', type: 'string', jsonPath: '.spec.backupTemplate.clusterRef.name' },
      { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule' },
      { name: 'Suspended', type: 'boolean', jsonPath: '.spec.suspend' },
      { name: 'Backups', type: 'integer', jsonPath: '.status.backups' },
      {
        name: 'Last',
        type: 'date',
        jsonPath: '.status.lastSuccessfulTime',
        description: 'When the newest complete one began',
      },
      { name: 'Next', type: 'string', jsonPath: '.status.nextScheduleTime' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
  },
];
