import { encodeUtf8 } from '../../common/utf8.ts';
import { CRC_START, crcUpdate, crcValue } from '../database/crc32.ts';
import { startsWith } from './bytes.ts';
import type { BodyVisitor, ZnodeRecord } from './body-reader.ts';

const WORD = 0x1_0000_0000;
/** What servers keep for themselves below this path is in no digest. */
const SYSTEM_PREFIX = encodeUtf8('/zookeeper/');
/** In a stored stat: czxid and mzxid; then ctime to ephemeralOwner; then pzxid, which the digest takes before those. */
const TIMES_OFFSET = 16;
const PZXID_OFFSET = 52;
const STAT_BYTES = 60;

/**
 * The digest of the tree in a snapshot's body, version 2 of ZooKeeper's DigestCalculator: the sum of every znode's CRC-32
 * over path, data and stat. A server computes it only while it writes such a snapshot, not with every transaction.
 */
export class BodyDigest implements BodyVisitor {
  #high = 0;
  #low = 0;

  /** Signed 64 bits, as ZooKeeper writes it. */
  get value(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  znode(znode: ZnodeRecord): void {
    if (isSystemZnode(znode)) return;
    const { memory, statStart } = znode;
    let crc = crcUpdate(CRC_START, memory, znode.pathStart, znode.pathEnd);
    crc = crcUpdate(crc, memory, znode.dataStart, znode.dataEnd);
    crc = crcUpdate(crc, memory, statStart, statStart + TIMES_OFFSET);
    crc = crcUpdate(crc, memory, statStart + PZXID_OFFSET, statStart + STAT_BYTES);
    crc = crcUpdate(crc, memory, statStart + TIMES_OFFSET, statStart + PZXID_OFFSET);
    this.#low += crcValue(crc);
    if (this.#low < WORD) return;
    this.#low -= WORD;
    this.#high = (this.#high + 1) % WORD;
  }
}

/** True for what is below `/zookeeper`: the configuration and the quotas. */
export function isSystemZnode({ memory, pathStart, pathEnd }: ZnodeRecord): boolean {
  return startsWith(memory.subarray(pathStart, pathEnd), SYSTEM_PREFIX);
}
