import type { Zxid } from '../../common/zxid.ts';
import type { Database } from '../database/types.ts';
import type { ZxidDigest } from './types.ts';

/** As in ZooKeeper (DataTree.DIGEST_LOG_INTERVAL and DIGEST_LOG_LIMIT), so that two servers' logs name the same transactions. */
const EVERY_TRANSACTIONS = 128;
const DIGESTS_MAX = 1024;

/** The latest digests of the tree: where those of two servers differ for one zxid, so do their trees. */
export class DigestLog {
  readonly #digests: ZxidDigest[] = [];

  /** This committed transaction is the last that was applied. */
  applied(zxid: Zxid, database: Pick<Database, 'digest'>): void {
    if (zxid % EVERY_TRANSACTIONS !== 0) return;
    const digest = database.digest();
    if (digest === undefined) return;
    this.#digests.push({ zxid, digest });
    if (this.#digests.length > DIGESTS_MAX) this.#digests.shift();
  }

  latest(): readonly ZxidDigest[] {
    return this.#digests;
  }
}
