import { z } from 'zod';
import { validated, type ValidationRule } from './cel.ts';
import type { ResourceType } from './objects.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'boolean';
  readonly jsonPath: string;
  readonly description?: string;
  /** 0 is always shown, larger only with `-o wide`. */
  readonly priority?: number;
}

/** All that a CustomResourceDefinition says about one kind. */
export interface ResourceDefinition {
  readonly type: ResourceType;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** Rules on the whole object, where only `metadata.name` is visible of the metadata. */
  readonly rules: readonly ValidationRule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath: string;
  };
}

/** A CustomResourceDefinition as JSON, ready to be written as YAML. */
export function customResourceDefinition(definition: ResourceDefinition): Record<string, unknown> {
  const { type } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${type.plural}.${type.group}`,
      labels: { 'app.kubernetes.io/name': 'zabkeeper', 'app.kubernetes.io/component': 'crds' },
    },
    spec: {
      group: type.group,
      scope: 'Namespaced',
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular: definition.singular,
        shortNames: definition.shortNames,
        categories: ['zabkeeper'],
      },
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          subresources: { status: {}, ...(definition.scale === undefined ? {} : { scale: definition.scale }) },
          additionalPrinterColumns: definition.columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: definition.description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: structuralSchema(definition.spec),
                status: structuralSchema(definition.status),
              },
              ...validated(...definition.rules),
            },
          },
        },
      ],
    },
  };
}

/**
 * The structural schema of a zod schema.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    override: ({ jsonSchema }) => makeStructural(jsonSchema as Record<string, unknown>),
  });
}

/** Removes what JSON Schema says and a structural schema must not. */
function makeStructural(schema: Record<string, unknown>): void {
  delete schema['$schema'];
  delete schema['propertyNames'];
  if (schema['x-kubernetes-int-or-string'] === true) delete schema['anyOf'];
  if (schema['additionalProperties'] === false) delete schema['additionalProperties'];
  // zod bounds integers by what a JavaScript number holds; Kubernetes has its own bound.
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
}
