import { assert } from './errors.ts';

/**
 * A ZooKeeper transaction id: the epoch in the high 32 bits, a counter in the low ones, held in a JavaScript number.
 * A number is exact up to 2^53, so the epoch is limited to {@link EPOCH_MAX}: at one election a second that is 24 days
 * of nothing but elections, and real ensembles are many orders of magnitude below. It keeps BigInt off the hot path.
 */
export type Zxid = number;

/** Two million: the largest epoch whose zxids are exact in a number. */
export const EPOCH_MAX = 2 ** 21 - 1;

/** The largest counter within one epoch; reaching it forces a new epoch (ZOOKEEPER-1277). */
export const COUNTER_MAX = 0xffff_ffff;

const EPOCH_UNIT = 0x1_0000_0000;

/** @throws CodedError ZK_ASSERTION for an epoch or counter out of range. */
export function makeZxid(epoch: number, counter: number): Zxid {
  assert(epoch >= 0 && epoch <= EPOCH_MAX, `epoch ${epoch} is out of range`);
  assert(counter >= 0 && counter <= COUNTER_MAX, `zxid counter ${counter} is out of range`);
  return epoch * EPOCH_UNIT + counter;
}

/** The epoch of a zxid (its high 32 bits). */
export function epochOf(zxid: Zxid): number {
  return Math.floor(zxid / EPOCH_UNIT);
}

/** The counter of a zxid (its low 32 bits). */
export function counterOf(zxid: Zxid): number {
  return zxid % EPOCH_UNIT;
}

/** As ZooKeeper prints it: `0x300000005`. */
export function formatZxid(zxid: Zxid): string {
  return `0x${zxid.toString(16)}`;
}
