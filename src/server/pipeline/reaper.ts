import { ttlOf } from '../database/owner.ts';
import type { Database } from '../database/types.ts';

/** ZooKeeper's znode.container.checkIntervalMs. */
const INTERVAL_MS = 60_000;
/** ZooKeeper's znode.container.maxPerMinute. */
const PER_INTERVAL_MAX = 10_000;

/** Finds containers that have lost their last child, and TTL znodes whose time is up (ContainerManager). For the leader. */
export class Reaper {
  readonly #database: Database;
  readonly #extendedTypesEnabled: boolean;
  readonly #intervalMs: number;
  #nextMs: number;

  /**
   * @param extendedTypesEnabled Where they are not, there are no TTL znodes, whatever an owner looks like.
   * @param intervalMs How often it looks; undefined for once a minute.
   */
  constructor(database: Database, extendedTypesEnabled: boolean, intervalMs: number | undefined, nowMs: number) {
    this.#database = database;
    this.#extendedTypesEnabled = extendedTypesEnabled;
    this.#intervalMs = intervalMs ?? INTERVAL_MS;
    this.#nextMs = nowMs + this.#intervalMs;
  }

  /** When it wants to look again. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** There may be a million of them that stay, whose paths nobody needs. */
  candidates(nowMs: number, wallMs: number): string[] {
    this.#nextMs = nowMs + this.#intervalMs;
    const paths: string[] = [];
    for (const znode of this.#database.containers()) {
      if (paths.length >= PER_INTERVAL_MAX) break;
      // A container that never had a child is kept: its first may be on the way.
      if (znode.children.size === 0 && znode.storedCversion > 0) paths.push(znode.path);
    }
    if (!this.#extendedTypesEnabled) return paths;
    for (const znode of this.#database.ttlZnodes()) {
      if (paths.length >= PER_INTERVAL_MAX) break;
      if (znode.children.size > 0) continue;
      if (wallMs - znode.mtimeMs > ttlOf(znode.storedEphemeralOwner)) paths.push(znode.path);
    }
    return paths;
  }
}
