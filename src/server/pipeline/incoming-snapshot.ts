import { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Database, SnapshotLoader } from '../database/types.ts';

/** What a piece of a snapshot led to: more is to come, the state is there, or (with the error) it cannot be read. */
export type SnapshotProgress = 'more' | 'whole' | 'unexpected' | CodedError;

/** The snapshot that a leader sends after SNAP. The state is replaced when all of it is there, and not before. */
export class IncomingSnapshot {
  readonly #database: Database;
  #current: { readonly loader: SnapshotLoader; readonly zxid: Zxid } | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  begin(zxid: Zxid): void {
    this.#current = { loader: this.#database.loader(), zxid };
  }

  /** The connection to the leader has ended. */
  abandon(): void {
    this.#current = undefined;
  }

  take(bytes: Uint8Array, end: boolean): SnapshotProgress {
    const current = this.#current;
    // The peer has given up this leader; what was on its way means nothing any more.
    if (current === undefined) return 'unexpected';
    try {
      current.loader.push(bytes);
      if (!end) return 'more';
      this.#current = undefined;
      current.loader.finish(current.zxid, undefined);
      return 'whole';
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'ZK_SNAPSHOT_CORRUPT') throw error;
      this.#current = undefined;
      return error;
    }
  }
}
