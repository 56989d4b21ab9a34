import { z } from 'zod';
import { rule, validated } from './cel.ts';
import { distinct, labelMap, objectName, stringMap } from './common-schemas.ts';

// The shapes below are those of Kubernetes' core/v1, written out so that `kubectl apply` refuses a misspelt field
// instead of the StatefulSet controller failing later where nobody looks.

function expression<const Operators extends readonly string[]>(operators: Operators) {
  return z.object({
    key: z.string().max(317),
    operator: z.enum(operators),
    values: z.array(z.string().max(256)).max(64).optional(),
  });
}

const labelExpression = expression(['In', 'NotIn', 'Exists', 'DoesNotExist']);
const nodeExpression = expression(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']);

const labelSelector = z.object({
  matchLabels: stringMap.optional(),
  matchExpressions: z.array(labelExpression).max(32).optional(),
});

const nodeSelectorTerm = z.object({
  matchExpressions: z.array(nodeExpression).max(32).optional(),
  matchFields: z.array(nodeExpression).max(32).optional(),
});

const weight = z.int().min(1).max(100);

const podAffinityTerm = z.object({
  labelSelector: labelSelector.optional(),
  matchLabelKeys: z.array(z.string().max(317)).max(16).optional(),
  mismatchLabelKeys: z.array(z.string().max(317)).max(16).optional(),
  namespaces: z.array(z.string().max(63)).max(64).optional(),
  namespaceSelector: labelSelector.optional(),
  topologyKey: z.string().min(1).max(317),
});

const podAffinity = z.object({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podAffinityTerm).max(16).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z.array(z.object({ weight, podAffinityTerm })).max(16).optional(),
});

const affinity = z.object({
  nodeAffinity: z
    .object({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .object({ nodeSelectorTerms: z.array(nodeSelectorTerm).min(1).max(16) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.object({ weight, preference: nodeSelectorTerm }))
        .max(16)
        .optional(),
    })
    .optional(),
  podAffinity: podAffinity.optional(),
  podAntiAffinity: podAffinity.optional(),
});

const toleration = z
  .object({
    key: z.string().max(317).optional(),
    operator: z.enum(['Exists', 'Equal', 'Lt', 'Gt']).optional(),
    value: z.string().max(256).optional(),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
    tolerationSeconds: z.int().optional(),
  })
  .meta(
    validated(
      rule(
        "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
        'a toleration with operator Exists must have no value: remove the value, or write operator: Equal',
      ),
      rule(
        "has(self.key) && self.key != '' || has(self.operator) && self.operator == 'Exists'",
        'a toleration without a key tolerates everything, and must say so with operator: Exists',
      ),
      rule(
        "!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
        'tolerationSeconds has a meaning with effect: NoExecute only: set that, or remove tolerationSeconds',
      ),
    ),
  );

const topologySpreadConstraint = z.object({
  maxSkew: z.int().min(1),
  topologyKey: z.string().min(1).max(317),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector: labelSelector.optional(),
  matchLabelKeys: z.array(z.string().max(317)).max(16).optional(),
  minDomains: z.int().min(1).optional(),
  nodeAffinityPolicy: z.enum(['Honor', 'Ignore']).optional(),
  nodeTaintsPolicy: z.enum(['Honor', 'Ignore']).optional(),
});

/** Where the members' pods may run. */
export const scheduling = z.object({
  nodeSelector: labelMap('scheduling.nodeSelector').optional().describe('Labels that a node must have.'),
  tolerations: z.array(toleration).max(32).optional().describe('Taints of nodes that the members accept.'),
  affinity: affinity
    .optional()
    .describe("Replaces the default, which prefers to keep the ensemble's members on different nodes."),
  topologySpreadConstraints: z
    .array(topologySpreadConstraint)
    .max(8)
    .optional()
    .meta(
      validated(
        distinct(
          ['topologyKey', 'whenUnsatisfiable'],
          'scheduling.topologySpreadConstraints must not have the same topologyKey and whenUnsatisfiable twice: remove one of the two',
        ),
      ),
    )
    .describe('Replaces the default, which spreads the members over zones and over nodes where it can.'),
  priorityClassName: objectName('scheduling.priorityClassName').optional().describe('The PriorityClass of the pods.'),
});
