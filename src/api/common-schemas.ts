import { z } from 'zod';
import { rule, validated, type ValidationRule } from './cel.ts';

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

/** In CEL: what Kubernetes lets keys of labels and annotations be. */
export const KEYS_ARE_QUALIFIED =
  "self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))";

/** Labels, checked as Kubernetes checks them. @param field How the sentences call it. */
export function labelMap(field: string, ...rules: readonly ValidationRule[]): z.ZodRecord<z.ZodString, z.ZodString> {
  const value = z.string().max(63);
  return z.record(z.string(), value).meta({
    maxProperties: 32,
    ...validated(
      ...rules,
      rule(
        "self.all(key, self[key].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))",
        `${field}: the value of a label must have only letters, digits, '-', '_' and '.', and begin and end with a letter or digit`,
      ),
      rule(
        KEYS_ARE_QUALIFIED,
        `${field}: the key of a label must be a name of 63 characters or fewer, such as team, or example.com/team`,
      ),
    ),
  });
}

/** A name that becomes part of a host name, as most objects of Kubernetes have. @param field How the sentence calls it. */
export function objectName(field: string, lengthMax = 253): z.ZodString {
  return z
    .string()
    .max(lengthMax)
    .meta(
      validated(
        rule(
          "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
          `${field} must be a name of lower-case letters, digits, '-' and '.', and begin and end with a letter or digit`,
        ),
      ),
    );
}

/** A list of objects of which no two have the same values of these fields. */
export function distinct(fields: readonly string[], message: string): ValidationRule {
  const isSame = fields.map((field) => `a.${field} == b.${field}`).join(' && ');
  return rule(`self.all(a, self.exists_one(b, ${isSame}))`, message);
}

/** How long what a condition says may be, in characters. */
export const MESSAGE_LENGTH_MAX = 4096;

/** The standard shape of a status condition (metav1.Condition). */
export const condition = z.object({
  type: z.string().max(64),
  status: z.enum(['True', 'False', 'Unknown']),
  /** One CamelCase word for programs. */
  reason: z.string().max(128),
  /** A sentence for people: what is the case and, where somebody can do something, what. */
  message: z.string().max(MESSAGE_LENGTH_MAX),
  lastTransitionTime: timestamp,
  observedGeneration: z.int().optional(),
});

/** The conditions of a status: one of each type. */
export const conditionList = z
  .array(condition)
  .optional()
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** See {@link condition}. */
export type Condition = z.output<typeof condition>;
