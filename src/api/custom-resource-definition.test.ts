import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootstrapLatch,
  COORDINATION_CLUSTER,
  coordinationClusterSpec,
  parseCoordinationCluster,
} from './coordination-cluster.ts';
import { customResourceDefinition, structuralSchema } from './custom-resource-definition.ts';
import { RESOURCE_DEFINITIONS } from './definitions.ts';

type Schema = Record<string, unknown>;

/** Every schema inside of a schema. */
function* schemasIn(value: unknown): Generator<Schema> {
  if (Array.isArray(value)) for (const item of value) yield* schemasIn(item);
  else if (value !== null && typeof value === 'object') {
    yield value as Schema;
    for (const member of Object.values(value)) yield* schemasIn(member);
  }
}

test('schemas are structural: nothing that Kubernetes refuses', () => {
  for (const definition of RESOURCE_DEFINITIONS) {
    for (const schema of schemasIn(customResourceDefinition(definition))) {
      for (const key of ['$schema', '$ref', 'propertyNames', 'anyOf', 'oneOf', 'allOf', 'const']) {
        assert.ok(!(key in schema), `${definition.type.kind}: ${key}`);
      }
      assert.notEqual(schema['additionalProperties'], false);
    }
  }
});

test('every validation rule has a sentence', () => {
  for (const definition of RESOURCE_DEFINITIONS) {
    for (const schema of schemasIn(customResourceDefinition(definition))) {
      const rules = (schema['x-kubernetes-validations'] ?? []) as { rule: string; message?: string }[];
      for (const { rule, message } of rules) assert.ok((message ?? '').length > 15, rule);
    }
  }
});

test('a latch is written as a whole: what another manager put into it would stay, and no beginning be as it was decided', () => {
  const { properties, ...schema } = structuralSchema(bootstrapLatch);
  assert.ok(properties);
  assert.equal(schema['x-kubernetes-map-type'], 'atomic');
});

test('the operator fills in the same defaults as the API server', () => {
  const parsed = parseCoordinationCluster({ apiVersion: '', kind: COORDINATION_CLUSTER.kind, metadata: { name: 'a' } });
  const properties = structuralSchema(coordinationClusterSpec)['properties'] as Record<string, Schema>;
  for (const [name, { default: value }] of Object.entries(properties)) {
    assert.deepEqual(parsed.spec[name as keyof typeof parsed.spec], value, name);
  }
});

test('what is unknown is dropped, what is missing is filled in', () => {
  const object = {
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationCluster',
    metadata: { name: 'a' },
    spec: { replicas: 5, storage: { size: '2Gi' }, ofTomorrow: true },
  };
  const { spec } = parseCoordinationCluster(object);
  assert.equal(spec.replicas, 5);
  assert.deepEqual(spec.storage, { size: '2Gi', whenDeleted: 'Retain', whenScaled: 'Retain' });
  assert.ok(!('ofTomorrow' in spec));
});
