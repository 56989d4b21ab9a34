import { CodedError } from '../../../common/errors.ts';
import { EPOCH_MAX } from '../../../common/zxid.ts';

/** The files of a data directory that hold one epoch each. */
export type EpochFile = 'currentEpoch' | 'acceptedEpoch';

/** As ZooKeeper writes it: the decimal number, no line end. */
export function encodeEpoch(epoch: number): Uint8Array {
  return Uint8Array.from(String(epoch), (digit) => digit.charCodeAt(0));
}

/** As ZooKeeper reads it: the first line. @throws CodedError ZK_EPOCH_CORRUPT where it is no epoch. */
export function decodeEpoch(file: string, bytes: Uint8Array): number {
  const line = String.fromCharCode(...bytes.subarray(0, 32)).split('\n', 1)[0] ?? '';
  const epoch = /^\d+$/.test(line.trim()) ? Number(line) : Number.NaN;
  if (epoch <= EPOCH_MAX) return epoch;
  throw new CodedError(
    'ZK_EPOCH_CORRUPT',
    `${file} holds "${line}", which is no epoch; if other members have the data, empty this data directory and let this ` +
      'member synchronize from the leader',
  );
}
