import { Records } from './records.ts';

/** The fields of a znode's record that are 64-bit floats: zxids and times. Each takes two places. */
export const Wide = { czxid: 0, mzxid: 2, pzxid: 4, ctimeMs: 6, mtimeMs: 8 } as const;

/** The fields that are 32-bit integers. Those that a lookup reads lie side by side. */
export const Int = {
  version: 10,
  /** As stored: counts creates. */
  cversion: 11,
  aversion: 12,
  /** The 64 bits of the stored ephemeralOwner. */
  ownerHigh: 13,
  ownerLow: 14,
  /** An index of the AclTable. */
  acl: 15,
  hash: 16,
  hashNext: 17,
  parent: 18,
  nameLength: 19,
  nameBlock: 20,
  /** -1 for null. */
  dataLength: 21,
  dataBlock: 22,
  childCount: 23,
  firstChild: 24,
  lastChild: 25,
  previousSibling: 26,
  nextSibling: 27,
  /** The CRC-32 of path and data, from which the digest goes on; and the digest. Only where digests are kept. */
  contentCrc: 28,
  digest: 29,
  /** The version of the tree that first had the record's present content, see TreeVersions. */
  born: 30,
  /** The record that holds the content before that, or 0. */
  older: 31,
} as const;
export type Int = (typeof Int)[keyof typeof Int];

const FIELDS = 32;

/** The znodes' fixed parts: 128 bytes for each. */
export function createNodeRecords(): Records {
  return new Records(FIELDS);
}
