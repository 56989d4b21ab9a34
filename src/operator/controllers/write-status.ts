import type { KubeObject, ResourceType } from '../../api/objects.ts';
import { isPermanent } from '../kube/errors.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';

/**
 * Writes a status. Where the API server refuses it for good, that very status cannot tell anybody, so an Event does; the rules of a CRD
 * hold for the whole object, its manifest too, whenever a status is written.
 *
 * @throws what `write` throws
 */
export async function writeStatus(
  type: ResourceType,
  object: KubeObject,
  events: Pick<EventRecorder, 'record'>,
  write: () => Promise<unknown>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (isPermanent(error)) {
      const message = `The API server refuses its status, which is that of before therefore (${error.said}): install operator and CRDs of the same version, with the rights that come with them`;
      await events.record(type, object, { type: 'Warning', reason: 'StatusRefused', message });
    }
    throw error;
  }
}
