import type { Condition } from '../../api/common-schemas.ts';
import type { ConditionValue } from '../../api/conditions.ts';
import type { EnsembleState, Member } from './members.ts';

/** A volume with a smaller share left is low. */
const LOW = 0.15;

/** One that was low is so until it has this share left, or the condition would come and go with each snapshot. */
const ENOUGH = 0.2;

/** Whose volume is about to be full. Nothing in the message changes as long as it is the same members. */
export function diskSpaceLow(state: EnsembleState, previous: Condition | undefined): ConditionValue {
  const wasLow = ({ slot }: Member): boolean =>
    previous?.status === 'True' && previous.message.split(/[ ,]/).includes(slot.podName);
  const low = state.members.filter((member) => {
    const volume = member.report?.volume;
    // Who does not answer may do so because its volume is full.
    if (volume === undefined) return wasLow(member);
    return volume.freeBytes / volume.bytes < (wasLow(member) ? ENOUGH : LOW);
  });
  if (low.length === 0) {
    return { status: 'False', reason: 'EnoughSpace', message: 'no volume is known to be nearly full' };
  }
  const names = low.map(({ slot }) => slot.podName).join(', ');
  const message =
    `the volumes of ${names} are nearly full: raise spec.storage.size, where the StorageClass can expand volumes, or lower ` +
    'autopurge.snapRetainCount in spec.config';
  return { status: 'True', reason: 'VolumesNearlyFull', message };
}
