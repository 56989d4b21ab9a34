import { z } from 'zod';
import { rule, validated, type ValidationRule } from './cel.ts';
import { intOrString, KEYS_ARE_QUALIFIED, labelMap, stringMap } from './common-schemas.ts';

// What is written here reaches the pods as it is. Kubernetes would refuse a mistake in it only when the StatefulSet is written,
// where nobody looks.

/** Less than that, and a member is ended by the kernel before it serves. */
const MEMORY_MIN = '192Mi';

const RESOURCES = "['cpu', 'memory', 'ephemeral-storage']";

const amounts = z.record(z.string(), intOrString).meta({
  maxProperties: 8,
  ...validated(
    rule(
      `self.all(name, name in ${RESOURCES} || name.startsWith('hugepages-') || name.contains('/'))`,
      "resources may only name cpu, memory, ephemeral-storage, hugepages-SIZE, or a device by its driver's name, such as example.com/disk",
    ),
    rule(
      'self.all(name, isQuantity(string(self[name])))',
      'resources must be amounts such as 500m or 2 for cpu, and 512Mi or 2Gi for memory',
    ),
    rule(
      "self.all(name, !string(self[name]).startsWith('-'))",
      'resources must not be negative: remove what is not to be limited or asked for',
    ),
  ),
});

function memoryRule(which: string): ValidationRule {
  const amount = `string(self.${which}['memory'])`;
  return rule(
    `!has(self.${which}) || !('memory' in self.${which}) || !isQuantity(${amount}) || quantity(${amount}).compareTo(quantity('${MEMORY_MIN}')) >= 0`,
    `resources.${which}.memory must be ${MEMORY_MIN} or more: a member does not start with less`,
    `.${which}`,
  );
}

function requestRule(name: string): ValidationRule {
  const amountOf = (which: string): string => `string(self.${which}['${name}'])`;
  const bothSet = ['requests', 'limits'].map(
    (which) => `has(self.${which}) && '${name}' in self.${which} && isQuantity(${amountOf(which)})`,
  );
  return rule(
    `!(${bothSet.join(' && ')}) || quantity(${amountOf('requests')}).compareTo(quantity(${amountOf('limits')})) <= 0`,
    `resources.requests.${name} must not be above resources.limits.${name}: lower the request, or raise the limit`,
    '.requests',
  );
}

/** `spec.resources`. */
export const podResources = z
  .object({ requests: amounts.optional(), limits: amounts.optional() })
  .default({ requests: { cpu: '50m', memory: '256Mi' }, limits: { memory: '1Gi' } })
  .describe('CPU and memory of each member.')
  .meta(validated(requestRule('cpu'), requestRule('memory'), memoryRule('limits')));

const ownKeysRule = rule(
  "self.all(key, !key.startsWith('zabkeeper.dev/') && !key.startsWith('app.kubernetes.io/'))",
  'keys that begin with zabkeeper.dev/ or app.kubernetes.io/ belong to the operator: choose another prefix',
);

const kubernetesKeysRule = rule(
  "self.all(key, !(key in ['controller-revision-hash', 'pod-template-hash']) && !key.startsWith('statefulset.kubernetes.io/') && !key.startsWith('apps.kubernetes.io/'))",
  'podLabels must not have keys that Kubernetes gives each pod itself (controller-revision-hash, statefulset.kubernetes.io/..., apps.kubernetes.io/...): choose another key',
);

/** `spec.podLabels`. */
export const podLabels = labelMap('podLabels', ownKeysRule, kubernetesKeysRule)
  .optional()
  .describe('Further labels of the pods.');

/** `spec.podAnnotations`. */
export const podAnnotations = stringMap
  .optional()
  .describe('Further annotations of the pods.')
  .meta(
    validated(
      ownKeysRule,
      rule(
        "!('kubectl.kubernetes.io/restartedAt' in self)",
        'podAnnotations must not have kubectl.kubernetes.io/restartedAt: it would undo kubectl rollout restart; annotate the CoordinationCluster with zabkeeper.dev/restarted-at instead',
      ),
      rule(
        KEYS_ARE_QUALIFIED,
        'podAnnotations: a key must be a name of 63 characters or fewer, such as team, or example.com/team',
      ),
    ),
  );
