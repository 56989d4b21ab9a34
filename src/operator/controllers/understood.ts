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
  try {
    return parse(object);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const why = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    const message = `This version of the operator does not understand it (${why}): install operator and CRDs of the same version`;
    await events.record(type, object, { type: 'Warning', reason: 'NotUnderstood', message });
    return undefined;
  }
}
