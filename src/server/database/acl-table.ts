import type { Acl } from '../protocol/records.ts';

/** An index into an {@link AclTable}. */
export type AclIndex = number;

/** ZooKeeper's id, in snapshots, of the ACL that lets everybody do everything; it is in no table. */
export const OPEN_ACL_ID = -1;
/** Where that ACL stands in every table. */
export const OPEN_ACL: AclIndex = 0;

const EVERYBODY_EVERYTHING: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
/** What a znode has whose ACL is not in the snapshot (yet): the safe side is nobody. An empty list would be everybody. */
const NOBODY: readonly Acl[] = [{ perms: 0, scheme: 'world', id: 'anyone' }];

interface Entry {
  /** The number that stands for the ACL in snapshots. */
  readonly id: number;
  readonly acl: readonly Acl[];
  readonly key: string;
  /** How many znodes have it. */
  uses: number;
}

/**
 * The ACLs that are in use, each once, however many znodes have it (ReferenceCountedACLCache). A list counts as the same
 * only with the same entries in the same order.
 */
export class AclTable {
  readonly #entries: (Entry | undefined)[] = [{ id: OPEN_ACL_ID, acl: EVERYBODY_EVERYTHING, key: '', uses: 0 }];
  readonly #free: AclIndex[] = [];
  readonly #byKey = new Map<string, AclIndex>();
  #lastId = 0;
  /** What was asked for last; in nearly every tree the next znode has the same. */
  #recent: AclIndex = OPEN_ACL;

  get(index: AclIndex): readonly Acl[] {
    return this.#entry(index).acl;
  }

  /** The index of an ACL, which one more znode has from now on. */
  use(acl: readonly Acl[]): AclIndex {
    const recent = this.#entries[this.#recent];
    if (recent !== undefined && this.#recent !== OPEN_ACL && sameAcl(recent.acl, acl)) {
      recent.uses++;
      return this.#recent;
    }
    const key = keyOf(acl);
    const index = this.#byKey.get(key) ?? this.#add(this.#lastId + 1, acl.map(copyAcl), key);
    this.#recent = index;
    this.#entry(index).uses++;
    return index;
  }

  /** One more znode has this ACL. */
  useAgain(index: AclIndex): void {
    this.#entry(index).uses++;
  }

  /** One znode fewer has this ACL; the last one takes it along. */
  release(index: AclIndex): void {
    const entry = this.#entry(index);
    entry.uses--;
    if (entry.uses <= 0 && index !== OPEN_ACL) this.#remove(index, entry);
  }

  /** What a snapshot's map of ACLs holds, in the order of the ids: what was missing in the one that was loaded is in this one. */
  list(): readonly { readonly id: number; readonly acl: readonly Acl[] }[] {
    const listed = this.#entries.flatMap((entry) => (entry === undefined || entry.id === OPEN_ACL_ID ? [] : [entry]));
    return listed.toSorted((a, b) => a.id - b.id);
  }

  /** The number in snapshots of every index in use. */
  ids(): ReadonlyMap<AclIndex, number> {
    const ids = new Map<AclIndex, number>();
    for (const [index, entry] of this.#entries.entries()) if (entry !== undefined) ids.set(index, entry.id);
    return ids;
  }

  /** Takes in an entry of a snapshot's map; used by nobody so far. */
  load(id: number, acl: readonly Acl[]): AclIndex {
    const key = keyOf(acl);
    // A map may hold the same list twice; the znodes of both ids then share the first one's.
    return this.#byKey.get(key) ?? this.#add(id, acl, key);
  }

  /**
   * The place of an id that a snapshot's znodes name but its map does not hold. ZooKeeper writes such snapshots: the map
   * first, then, while transactions go on, the znodes. Replaying those transactions gives the znodes their ACL; until
   * then nobody has a permission.
   */
  loadMissing(id: number): AclIndex {
    if (id === OPEN_ACL_ID) return OPEN_ACL;
    return this.#place({ id, acl: NOBODY, key: '', uses: 0 });
  }

  /** Drops what no znode of a loaded snapshot has. */
  purge(): void {
    for (const index of this.#byKey.values()) {
      const entry = this.#entry(index);
      if (entry.uses === 0) this.#remove(index, entry);
    }
  }

  #add(id: number, acl: readonly Acl[], key: string): AclIndex {
    const index = this.#place({ id, acl, key, uses: 0 });
    this.#byKey.set(key, index);
    return index;
  }

  #place(entry: Entry): AclIndex {
    const index = this.#free.pop() ?? this.#entries.length;
    this.#entries[index] = entry;
    this.#lastId = Math.max(this.#lastId, entry.id);
    return index;
  }

  #remove(index: AclIndex, entry: Entry): void {
    this.#entries[index] = undefined;
    this.#free.push(index);
    if (entry.acl !== NOBODY) this.#byKey.delete(entry.key);
  }

  #entry(index: AclIndex): Entry {
    return this.#entries[index] as Entry;
  }
}

function sameAcl(a: readonly Acl[], b: readonly Acl[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as Acl;
    const y = b[i] as Acl;
    if (x.perms !== y.perms || x.scheme !== y.scheme || x.id !== y.id) return false;
  }
  return true;
}

/** The lengths keep apart what a mere separator would not. */
function keyOf(acl: readonly Acl[]): string {
  let key = '';
  for (const { perms, scheme, id } of acl) key += `${perms}:${scheme.length}:${scheme}:${id.length}:${id}:`;
  return key;
}

/** Without the request's memory behind it. */
function copyAcl({ perms, scheme, id }: Acl): Acl {
  return { perms, scheme, id };
}
