import { CodedError } from '../../common/errors.ts';
import type { Zxid } from '../../common/zxid.ts';
import { JuteReader } from '../protocol/jute-reader.ts';
import { readAcl } from '../protocol/record-codecs.ts';
import type { NodeId, TreeOptions } from './data-tree.ts';
import { Int, Wide } from './node-records.ts';
import { type PathKey, SLASH } from './path-key.ts';
import { emptyState, type State } from './state.ts';
import type { SnapshotLoader } from './types.ts';

const SESSION_BYTES = 12;
/** ACL id and stat, behind path and data. */
const NODE_TAIL_BYTES = 68;
const ACL_ENTRY_BYTES_MIN = 12;
/**
 * The longest path, data or ACL that is believed; a damaged length beyond it is found out at once, and not after the rest of
 * the snapshot has been gathered for it.
 */
const PART_BYTES_MAX = 512 * 1024 * 1024;
const INITIAL_BYTES = 64 * 1024;

type Phase = 'sessionCount' | 'sessions' | 'aclCount' | 'acls' | 'znodes' | 'ended' | 'failed';

/** Builds a state from a snapshot's body, beside the present one, which is untouched until `finish`. */
export class StateLoader implements SnapshotLoader {
  readonly #state: State;
  readonly #replace: (state: State) => void;
  readonly #key: PathKey;
  /** Where each ACL id of the snapshot went. */
  readonly #aclIndexes = new Map<number, number>();
  #phase: Phase = 'sessionCount';
  #left = 0;
  #hasRoot = false;
  /** What has come and is not taken in: `#bytes[#start, #end)`. */
  #bytes = new Uint8Array(INITIAL_BYTES);
  #start = 0;
  #end = 0;
  #taken = 0;

  constructor(options: TreeOptions, replace: (state: State) => void) {
    this.#state = emptyState(options);
    this.#key = this.#state.tree.newKey();
    this.#replace = replace;
  }

  push(bytes: Uint8Array): void {
    this.#append(bytes);
    try {
      for (let more = true; more;) {
        const start = this.#start;
        more = this.#takePart();
        this.#taken += this.#start - start;
      }
    } catch (error) {
      this.#phase = 'failed';
      // A number too large is as good as a wrong length.
      if (error instanceof CodedError && error.code === 'ZK_FRAME_MALFORMED') this.#corrupt(error.message);
      throw error;
    }
  }

