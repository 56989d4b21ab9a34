/** What of a resource's metadata tells which one it is, and how old what is known of it. */
interface Identity {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly deletionTimestamp?: string | undefined;
}

/** Resources as this process wrote them last: what a watch tells of its own writes needs no further look. */
export class OwnWrites {
  readonly #versions = new Map<string, string>();

  /** @param before As it was read. Of one that is on its way out nothing is kept: it may be gone before the answer comes. */
  note(before: Identity, resourceVersion: string): void {
    if (before.deletionTimestamp === undefined) this.#versions.set(before.uid ?? '', resourceVersion);
  }

  /** Whether it is as this process left it. */
  has({ uid = '', resourceVersion }: Identity): boolean {
    return resourceVersion !== undefined && this.#versions.get(uid) === resourceVersion;
  }

  /** It is gone: schedules make backups, and delete them, for as long as this process lives. */
  forget({ uid = '' }: Identity): void {
    this.#versions.delete(uid);
  }
}
