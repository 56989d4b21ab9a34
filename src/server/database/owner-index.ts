import { ownerKind, ownerOf } from './owner.ts';

/** Which znodes die with which session, which are containers, and which have a time to live. Holds their ids. */
export class OwnerIndex {
  readonly containers = new Set<number>();
  readonly ttls = new Set<number>();
  readonly #bySession = new Map<bigint, Set<number>>();
  #ephemeralCount = 0;

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }

  /** In the order of their creation. */
  ephemerals(session: bigint): ReadonlySet<number> {
    return this.#bySession.get(session) ?? NOBODYS;
  }

  add(id: number, high: number, low: number): void {
    const kind = ownerKind(high, low);
    if (kind === 'none') return;
    if (kind === 'container') this.containers.add(id);
    else if (kind === 'ttl') this.ttls.add(id);
    else this.#addEphemeral(ownerOf(high, low), id);
  }

  remove(id: number, high: number, low: number): void {
    const kind = ownerKind(high, low);
    if (kind === 'none') return;
    if (kind === 'container') this.containers.delete(id);
    else if (kind === 'ttl') this.ttls.delete(id);
    else this.#removeEphemeral(ownerOf(high, low), id);
  }

  #addEphemeral(session: bigint, id: number): void {
    const ids = this.#bySession.get(session);
    if (ids === undefined) this.#bySession.set(session, new Set([id]));
    else ids.add(id);
    this.#ephemeralCount++;
  }

  #removeEphemeral(session: bigint, id: number): void {
    const ids = this.#bySession.get(session);
    if (ids === undefined || !ids.delete(id)) return;
    if (ids.size === 0) this.#bySession.delete(session);
    this.#ephemeralCount--;
  }
}

const NOBODYS: ReadonlySet<number> = new Set();
