import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { writeAcl } from '../protocol/record-codecs.ts';
import type { Acl } from '../protocol/records.ts';
import { type DataTree, type NodeId, ROOT } from './data-tree.ts';
import { Int, Wide } from './node-records.ts';
import { SLASH } from './path-key.ts';
import type { State } from './state.ts';
import type { DatabaseSnapshot } from './types.ts';

const INITIAL_PATH_BYTES = 256;
const INITIAL_CHUNK_BYTES = 4096;
const SESSION_BYTES = 12;
/** Two lengths, ACL id, stat. */
const ZNODE_BYTES_MIN = 76;
/** "/" with its length. */
const END_BYTES = 5;

/**
 * A snapshot of the state as it was when this was made, in the format of ZooKeeper's snapshots without the file's header
 * (SerializeUtils.serializeSnapshot, DataTree.serialize): the sessions, the ACLs, then path, data, ACL id and stat of every
 * znode, parents before their children, and `/`.
 */
export class StateSnapshot implements DatabaseSnapshot {
  readonly zxid: Zxid;
  readonly #tree: DataTree;
  readonly #version: number;
  readonly #znodeBytes: number;
  readonly #digest: bigint | undefined;
  readonly #sessions: readonly (readonly [SessionId, number])[];
  readonly #acls: readonly { readonly id: number; readonly acl: readonly Acl[] }[];
  /** The ids of the ACLs that the znodes' records refer to, as of now: an index may stand for another ACL later. */
  readonly #aclIds: ReadonlyMap<number, number>;
  readonly #writer = new JuteWriter(INITIAL_CHUNK_BYTES);
  /** -1 while not even their number is written. */
  #nextSession = -1;
  #nextAcl = -1;
  /** The znodes from the root to the next one to write; with it the lengths of their paths, which are prefixes of `#path`. */
  readonly #stack: NodeId[] = [ROOT];
  readonly #pathLengths: number[] = [0];
  #path = new Uint8Array(INITIAL_PATH_BYTES);
  #phase: 'sessions' | 'acls' | 'znodes' | 'ended' = 'sessions';
  #isOpen = true;

  constructor(state: State) {
    this.zxid = state.lastZxid;
    this.#tree = state.tree;
    this.#digest = state.tree.digest?.value;
    this.#sessions = [...state.sessions];
    this.#acls = state.tree.acls.list();
    this.#aclIds = state.tree.acls.ids();
    this.#version = state.tree.versions.open();
    // The root's path is empty here.
    this.#znodeBytes = state.tree.nodeCount * ZNODE_BYTES_MIN + state.tree.pathAndDataBytes - 1;
  }

  get bodyBytes(): number {
    const acls = new JuteWriter(INITIAL_CHUNK_BYTES);
    for (const { id, acl } of this.#acls) {
      acls.writeExactLong(id);
      writeAcl(acls, acl);
    }
    return 4 + this.#sessions.length * SESSION_BYTES + 4 + acls.length + this.#znodeBytes + END_BYTES;
  }

  next(maxBytes: number): Uint8Array | undefined {
    const writer = this.#writer;
    if (this.#phase === 'sessions') this.#writeSessions(maxBytes);
    if (this.#phase === 'acls') this.#writeAcls(maxBytes);
    if (this.#phase === 'znodes') this.#writeZnodes(maxBytes);
    return writer.length === 0 ? undefined : writer.take();
  }

  digest(): bigint | undefined {
    return this.#digest;
  }

  close(): void {
    this.#phase = 'ended';
    if (this.#isOpen) this.#tree.versions.close(this.#version);
    this.#isOpen = false;
  }

  #writeSessions(maxBytes: number): void {
    const writer = this.#writer;
    if (this.#nextSession === -1) {
      writer.writeInt(this.#sessions.length);
      this.#nextSession = 0;
    }
    for (; writer.length < maxBytes; this.#nextSession++) {
      const session = this.#sessions[this.#nextSession];
      if (session === undefined) {
        this.#phase = 'acls';
        return;
      }
      writer.writeLong(session[0]);
      writer.writeInt(session[1]);
    }
  }

  #writeAcls(maxBytes: number): void {
    const writer = this.#writer;
    if (this.#nextAcl === -1) {
      writer.writeInt(this.#acls.length);
      this.#nextAcl = 0;
    }
    for (; writer.length < maxBytes; this.#nextAcl++) {
      const entry = this.#acls[this.#nextAcl];
      if (entry === undefined) {
        this.#phase = 'znodes';
        return;
      }
      writer.writeExactLong(entry.id);
      writeAcl(writer, entry.acl);
    }
  }

  /** Depth first, by the links that the records had in this snapshot's version. */
  #writeZnodes(maxBytes: number): void {
    const { records, versions } = this.#tree;
    while (this.#writer.length < maxBytes) {
      const id = this.#stack.at(-1);
      if (id === undefined) {
        this.#writer.writeString('/');
        this.close();
        return;
      }
      const record = versions.recordAt(this.#version, id);
      this.#writeZnode(record, this.#pathLengths.at(-1) ?? 0);
      this.#advance(records.int(record, Int.firstChild));
    }
  }

  /** Goes to the first child or, if there is none, to the next sibling of the znode or of its nearest ancestor with one. */
  #advance(firstChild: NodeId): void {
    const { records, versions } = this.#tree;
    let next = firstChild;
    while (next === 0) {
      const done = this.#stack.pop();
      this.#pathLengths.pop();
      if (done === undefined) return;
      next = records.int(versions.recordAt(this.#version, done), Int.nextSibling);
    }
    this.#pathLengths.push(this.#appendName(versions.recordAt(this.#version, next), this.#pathLengths.at(-1) ?? 0));
    this.#stack.push(next);
  }

  /** Makes the path that ends at `length` that of its child. @returns the new length. */
  #appendName(record: NodeId, length: number): number {
    const { records, blocks } = this.#tree;
    const nameLength = records.int(record, Int.nameLength);
    const end = length + 1 + nameLength;
    if (end > this.#path.length) {
      const grown = new Uint8Array(end * 2);
      grown.set(this.#path.subarray(0, length));
      this.#path = grown;
    }
    this.#path[length] = SLASH;
    const block = records.int(record, Int.nameBlock);
    const start = blocks.offset(block);
    this.#path.set(blocks.memory(block).subarray(start, start + nameLength), length + 1);
    return end;
  }

  #writeZnode(record: NodeId, pathLength: number): void {
    const writer = this.#writer;
    const { records } = this.#tree;
    writer.writeBuffer(this.#path.subarray(0, pathLength));
    writer.writeBuffer(this.#tree.dataOf(record));
    writer.writeExactLong(this.#aclIds.get(records.int(record, Int.acl)) ?? -1);
    writer.writeExactLong(records.wide(record, Wide.czxid));
    writer.writeExactLong(records.wide(record, Wide.mzxid));
    writer.writeExactLong(records.wide(record, Wide.ctimeMs));
    writer.writeExactLong(records.wide(record, Wide.mtimeMs));
    writer.writeInt(records.int(record, Int.version));
    writer.writeInt(records.int(record, Int.cversion));
    writer.writeInt(records.int(record, Int.aversion));
    writer.writeInt(records.int(record, Int.ownerHigh));
    writer.writeInt(records.int(record, Int.ownerLow));
    writer.writeExactLong(records.wide(record, Wide.pzxid));
  }
}
