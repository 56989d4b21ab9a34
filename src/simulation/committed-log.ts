import type { ServerId } from '../common/types.ts';
import { counterOf, formatZxid } from '../common/zxid.ts';
import type { Zxid } from '../common/zxid.ts';

/** An entry as one server has it: what it is, and where that server's state ended before it. */
export interface SeenEntry {
  readonly zxid: Zxid;
  readonly after: Zxid;
  readonly checksum: number;
}

interface CommittedEntry extends SeenEntry {
  readonly server: ServerId;
}

/** The one log that all members must agree upon, as far as somebody has seen it. */
export class CommittedLog {
  readonly #entries = new Map<Zxid, CommittedEntry>();
  /** Ranges of which only the end was seen: a state that came as a snapshot says nothing of what led to it. */
  readonly #unseen: { readonly after: Zxid; readonly through: Zxid }[] = [];
  #last: Zxid = 0;
  #longestEpoch = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** How many zxids the epoch has used up that has used most. */
  get longestEpoch(): number {
    return this.#longestEpoch;
  }

  has(zxid: Zxid): boolean {
    return this.#entries.has(zxid);
  }

  /**
   * Notes that a server holds an entry as committed.
   * @returns what that contradicts, if it does: an entry that is another elsewhere, or one that was committed and is lost.
   */
  note(server: ServerId, entry: SeenEntry): string | undefined {
    const { zxid, checksum } = entry;
    const known = this.#entries.get(zxid);
    if (known === undefined) return this.#add({ ...entry, server });
    if (known.checksum !== checksum) {
      return `servers ${known.server} and ${server} committed different entries at ${formatZxid(zxid)}`;
    }
    if (!isEntry(entry.after) || !isEntry(known.after) || known.after === entry.after) return undefined;
    const there = `${formatZxid(known.after)} on server ${known.server}`;
    return `before ${formatZxid(zxid)} stands ${formatZxid(entry.after)} on server ${server}, and ${there}`;
  }

  #add(entry: CommittedEntry): string | undefined {
    const { server, zxid, after } = entry;
    const last = this.#last;
    this.#entries.set(zxid, entry);
    this.#longestEpoch = Math.max(this.#longestEpoch, counterOf(zxid));
    if (zxid < last) {
      if (this.#unseen.some((range) => zxid > range.after && zxid <= range.through)) return undefined;
      return `server ${server} committed ${formatZxid(zxid)}, which was not there when ${formatZxid(last)} was committed`;
    }
    this.#last = zxid;
    if (!isEntry(after)) this.#unseen.push({ after: last, through: zxid - 1 });
    else if (after > last) this.#unseen.push({ after: last, through: after });
    else if (after < last) {
      return `server ${server} committed ${formatZxid(zxid)} right after ${formatZxid(after)}: ${formatZxid(last)} is lost`;
    }
    return undefined;
  }
}

/** The zero of an epoch is no entry: a state that came as a snapshot may end there. */
function isEntry(zxid: Zxid): boolean {
  return counterOf(zxid) !== 0;
}