  finish(zxid: Zxid, digest: bigint | undefined): void {
    if (this.#phase !== 'ended') this.#corrupt(`it ends within the ${PHASE_NAMES[this.#phase]}`);
    const { tree, quotas } = this.#state;
    tree.acls.purge();
    quotas.rebuild();
    if (digest !== undefined && tree.digest !== undefined && tree.digest.value !== digest) {
      this.#corrupt(`its digest should be ${digest}, and is ${tree.digest.value}`);
    }
    this.#state.lastZxid = zxid;
    this.#replace(this.#state);
  }

  #append(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      const pending = this.#bytes.subarray(this.#start, this.#end);
      const needed = pending.length + bytes.length;
      // Growing by half at the least keeps the copying linear; so does moving only where half is free.
      if (needed > this.#bytes.length / 2) this.#bytes = new Uint8Array(Math.max(needed * 2, INITIAL_BYTES));
      this.#bytes.set(pending);
      this.#end = pending.length;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Takes in the next part if all of it is there. @returns false if more bytes must come first. */
  #takePart(): boolean {
    switch (this.#phase) {
      case 'sessionCount':
        return this.#takeCount('sessions');
      case 'sessions':
        return this.#left === 0 ? this.#enter('aclCount') : this.#takeSession();
      case 'aclCount':
        return this.#takeCount('acls');
      case 'acls':
        return this.#left === 0 ? this.#enter('znodes') : this.#takeAcl();
      case 'znodes':
        return this.#takeZnode();
      case 'failed':
        return this.#corrupt('it was damaged before');
      default:
        if (this.#start < this.#end) this.#corrupt('bytes follow its end');
        return false;
    }
  }

  #enter(phase: Phase): boolean {
    this.#phase = phase;
    return true;
  }

  #takeCount(phase: Phase): boolean {
    if (!this.#has(4)) return false;
    this.#left = this.#intAt(this.#start);
    if (this.#left < 0) this.#corrupt(`it claims ${this.#left} ${PHASE_NAMES[phase]}`);
    this.#start += 4;
    return this.#enter(phase);
  }

  #takeSession(): boolean {
    if (!this.#has(SESSION_BYTES)) return false;
    const reader = this.#reader(this.#start, this.#start + SESSION_BYTES);
    this.#state.sessions.set(reader.readLong(), reader.readInt());
    this.#start += SESSION_BYTES;
    this.#left--;
    return true;
  }

  #takeAcl(): boolean {
    const end = this.#aclEnd();
    if (end === -1) return false;
    const reader = this.#reader(this.#start, end);
    const id = reader.readExactLong();
    this.#aclIndexes.set(id, this.#state.tree.acls.load(id, readAcl(reader)));
    this.#start = end;
    this.#left--;
    return true;
  }

  /** Where the entry of the ACL map that begins here ends, or -1 if that is not there yet. */
  #aclEnd(): number {
    if (!this.#has(12)) return -1;
    const count = this.#intAt(this.#start + 8);
    if (count < 0 || count > PART_BYTES_MAX / ACL_ENTRY_BYTES_MIN) this.#corrupt(`an ACL claims ${count} entries`);
    let at = this.#start + 12;
    for (let i = 0; i < count; i++) {
      const scheme = this.#lengthAt(at + 4, 'ACL');
      if (scheme === INCOMPLETE) return -1;
      const id = this.#lengthAt(at + 8 + Math.max(0, scheme), 'ACL');
      if (id === INCOMPLETE) return -1;
      at += ACL_ENTRY_BYTES_MIN + Math.max(0, scheme) + Math.max(0, id);
    }
    return at <= this.#end ? at : -1;
  }

  #takeZnode(): boolean {
    const pathLength = this.#lengthAt(this.#start, 'path');
    if (pathLength === INCOMPLETE) return false;
    if (pathLength === NULL) this.#corrupt('a path is null');
    const pathStart = this.#start + 4;
    const pathEnd = pathStart + pathLength;
    if (pathEnd > this.#end) return false;
    if (pathLength === 1 && this.#bytes[pathStart] === SLASH) return this.#takeEnd(pathEnd);
    const dataLength = this.#lengthAt(pathEnd, 'data');
    if (dataLength === INCOMPLETE) return false;
    const dataStart = pathEnd + 4;
    const dataEnd = dataStart + Math.max(0, dataLength);
    if (dataEnd + NODE_TAIL_BYTES > this.#end) return false;
    this.#key.setBytes(this.#bytes, pathStart, pathEnd);
    this.#addZnode(dataLength === NULL ? null : this.#bytes.subarray(dataStart, dataEnd), dataEnd);
    this.#start = dataEnd + NODE_TAIL_BYTES;
    return true;
  }

  #takeEnd(end: number): boolean {
    if (!this.#hasRoot) this.#corrupt('it has no root');
    this.#start = end;
    return this.#enter('ended');
  }

  #addZnode(data: Uint8Array | null, tailStart: number): void {
    const { tree } = this.#state;
    const reader = this.#reader(tailStart, tailStart + NODE_TAIL_BYTES);
    const acl = this.#aclIndex(reader.readExactLong());
    tree.acls.useAgain(acl);
    if (this.#key.length === 0) {
      if (this.#hasRoot) this.#corrupt('it has two roots');
      this.#hasRoot = true;
      tree.changeRoot(this.#key, data, acl, (root) => this.#fillStat(root, reader));
      return;
    }
    const parent = tree.findParent(this.#key);
    if (!this.#hasRoot || parent === 0) this.#corrupt('a znode comes before its parent');
    if (tree.findChild(parent, this.#key) !== 0) this.#corrupt('a znode is there twice');
    const id = tree.newNode(this.#key, data, acl);
    this.#fillStat(id, reader);
    tree.attach(id, parent, this.#key);
  }

  #fillStat(id: NodeId, reader: JuteReader): void {
    const { records } = this.#state.tree;
    records.setWide(id, Wide.czxid, reader.readExactLong());
    records.setWide(id, Wide.mzxid, reader.readExactLong());
    records.setWide(id, Wide.ctimeMs, reader.readExactLong());
    records.setWide(id, Wide.mtimeMs, reader.readExactLong());
    records.setInt(id, Int.version, reader.readInt());
    records.setInt(id, Int.cversion, reader.readInt());
    records.setInt(id, Int.aversion, reader.readInt());
    records.setInt(id, Int.ownerHigh, reader.readInt());
    records.setInt(id, Int.ownerLow, reader.readInt());
    records.setWide(id, Wide.pzxid, reader.readExactLong());
  }

  #aclIndex(id: number): number {
    const known = this.#aclIndexes.get(id);
    if (known !== undefined) return known;
    const index = this.#state.tree.acls.loadMissing(id);
    this.#aclIndexes.set(id, index);
    return index;
  }

  /** The length that stands at `at`, NULL for -1, or INCOMPLETE if it is not there yet. */
  #lengthAt(at: number, what: string): number {
    if (at + 4 > this.#end) return INCOMPLETE;
    const length = this.#intAt(at);
    if (length < -1 || length > PART_BYTES_MAX) this.#corrupt(`a ${what} claims a length of ${length}`);
    return length;
  }

  #has(count: number): boolean {
    return this.#end - this.#start >= count;
  }

  #intAt(at: number): number {
    const bytes = this.#bytes;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  #reader(start: number, end: number): JuteReader {
    return new JuteReader(this.#bytes, start, end);
  }

  #corrupt(what: string): never {
    throw new CodedError('ZK_SNAPSHOT_CORRUPT', `the snapshot cannot be used: ${what} (at byte ${this.#taken})`);
  }
}

const NULL = -1;
const INCOMPLETE = -2;

const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  sessionCount: 'count of sessions',
  sessions: 'sessions',
  aclCount: 'count of ACLs',
  acls: 'ACLs',
  znodes: 'znodes',
  ended: 'end',
  failed: 'damaged part',
};
