import type { ObjectMeta } from '../../api/objects.ts';
import type { Kind } from '../resources/kubernetes.ts';
import type { PlannedEvent, Step } from './model.ts';

/** A step that deletes something. */
export type Deletion = Extract<Step, { readonly do: 'delete' }>;

interface Named {
  readonly metadata: Omit<ObjectMeta, 'resourceVersion'> & { readonly resourceVersion?: string | undefined };
}

/** Deletes an object, where there is one: only as it was observed, and once. */
export function deletionOf(kind: Kind, object: Named | undefined, announce?: PlannedEvent): Deletion[] {
  const { name, uid, resourceVersion, deletionTimestamp } = object?.metadata ?? {};
  if (name === undefined || uid === undefined || deletionTimestamp !== undefined) return [];
  return [{ do: 'delete', kind, name, uid, resourceVersion, ...(announce === undefined ? {} : { announce }) }];
}

/** The same, however it is by now: a pod, for one, is another with every probe. */
export function deletionOfVery(kind: Kind, { metadata }: Named): Deletion[] {
  return deletionOf(kind, { metadata: { ...metadata, resourceVersion: undefined } });
}
