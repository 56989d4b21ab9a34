import { rule } from './cel.ts';
import {
  CLUSTER_NAME_LENGTH_MAX,
  COORDINATION_CLUSTER,
  coordinationClusterSpec,
  coordinationClusterStatus,
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
import type { ResourceDefinition } from './custom-resource-definition.ts';

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
    ],
    columns: [
      { name: 'Ready', type: 'string', jsonPath: '.status.readiness', description: 'Members that serve, of all' },
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
