import type { SessionId } from '../../common/types.ts';

/** A session's password is this long. */
export const PASSWORD_BYTES = 16;

const SUPER_SECRET = 0xb3415c00n;
const LCG_MULTIPLIER = 0x5deece66dn;
const LCG_INCREMENT = 0xbn;
const LCG_MASK = (1n << 48n) - 1n;

/**
 * The password of a session as every ZooKeeper server makes it (ZooKeeperServer.generatePasswd): the first 16 bytes of
 * java.util.Random seeded with the session id and a constant. Each member of a mixed ensemble must come to the same
 * bytes, because a client may move its session to any of them. It keeps mistakes out, not attackers: whoever knows a
 * session's id knows its password.
 */
export function sessionPassword(sessionId: SessionId): Uint8Array {
  const password = new Uint8Array(PASSWORD_BYTES);
  const view = new DataView(password.buffer);
  let seed = (BigInt.asUintN(64, sessionId) ^ SUPER_SECRET ^ LCG_MULTIPLIER) & LCG_MASK;
  for (let offset = 0; offset < PASSWORD_BYTES; offset += 4) {
    seed = (seed * LCG_MULTIPLIER + LCG_INCREMENT) & LCG_MASK;
    view.setUint32(offset, Number(seed >> 16n), true);
  }
  return password;
}

/** True if `given` is the session's password. Session 0 is nobody's. */
export function isSessionPassword(sessionId: SessionId, given: Uint8Array | null): boolean {
  if (sessionId === 0n || given === null || given.length !== PASSWORD_BYTES) return false;
  const expected = sessionPassword(sessionId);
  let difference = 0;
  for (let i = 0; i < PASSWORD_BYTES; i++) difference |= (expected[i] ?? 0) ^ (given[i] ?? 0);
  return difference === 0;
}
