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
];
