import { decodeUtf8 } from '../../common/utf8.ts';
import { ReplyCode } from '../protocol/opcodes.ts';
import type { Acl } from '../protocol/records.ts';
import { AclTable, OPEN_ACL, type AclIndex } from './acl-table.ts';
import { BlockStore } from './block-store.ts';
import { HashTable } from './hash-table.ts';
import { createNodeRecords, Int, Wide } from './node-records.ts';
import { OwnerIndex } from './owner-index.ts';
import { PathKey, SLASH } from './path-key.ts';
import { TreeDigest } from './tree-digest.ts';
import { TreeVersions } from './tree-versions.ts';

/** The number of a znode in its tree; 0 is none. */
export type NodeId = number;

const NONE: NodeId = 0;
export const ROOT: NodeId = 1;
/** Below it lies what servers keep for themselves: neither the digest nor a quota counts that. */
const SYSTEM_NAME = 'zookeeper';

/** What a tree is made with. */
export interface TreeOptions {
  readonly keepDigest: boolean;
  /** See {@link PathKey}. */
  readonly hashSeed: number;
}

/** What a new znode is made of. */
export interface NewNode {
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** As stored. */
  readonly ownerHigh: number;
  readonly ownerLow: number;
  /** The parent's stored cversion after this; -1 for one more than it is. */
  readonly parentCversion: number;
}

/**
 * The znodes, as ZooKeeper's DataTree has them, in memory that the garbage collector need not walk: records, blocks of bytes
 * and hash tables are all typed arrays. A znode's name is kept once, its path nowhere: a lookup hashes the whole path and
 * compares the names from the znode up to the root.
 *
 * This class keeps the tree consistent; what a transaction means is said in `apply.ts`.
 */
export class DataTree {
  readonly records = createNodeRecords();
  readonly blocks = new BlockStore();
  readonly acls = new AclTable();
  readonly versions = new TreeVersions(this.records, this.blocks);
  readonly owners = new OwnerIndex();
  /** Sum of the digests, or undefined where none is kept. */
  readonly digest: TreeDigest | undefined;
  readonly #paths = new HashTable(this.records, Int.hash, Int.hashNext);
  readonly #hashSeed: number;
  #system: NodeId = NONE;
  #pathAndDataBytes = 0;

  /** A tree with nothing but a root, whose stat is all zeros. */
  constructor({ keepDigest, hashSeed }: TreeOptions) {
    this.#hashSeed = hashSeed;
    this.digest = keepDigest ? new TreeDigest(this.records) : undefined;
    const key = this.newKey();
    key.set('/');
    const root = this.records.allocate();
    this.records.setInt(root, Int.acl, OPEN_ACL);
    this.acls.useAgain(OPEN_ACL);
    this.#paths.add(root, key.hash);
    this.digest?.addContent(root, key, key.bytes, 0, 0);
  }

  get nodeCount(): number {
    return this.#paths.size;
  }

  /** Bytes of all paths and all data, with `/` as the root's path. */
  get pathAndDataBytes(): number {
    return this.#pathAndDataBytes + 1;
  }

