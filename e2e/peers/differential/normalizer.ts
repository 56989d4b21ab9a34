import type { Arrival } from '../raw/connection.ts';
import type { Result } from '../raw/operations.ts';
import type { Stat } from '../raw/records.ts';

/**
 * Writes what a server sent as text in which only that is left out in which two right servers may differ: times, the numbers
 * of sessions (named instead), the zxid at which the run began (subtracted), and the order of children.
 */
export class Normalizer {
  readonly #root: string;
  readonly #zxidOfRoot: bigint;
  readonly #sessionNames = new Map<bigint, string>();

  constructor(root: string, zxidOfRoot: bigint) {
    this.#root = root;
    this.#zxidOfRoot = zxidOfRoot;
  }

  nameSession(id: bigint, name: string): void {
    this.#sessionNames.set(id, name);
  }

  arrival(arrival: Arrival): string {
    if (arrival.kind === 'event') {
      const { type, state, path } = arrival.event;
      return `event ${type}, state ${state}, ${this.#path(path)}`;
    }
    const { xid, zxid, error, result } = arrival.reply;
    const head = `${arrival.op}: error ${error}, zxid ${this.#zxid(zxid)}${xid < 0 ? `, xid ${xid}` : ''}`;
    return result === undefined ? head : `${head}, ${JSON.stringify(this.#result(result))}`;
  }

  #result(result: Result): object {
    const { path, data, stat, children, ids, parts, ...rest } = result;
    return {
      ...rest,
      ...(path === undefined ? {} : { path: this.#path(path) }),
      ...(data === undefined ? {} : { data: data === null ? null : data.toString('latin1') }),
      ...(stat === undefined ? {} : { stat: this.#stat(stat) }),
      ...(children === undefined ? {} : { children: children?.map((child) => this.#path(child)).sort() ?? null }),
      ...(ids === undefined ? {} : { ids: ids?.map(({ scheme, user }) => `${scheme}:${user}`).sort() ?? null }),
      ...(parts === undefined ? {} : { parts: parts.map((part) => this.#result(part)) }),
    };
  }

  #stat(stat: Stat): object {
    const { czxid, mzxid, pzxid, ephemeralOwner, version, cversion, aversion, dataLength, numChildren } = stat;
    return {
      czxid: this.#zxid(czxid),
      mzxid: this.#zxid(mzxid),
      pzxid: this.#zxid(pzxid),
      version,
      cversion,
      aversion,
      dataLength,
      numChildren,
      ephemeralOwner: ephemeralOwner === 0n ? 0 : (this.#sessionNames.get(ephemeralOwner) ?? 'an unknown session'),
    };
  }

  /** Zxids of before the run are those of nodes that every server has, or of earlier runs: only that they are is compared. */
  #zxid(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    return zxid < this.#zxidOfRoot ? 'before' : `+${zxid - this.#zxidOfRoot}`;
  }

  #path(path: string | null): string | null {
    return path?.startsWith(this.#root) === true ? path.slice(this.#root.length) || '/' : path;
  }
}
