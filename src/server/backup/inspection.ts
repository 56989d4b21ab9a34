import { decodeUtf8 } from '../../common/utf8.ts';
import type { Zxid } from '../../common/zxid.ts';
import { OPEN_ACL_ID } from '../database/acl-table.ts';
import { SLASH } from '../database/path-key.ts';
import { isSystemZnode } from './body-digest.ts';
import { corrupt, type BodyVisitor, type ZnodeRecord } from './body-reader.ts';

/** How many of the largest subtrees are kept. */
const SUBTREES_MAX = 10;

/** A znode with everything below it. */
export interface Subtree {
  readonly path: string;
  readonly znodes: number;
  /** Bytes of paths and data. */
  readonly bytes: number;
}

interface OpenSubtree {
  readonly pathLength: number;
  znodes: number;
  bytes: number;
}

/** Counts what a snapshot holds, and checks that it is a tree: that every znode follows the one it is in. */
export class Inspection implements BodyVisitor {
  sessionCount = 0;
  znodes = 0;
  ephemerals = 0;
  containers = 0;
  ttlZnodes = 0;
  /** Bytes of all paths and data. */
  dataBytes = 0;
  /** The largest zxid that a znode bears. */
  lastChange: Zxid = 0;
  /** A znode has an ACL that is not in the map: it got it after the map had been written. */
  lacksAcl = false;
  readonly #aclIds = new Set([OPEN_ACL_ID]);
  readonly #largest: Subtree[] = [];
  /** From the root to the last znode; the path of each is the beginning of `#path`. */
  readonly #open: OpenSubtree[] = [];
  #path = new Uint8Array(256);
  #pathLength = 0;

  /** @returns the largest subtrees but for the whole, largest first. @throws CodedError ZK_SNAPSHOT_CORRUPT for no tree at all. */
  end(): readonly Subtree[] {
    if (this.znodes === 0) corrupt('it has no root');
    while (this.#open.length > 0) this.#close();
    return this.#largest;
  }

  sessions(count: number): void {
    this.sessionCount = count;
  }

  acls(bytes: Uint8Array): void {
    if (bytes.length > ACL_COUNT_BYTES) this.#aclIds.add(aclIdAt(bytes, 0));
  }

  znode(znode: ZnodeRecord): void {
    this.#goTo(znode);
    if (!this.#aclIds.has(aclIdAt(znode.memory, znode.dataEnd))) this.lacksAcl = true;
    const bytes = znode.pathEnd - znode.pathStart + znode.dataEnd - znode.dataStart;
    this.#open.push({ pathLength: this.#pathLength, znodes: 1, bytes });
    this.znodes++;
    this.dataBytes += bytes;
    if (znode.ownerKind === 'session') this.ephemerals++;
    else if (znode.ownerKind === 'container') this.containers++;
    else if (znode.ownerKind === 'ttl') this.ttlZnodes++;
    // The configuration bears the zxid of another history's moment.
    if (isSystemZnode(znode)) return;
    const view = new DataView(znode.memory.buffer, znode.memory.byteOffset + znode.statStart);
    for (const at of ZXID_OFFSETS) {
      this.lastChange = Math.max(this.lastChange, view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4));
    }
  }

  /** Closes what the znode is not in; its path becomes the present one. */
  #goTo({ memory, pathStart, pathEnd, ownerKind }: ZnodeRecord): void {
    const length = pathEnd - pathStart;
    const isRoot = length === 0;
    if (isRoot !== (this.znodes === 0)) corrupt(isRoot ? 'it has a second root' : 'it does not begin with the root');
    // A restore leaves out ephemerals with all that is below them.
    if (isRoot && ownerKind === 'session') corrupt('it says that the root is ephemeral');
    if (isRoot) return;
    const parentLength = memory.lastIndexOf(SLASH, pathEnd - 1) - pathStart;
    let common = 0;
    while (common < this.#pathLength && this.#path[common] === memory[pathStart + common]) common++;
    // Damage may leave no slash in the path: the one found is then of another path, or none.
    let isBelow = parentLength >= 0 && parentLength < length - 1 && parentLength <= common;
    if (isBelow) {
      while ((this.#open.at(-1)?.pathLength ?? 0) > parentLength) this.#close();
      isBelow = this.#open.at(-1)?.pathLength === parentLength;
    }
    if (!isBelow) corrupt(`${decodeUtf8(memory, pathStart, pathEnd)} does not follow the znode that it is in`);
    if (length > this.#path.length) this.#path = grown(this.#path, length * 2);
    this.#path.set(memory.subarray(pathStart, pathEnd));
    this.#pathLength = length;
  }

  #close(): void {
    const subtree = this.#open.pop();
    const around = this.#open.at(-1);
    if (subtree === undefined || around === undefined) return;
    around.znodes += subtree.znodes;
    around.bytes += subtree.bytes;
    const place = this.#largest.findIndex(({ bytes }) => bytes < subtree.bytes);
    if (place === -1 && this.#largest.length === SUBTREES_MAX) return;
    const { znodes, bytes } = subtree;
    const path = decodeUtf8(this.#path, 0, subtree.pathLength);
    this.#largest.splice(place === -1 ? this.#largest.length : place, 0, { path, znodes, bytes });
    this.#largest.length = Math.min(this.#largest.length, SUBTREES_MAX);
  }
}

/** Of the number before the entries of the map of ACLs. */
const ACL_COUNT_BYTES = 4;

function aclIdAt(memory: Uint8Array, at: number): number {
  const view = new DataView(memory.buffer, memory.byteOffset + at);
  return view.getInt32(0) * 2 ** 32 + view.getUint32(4);
}

/** czxid, mzxid and pzxid in a stored stat. */
const ZXID_OFFSETS = [0, 8, 52];

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
