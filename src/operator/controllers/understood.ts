import { z } from 'zod';
import type { KubeObject, ResourceType } from '../../api/objects.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';

/**
 * The object as this version of the operator knows its kind; undefined where it does not fit, which is told. The API server lets
 * nothing else through than the CRD of the same version: the two have been upgraded, or taken back, one without the other.
 */
export async function understood<Resource>(
  type: ResourceType,
  object: KubeObject,
  parse: (object: KubeObject) => Resource,
  events: Pick<EventRecorder, 'record'>,
): Promise<Resource | undefined> {
  const read = parsed(object, parse);
  if (!('notUnderstood' in read)) return read.resource;
  const message = `This version of the operator does not understand it (${read.notUnderstood}): install operator and CRDs of the same version`;
  await events.record(type, object, { type: 'Warning', reason: 'NotUnderstood', message });
  return undefined;
}

/** The object as this version of the operator knows its kind, or what of it does not fit. */
export function parsed<Resource>(
  object: KubeObject,
  parse: (object: KubeObject) => Resource,
): { readonly resource: Resource } | { readonly notUnderstood: string } {
  try {
    return { resource: parse(object) };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return { notUnderstood: error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') };
  }
}
