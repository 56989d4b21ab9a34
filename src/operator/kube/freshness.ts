/** After answering with old states alone for this long, in milliseconds, an API server is believed: it was restored. */
const BELIEVED_AFTER_MS = 120_000;

/**
 * Notices lists that are older than what the API server has told before: of an instance that lags behind the others, or
 * of a cache in between. Resource versions of one resource only grow, and a list has the newest.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export class Freshness {
  readonly #newest = new Map<string, bigint>();
  readonly #staleSinceMs = new Map<string, number>();

  /** Notes a version that the API server has told of. */
  note(resource: string, resourceVersion: string | undefined): void {
    const version = asNumber(resourceVersion);
    if (version !== undefined && version > this.newest(resource)) this.#newest.set(resource, version);
  }

  /** The newest version that is known now. */
  newest(resource: string): bigint {
    return this.#newest.get(resource) ?? 0n;
  }

  /**
   * Whether a list of this version is older than what was known when it was asked for; notes it where it is not. What a watch
   * tells while the answer is on its way does not make that one old.
   */
  isStale(resource: string, resourceVersion: string, nowMs: number, known = this.newest(resource)): boolean {
    const version = asNumber(resourceVersion);
    if (version === undefined) return false;
    if (version < known) {
      const sinceMs = this.#staleSinceMs.get(resource) ?? nowMs;
      this.#staleSinceMs.set(resource, sinceMs);
      if (nowMs - sinceMs < BELIEVED_AFTER_MS) return true;
    }
    this.#staleSinceMs.delete(resource);
    if (version > this.newest(resource) || version < known) this.#newest.set(resource, version);
    return false;
  }
}

/** Versions that are not numbers, of an aggregated API server for instance, tell nothing about their order. */
function asNumber(resourceVersion: string | undefined): bigint | undefined {
  return resourceVersion !== undefined && /^\d+$/.test(resourceVersion) ? BigInt(resourceVersion) : undefined;
}
