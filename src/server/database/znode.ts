import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { JuteWriter } from '../protocol/jute-writer.ts';
import type { Acl, Stat } from '../protocol/records.ts';
import type { DataTree, NodeId } from './data-tree.ts';
import { Int, Wide } from './node-records.ts';
import { ownerKind, ownerOf } from './owner.ts';
import type { Znode, ZnodeChildren } from './types.ts';

/** A window on one record of a tree. */
export class TreeZnode implements Znode, ZnodeChildren {
  readonly #tree: DataTree;
  readonly #id: NodeId;

  constructor(tree: DataTree, id: NodeId) {
    this.#tree = tree;
    this.#id = id;
  }

  get path(): string {
    return this.#tree.pathOf(this.#id);
  }

  get data(): Uint8Array | null {
    return this.#tree.dataOf(this.#id);
  }

  get dataLength(): number {
    return Math.max(0, this.#int(Int.dataLength));
  }

  get acl(): readonly Acl[] {
    return this.#tree.aclOf(this.#id);
  }

  get stat(): Stat {
    return statOf(this.#tree, this.#id);
  }

  get mzxid(): Zxid {
    return this.#tree.records.wide(this.#id, Wide.mzxid);
  }

  get pzxid(): Zxid {
    return this.#tree.records.wide(this.#id, Wide.pzxid);
  }

  get mtimeMs(): number {
    return this.#tree.records.wide(this.#id, Wide.mtimeMs);
  }

  get version(): number {
    return this.#int(Int.version);
  }

  get aversion(): number {
    return this.#int(Int.aversion);
  }

  get storedCversion(): number {
    return this.#int(Int.cversion);
  }

  get storedEphemeralOwner(): SessionId {
    return ownerOf(this.#int(Int.ownerHigh), this.#int(Int.ownerLow));
  }

  get children(): ZnodeChildren {
    return this;
  }

  get size(): number {
    return this.#int(Int.childCount);
  }

  has(name: string): boolean {
    const { path } = this;
    const key = this.#tree.newKey();
    key.set(path === '/' ? `/${name}` : `${path}/${name}`);
    return name !== '' && !name.includes('/') && this.#tree.find(key) !== 0;
  }

  *[Symbol.iterator](): Generator<string> {
    for (let child = this.#int(Int.firstChild); child !== 0; child = this.#tree.records.int(child, Int.nextSibling)) {
      yield this.#tree.nameOf(child);
    }
  }

  writeData(writer: JuteWriter): void {
    writer.writeBuffer(this.data);
  }

  writeStat(writer: JuteWriter): void {
    const { records } = this.#tree;
    const id = this.#id;
    const high = records.int(id, Int.ownerHigh);
    const low = records.int(id, Int.ownerLow);
    const isSession = ownerKind(high, low) === 'session';
    writer.writeExactLong(records.wide(id, Wide.czxid));
    writer.writeExactLong(records.wide(id, Wide.mzxid));
    writer.writeExactLong(records.wide(id, Wide.ctimeMs));
    writer.writeExactLong(records.wide(id, Wide.mtimeMs));
    writer.writeInt(records.int(id, Int.version));
    writer.writeInt(wireCversion(this.#tree, id));
    writer.writeInt(records.int(id, Int.aversion));
    writer.writeInt(isSession ? high : 0);
    writer.writeInt(isSession ? low : 0);
    writer.writeInt(this.dataLength);
    writer.writeInt(this.size);
    writer.writeExactLong(records.wide(id, Wide.pzxid));
  }

  writeChildNames(writer: JuteWriter): void {
    const { records, blocks } = this.#tree;
    writer.writeInt(this.size);
    for (let child = this.#int(Int.firstChild); child !== 0; child = records.int(child, Int.nextSibling)) {
      const block = records.int(child, Int.nameBlock);
      const start = blocks.offset(block);
      writer.writeBuffer(blocks.memory(block).subarray(start, start + records.int(child, Int.nameLength)));
    }
  }

  #int(field: Int): number {
    return this.#tree.records.int(this.#id, field);
  }
}

/** The Stat as clients see it. */
export function statOf(tree: DataTree, id: NodeId): Stat {
  const { records } = tree;
  const high = records.int(id, Int.ownerHigh);
  const low = records.int(id, Int.ownerLow);
  return {
    czxid: records.wide(id, Wide.czxid),
    mzxid: records.wide(id, Wide.mzxid),
    ctimeMs: records.wide(id, Wide.ctimeMs),
    mtimeMs: records.wide(id, Wide.mtimeMs),
    version: records.int(id, Int.version),
    cversion: wireCversion(tree, id),
    aversion: records.int(id, Int.aversion),
    ephemeralOwner: ownerKind(high, low) === 'session' ? ownerOf(high, low) : 0n,
    dataLength: Math.max(0, records.int(id, Int.dataLength)),
    numChildren: records.int(id, Int.childCount),
    pzxid: records.wide(id, Wide.pzxid),
  };
}

/** Clients are shown creates and deletes: every create but those of the children that are still there had its delete. */
function wireCversion(tree: DataTree, id: NodeId): number {
  return (tree.records.int(id, Int.cversion) * 2 - tree.records.int(id, Int.childCount)) | 0;
}