  /** A key to look up paths in this tree with. */
  newKey(): PathKey {
    return new PathKey(this.#hashSeed);
  }

  find(key: PathKey): NodeId {
    const paths = this.#paths;
    for (let id = paths.first(key.hash); id !== NONE; id = paths.next()) {
      if (this.#hasPath(id, key.bytes, key.length)) return id;
    }
    return NONE;
  }

  findParent(key: PathKey): NodeId {
    if (key.parentLength === -1) return NONE;
    const paths = this.#paths;
    for (let id = paths.first(key.parentHash); id !== NONE; id = paths.next()) {
      if (this.#hasPath(id, key.bytes, key.parentLength)) return id;
    }
    return NONE;
  }

  /** The znode with this path, whose parent is known. */
  findChild(parent: NodeId, key: PathKey): NodeId {
    const paths = this.#paths;
    for (let id = paths.first(key.hash); id !== NONE; id = paths.next()) {
      if (this.records.int(id, Int.parent) !== parent) continue;
      if (this.#hasName(id, key.bytes, key.parentLength + 1, key.length)) return id;
    }
    return NONE;
  }

  pathOf(id: NodeId): string {
    if (id === ROOT) return '/';
    let path = '';
    for (let at = id; at !== ROOT; at = this.records.int(at, Int.parent)) path = `/${this.nameOf(at)}${path}`;
    return path;
  }

  nameOf(id: NodeId): string {
    const block = this.records.int(id, Int.nameBlock);
    const start = this.blocks.offset(block);
    return decodeUtf8(this.blocks.memory(block), start, start + this.records.int(id, Int.nameLength));
  }

  /** Null for null, else a view of the tree's memory. */
  dataOf(id: NodeId): Uint8Array | null {
    const length = this.records.int(id, Int.dataLength);
    if (length === -1) return null;
    const block = this.records.int(id, Int.dataBlock);
    const start = this.blocks.offset(block);
    return this.blocks.memory(block).subarray(start, start + length);
  }

  aclOf(id: NodeId): readonly Acl[] {
    return this.acls.get(this.records.int(id, Int.acl));
  }

  /**
   * DataTree.createNode. Where the znode exists it gets the ACL none the less, as in ZooKeeper: replaying a transaction
   * over a fuzzy snapshot then repairs an ACL that the snapshot lacks.
   * @returns the new znode, or a (negative) ReplyCode.
   */
  create(key: PathKey, node: NewNode, zxid: number, timeMs: number): NodeId {
    const parent = this.findParent(key);
    if (parent === NONE) return key.length === 0 ? ReplyCode.nodeExists : ReplyCode.noNode;
    const existing = this.findChild(parent, key);
    if (existing !== NONE) {
      this.#replaceAcl(existing, node.acl);
      return ReplyCode.nodeExists;
    }
    const { records } = this;
    const id = this.newNode(key, node.data, this.acls.use(node.acl));
    records.setWide(id, Wide.czxid, zxid);
    records.setWide(id, Wide.mzxid, zxid);
    records.setWide(id, Wide.pzxid, zxid);
    records.setWide(id, Wide.ctimeMs, timeMs);
    records.setWide(id, Wide.mtimeMs, timeMs);
    records.setInt(id, Int.ownerHigh, node.ownerHigh);
    records.setInt(id, Int.ownerLow, node.ownerLow);
    this.#beginChange(parent);
    this.#raiseCversion(parent, node.parentCversion, zxid);
    this.attach(id, parent, key);
    this.#endChange(parent);
    return id;
  }

  /**
   * DataTree.deleteNode. The parent's pzxid is raised even where the znode is not there: in a fuzzy snapshot it may be gone
   * already. What is below the znode goes with it: only a replay over a fuzzy snapshot deletes a znode with children, which
   * then come from later transactions and will come again. (ZooKeeper leaves them behind, in no directory.)
   * @param id What {@link find} says of the path. @returns 0 or a ReplyCode.
   */
  delete(id: NodeId, key: PathKey, zxid: number): number {
    const { records } = this;
    if (id === ROOT) return ReplyCode.badArguments;
    const parent = id === NONE ? this.findParent(key) : records.int(id, Int.parent);
    if (parent === NONE) return ReplyCode.noNode;
    this.#beginChange(parent);
    if (id !== NONE) this.#unlink(id, parent);
    if (zxid > records.wide(parent, Wide.pzxid)) records.setWide(parent, Wide.pzxid, zxid);
    this.#endChange(parent);
    if (id === NONE) return ReplyCode.noNode;
    this.#discardDescendants(id, key.length);
    this.#discard(id, key.length);
    return 0;
  }

  /** DataTree.setData. */
  setData(id: NodeId, key: PathKey, data: Uint8Array | null, version: number, zxid: number, timeMs: number): void {
    const { records } = this;
    this.#beginChange(id);
    records.setWide(id, Wide.mtimeMs, timeMs);
    records.setWide(id, Wide.mzxid, zxid);
    records.setInt(id, Int.version, version);
    this.#replaceData(id, data);
    if (this.digest !== undefined && this.#isDigested(id)) this.#digestContent(id, key);
  }

  /** Changes the data and nothing of the stat. */
  setContent(id: NodeId, key: PathKey, data: Uint8Array | null): void {
    this.#beginChange(id);
    this.#replaceData(id, data);
    if (this.digest !== undefined && this.#isDigested(id)) this.#digestContent(id, key);
  }

  /** DataTree.setACL. */
  setAcl(id: NodeId, acl: readonly Acl[], version: number): void {
    this.#beginChange(id);
    this.records.setInt(id, Int.aversion, version);
    this.#replaceAcl(id, acl);
    this.#endChange(id);
  }

  /** DataTree.setCversionPzxid. */
  raiseCversion(id: NodeId, cversion: number, zxid: number): void {
    this.#beginChange(id);
    this.#raiseCversion(id, cversion, zxid);
    this.#endChange(id);
  }

  /**
   * A record with name, data and ACL, in nobody's directory yet; its stat, all zeros, is the caller's to fill in before
   * {@link attach}.
   */
  newNode(key: PathKey, data: Uint8Array | null, acl: AclIndex): NodeId {
    const id = this.records.allocate();
    const nameStart = key.parentLength + 1;
    this.records.setInt(id, Int.nameLength, key.length - nameStart);
    this.records.setInt(id, Int.nameBlock, this.blocks.storePart(key.bytes, nameStart, key.length));
    this.records.setInt(id, Int.acl, acl);
    this.records.setInt(id, Int.born, this.versions.current);
    this.#storeData(id, data);
    return id;
  }

  /** Gives the root what a snapshot says of it. */
  changeRoot(key: PathKey, data: Uint8Array | null, acl: AclIndex, fillStat: (root: NodeId) => void): void {
    this.acls.release(this.records.int(ROOT, Int.acl));
    this.records.setInt(ROOT, Int.acl, acl);
    this.digest?.remove(ROOT);
    fillStat(ROOT);
    this.#replaceData(ROOT, data);
    if (this.digest !== undefined) this.#digestContent(ROOT, key);
  }

  /** Makes a new node the last child of a znode. The parent's stat does not change. */
  attach(id: NodeId, parent: NodeId, key: PathKey): void {
    const { records } = this;
    const last = records.int(parent, Int.lastChild);
    records.setInt(id, Int.parent, parent);
    records.setInt(id, Int.previousSibling, last);
    this.versions.preserve(parent);
    if (last === NONE) {
      records.setInt(parent, Int.firstChild, id);
    } else {
      this.versions.preserve(last);
      records.setInt(last, Int.nextSibling, id);
    }
    records.setInt(parent, Int.lastChild, id);
    records.setInt(parent, Int.childCount, records.int(parent, Int.childCount) + 1);
    this.#paths.add(id, key.hash);
    this.#pathAndDataBytes += key.length;
    this.owners.add(id, records.int(id, Int.ownerHigh), records.int(id, Int.ownerLow));
    if (parent === ROOT && this.nameOf(id) === SYSTEM_NAME) this.#system = id;
    if (this.digest !== undefined && this.#isDigested(id)) this.#digestContent(id, key);
  }

  /** Ends a znode that is in no directory any more. */
  #discard(id: NodeId, pathLength: number): void {
    const { records, versions } = this;
    this.#pathAndDataBytes -= pathLength + Math.max(0, records.int(id, Int.dataLength));
    if (this.digest !== undefined && this.#isDigested(id)) this.digest.remove(id);
    this.owners.remove(id, records.int(id, Int.ownerHigh), records.int(id, Int.ownerLow));
    this.acls.release(records.int(id, Int.acl));
    this.#paths.remove(id);
    versions.discard(id);
  }

  #discardDescendants(top: NodeId, topLength: number): void {
    const { records } = this;
    let pathLength = topLength;
    for (let at = top; ;) {
      const child = records.int(at, Int.firstChild);
      if (child !== NONE) {
        at = child;
        pathLength += 1 + records.int(at, Int.nameLength);
      } else if (at === top) {
        return;
      } else {
        const parent = records.int(at, Int.parent);
        const parentLength = pathLength - 1 - records.int(at, Int.nameLength);
        this.versions.preserve(parent);
        this.#unlink(at, parent);
        this.#discard(at, pathLength);
        pathLength = parentLength;
        at = parent;
      }
    }
  }

  #unlink(id: NodeId, parent: NodeId): void {
    const { records } = this;
    const previous = records.int(id, Int.previousSibling);
    const next = records.int(id, Int.nextSibling);
    if (previous === NONE) {
      records.setInt(parent, Int.firstChild, next);
    } else {
      this.versions.preserve(previous);
      records.setInt(previous, Int.nextSibling, next);
    }
    // Snapshots read forwards only: nobody needs the old link back.
    if (next === NONE) records.setInt(parent, Int.lastChild, previous);
    else records.setInt(next, Int.previousSibling, previous);
    records.setInt(parent, Int.childCount, records.int(parent, Int.childCount) - 1);
  }

  #replaceData(id: NodeId, data: Uint8Array | null): void {
    const block = this.records.int(id, Int.dataBlock);
    const length = this.records.int(id, Int.dataLength);
    this.#pathAndDataBytes -= Math.max(0, length);
    if (data !== null && !this.versions.anyOpen && this.blocks.overwrite(block, length, data)) {
      this.records.setInt(id, Int.dataLength, data.length);
      this.#pathAndDataBytes += data.length;
      return;
    }
    this.versions.freeData(id);
    this.#storeData(id, data);
  }

  #storeData(id: NodeId, data: Uint8Array | null): void {
    const length = data === null ? -1 : data.length;
    this.records.setInt(id, Int.dataLength, length);
    this.records.setInt(id, Int.dataBlock, data === null ? 0 : this.blocks.store(data));
    this.#pathAndDataBytes += Math.max(0, length);
  }

  #replaceAcl(id: NodeId, acl: readonly Acl[]): void {
    const before = this.records.int(id, Int.acl);
    const after = this.acls.use(acl);
    this.versions.preserve(id);
    this.records.setInt(id, Int.acl, after);
    this.acls.release(before);
  }

  /**
   * "Only upwards" is ZooKeeper's rule for replaying over a fuzzy snapshot, which may hold a later cversion already.
   */
  #raiseCversion(id: NodeId, cversion: number, zxid: number): void {
    const { records } = this;
    const present = records.int(id, Int.cversion);
    const wanted = cversion === -1 ? (present + 1) | 0 : cversion;
    if (wanted <= present) return;
    records.setInt(id, Int.cversion, wanted);
    records.setWide(id, Wide.pzxid, zxid);
  }

  #beginChange(id: NodeId): void {
    this.versions.preserve(id);
    if (this.digest !== undefined && this.#isDigested(id)) this.digest.remove(id);
  }

  #endChange(id: NodeId): void {
    if (this.digest !== undefined && this.#isDigested(id)) this.digest.add(id);
  }

  #digestContent(id: NodeId, key: PathKey): void {
    const block = this.records.int(id, Int.dataBlock);
    const start = this.blocks.offset(block);
    const end = start + Math.max(0, this.records.int(id, Int.dataLength));
    this.digest?.addContent(id, key, this.blocks.memory(block), start, end);
  }

  /** ZooKeeper's digest leaves out everything below `/zookeeper` (not that znode itself). */
  #isDigested(id: NodeId): boolean {
    if (id === ROOT || id === this.#system) return true;
    let top = id;
    for (let at = id; at !== ROOT; at = this.records.int(at, Int.parent)) top = at;
    return top !== this.#system;
  }

  #hasPath(id: NodeId, bytes: Uint8Array, length: number): boolean {
    let end = length;
    let at = id;
    while (at !== ROOT) {
      const start = end - this.records.int(at, Int.nameLength);
      if (start < 1 || bytes[start - 1] !== SLASH || !this.#hasName(at, bytes, start, end)) return false;
      end = start - 1;
      at = this.records.int(at, Int.parent);
    }
    return end === 0;
  }

  #hasName(id: NodeId, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.records.int(id, Int.nameLength) !== length) return false;
    const block = this.records.int(id, Int.nameBlock);
    const memory = this.blocks.memory(block);
    const offset = this.blocks.offset(block);
    // From the end: siblings mostly differ there.
    for (let i = length - 1; i >= 0; i--) {
      if (memory[offset + i] !== bytes[start + i]) return false;
    }
    return true;
  }
}
