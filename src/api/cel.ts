/** A rule that the API server evaluates on every write, with the sentence that it answers when the rule does not hold. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  /** Which field the answer names, where the rule looks at several: `.spec.storage.size`. */
  readonly fieldPath?: string;
}

/**
 * Attaches validation rules to a schema: `schema.meta(validated(rule(...), rule(...)))`.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function validated(...rules: readonly ValidationRule[]): Record<string, unknown> {
  return { 'x-kubernetes-validations': rules };
}

/** A rule with a fixed sentence. */
export function rule(expression: string, message: string, fieldPath?: string): ValidationRule {
  return { rule: expression, message, ...(fieldPath === undefined ? {} : { fieldPath }) };
}

/** Refuses any change of the value once it is set; only sees updates. */
export function immutable(message: string): ValidationRule {
  return { rule: 'self == oldSelf', message };
}

/** The CEL list literal of some strings. */
export function celList(values: readonly string[]): string {
  return `[${values.map((value) => `'${value}'`).join(', ')}]`;
}
