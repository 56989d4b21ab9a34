/**
 * What the 64 bits of a znode's stored ephemeralOwner say (EphemeralType): nothing, the session that it dies with, that it is
 * a container, or how long a TTL znode lives.
 */
export type OwnerKind = 'none' | 'session' | 'container' | 'ttl';

/** The stored owner of every container. */
export const CONTAINER_OWNER: bigint = -(2n ** 63n);

/** The longest time to live: 40 bits of milliseconds, 34 years. */
export const TTL_MAX_MS: number = 2 ** 40 - 1;

const TTL_MARK: bigint = -(2n ** 56n);
const TTL_MARK_HIGH = 0xff00_0000 | 0;
/** The upper 24 bits of the high half are the mark; its lower 8 bits are the time's highest. */
const TTL_MARK_MASK_HIGH = 0xffff_ff00 | 0;
const CONTAINER_HIGH = 0x8000_0000 | 0;

/** The kind of the owner with these two halves. */
export function ownerKind(high: number, low: number): OwnerKind {
  if (high === 0 && low === 0) return 'none';
  if (high === CONTAINER_HIGH && low === 0) return 'container';
  if ((high & TTL_MARK_MASK_HIGH) === TTL_MARK_HIGH) return 'ttl';
  return 'session';
}

/** The stored owner of a TTL znode. */
export function ttlOwner(ttlMs: number): bigint {
  return TTL_MARK | BigInt(ttlMs);
}

/** The time to live, in milliseconds, that a TTL znode's stored owner says. */
export function ttlOf(owner: bigint): number {
  return Number(owner & 0xff_ffff_ffffn);
}

export function ownerHigh(owner: bigint): number {
  return owner === 0n ? 0 : Number(BigInt.asIntN(32, owner >> 32n));
}

export function ownerLow(owner: bigint): number {
  return owner === 0n ? 0 : Number(BigInt.asIntN(32, owner));
}

export function ownerOf(high: number, low: number): bigint {
  return high === 0 && low === 0 ? 0n : (BigInt(high) << 32n) | BigInt(low >>> 0);
}
