import { z } from 'zod';
import { rule, validated } from './cel.ts';

/** An integer or a string, as Kubernetes takes quantities, ports and the like. */
export const intOrString = z.union([z.int(), z.string().max(256)]).meta({ 'x-kubernetes-int-or-string': true });

/** A moment in RFC 3339. */
export const timestamp = z.string().meta({ format: 'date-time' });

/** An amount such as `1Gi`, written as a string. */
export const quantity = z
  .string()
  .max(32)
  .meta(validated(rule('isQuantity(self)', 'must be an amount such as 512Mi, 1Gi or 20Gi')));

/** Labels, annotations or a node selector. */
export const stringMap = z.record(z.string(), z.string().max(4096)).meta({ maxProperties: 64 });

/** The standard shape of a status condition (metav1.Condition). */
export const condition = z.object({
  type: z.string().max(64),
  status: z.enum(['True', 'False', 'Unknown']),
  /** One CamelCase word for programs. */
  reason: z.string().max(128),
  /** A sentence for people: what is the case and, where somebody can do something, what. */
  message: z.string().max(4096),
  lastTransitionTime: timestamp,
  observedGeneration: z.int().optional(),
});

/** See {@link condition}. */
export type Condition = z.output<typeof condition>;
