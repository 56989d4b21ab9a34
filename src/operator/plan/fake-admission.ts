import assert from 'node:assert/strict';
import type { StatefulSet } from '../resources/kubernetes.ts';

// For tests: what an API server refuses.

/** Of a StatefulSet's `spec`, all that may be changed; the rest is for ever as it was made. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'persistentVolumeClaimRetentionPolicy',
]);

/** Asserts that what is applied to a StatefulSet is what one may change about it. Fields that the API server has filled in stay. */
export function refuseForbiddenChange(before: StatefulSet, applied: StatefulSet): void {
  for (const [key, value] of Object.entries(applied.spec)) {
    if (CHANGEABLE.has(key)) continue;
    const present = (before.spec as unknown as Record<string, unknown>)[key];
    assert.ok(holds(present, value), `spec.${key} of StatefulSet ${before.metadata.name} cannot be changed`);
  }
}

/** Whether everything of `part` is in `whole`. */
function holds(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return Array.isArray(whole) && whole.length === part.length && part.every((one, index) => holds(whole[index], one));
  }
  if (typeof part !== 'object' || part === null) return whole === part;
  if (typeof whole !== 'object' || whole === null) return false;
  const members = whole as Readonly<Record<string, unknown>>;
  return Object.entries(part).every(([key, value]) => value === undefined || holds(members[key], value));
}
