/** A rule that the API server evaluates on every write, with the sentence that it answers when the rule does not hold. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  /** An expression that yields the sentence, where it has to name what was wrong. `message` is used if it fails. */
  readonly messageExpression?: string;
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
export function rule(expression: string, message: string): ValidationRule {
  return { rule: expression, message };
}

/** Refuses any change of the value once it is set; only sees updates. */
export function immutable(message: string): ValidationRule {
  return { rule: 'self == oldSelf', message };
}

/** The CEL list literal of some strings. */
export function celList(values: readonly string[]): string {
  return `[${values.map((value) => `'${value}'`).join(', ')}]`;
}
