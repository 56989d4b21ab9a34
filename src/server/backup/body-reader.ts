import { CodedError } from '../../common/errors.ts';
import { ownerKind, type OwnerKind } from '../database/owner.ts';
import { SLASH } from '../database/path-key.ts';
import { ByteQueue } from '../protocol/byte-queue.ts';

/** A session of a snapshot's body: id and timeout. */
const SESSION_BYTES = 12;
/** ACL id and stat, behind path and data. */
const ZNODE_TAIL_BYTES = 68;
const STAT_OFFSET = 8;
const OWNER_OFFSET = STAT_OFFSET + 44;
/** ACL id, czxid, mzxid, ctime, mtime, pzxid. */
const LONG_OFFSETS = [0, 8, 16, 24, 32, 60];
/** A longer path, datum or ACL is taken for damage before the rest of the file is gathered for it. */
const PART_BYTES_MAX = 512 * 1024 * 1024;

/** Hears of everything in a snapshot's body, in its order. Memory that it is handed is only valid during the call. */
export interface BodyVisitor {
  /** How many sessions follow. */
  sessions?(count: number): void;
  /** The map of ACLs as it stands in the body, piece by piece: its count, then each entry. */
  acls?(bytes: Uint8Array): void;
  znode?(znode: ZnodeRecord): void;
}

/** A znode in a snapshot's body: path, data, ACL id, stat. */
export interface ZnodeRecord {
  /** The whole record is `memory[start, end)`. */
  readonly memory: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The path, empty for the root. */
  readonly pathStart: number;
  readonly pathEnd: number;
  /** The data; nothing for null. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** The stat as it is stored (StatPersisted); it ends where the record does. */
  readonly statStart: number;
  readonly ownerKind: OwnerKind;
}

type Phase = 'sessionCount' | 'sessions' | 'aclCount' | 'acls' | 'znodes' | 'ended';

/**
 * Reads a snapshot's body (SerializeUtils.serializeSnapshot, DataTree.serialize) in pieces of any size and tells its
 * visitors what is in it; of the tree it keeps nothing, so that a snapshot may be larger than the memory.
 */
export class BodyReader {
  readonly #visitors: readonly BodyVisitor[];
  readonly #queue = new ByteQueue();
  #phase: Phase = 'sessionCount';
  #left = 0;

  constructor(visitors: readonly BodyVisitor[]) {
    this.#visitors = visitors;
  }

  /** @throws CodedError ZK_SNAPSHOT_CORRUPT where the bytes cannot be a snapshot's. */
  push(bytes: Uint8Array): void {
    this.#queue.append(bytes);
    const memory = this.#queue.view();
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    let at = 0;
    for (;;) {
      const next = this.#take(memory, view, at);
      if (next === INCOMPLETE) break;
      at = next;
    }
    this.#queue.drop(at);
  }

  /** @throws CodedError ZK_SNAPSHOT_CORRUPT if the body is not whole, or is followed by something. */
  end(): void {
    if (this.#phase !== 'ended') corrupt('it ends in the middle of its content');
    if (this.#queue.length > 0) corrupt(`${this.#queue.length} bytes follow its end`);
  }

  /** Takes in what stands at `at`; returns the offset behind it, or INCOMPLETE. */
  #take(memory: Uint8Array, view: DataView, at: number): number {
    switch (this.#phase) {
      case 'sessionCount': {
        const count = countAt(view, at, 'sessions');
        if (count === INCOMPLETE) return INCOMPLETE;
        for (const visitor of this.#visitors) visitor.sessions?.(count);
        return this.#enter('sessions', count, at + 4);
      }
      case 'sessions': {
        const taken = Math.min(this.#left, Math.floor((memory.length - at) / SESSION_BYTES));
        if (taken === 0 && this.#left > 0) return INCOMPLETE;
        this.#left -= taken;
        return this.#enter(this.#left === 0 ? 'aclCount' : 'sessions', this.#left, at + taken * SESSION_BYTES);
      }
      case 'aclCount': {
        const count = countAt(view, at, 'ACLs');
        if (count === INCOMPLETE) return INCOMPLETE;
        this.#passAcls(memory, at, at + 4);
        return this.#enter(count === 0 ? 'znodes' : 'acls', count, at + 4);
      }
      case 'acls': {
        const end = aclEnd(view, at);
        if (end === INCOMPLETE) return INCOMPLETE;
        checkLong(view, at);
        this.#passAcls(memory, at, end);
        return this.#enter(this.#left === 1 ? 'znodes' : 'acls', this.#left - 1, end);
      }
      case 'znodes':
        return this.#takeZnode(memory, view, at);
      case 'ended':
        return INCOMPLETE;
    }
  }

  #takeZnode(memory: Uint8Array, view: DataView, start: number): number {
    const pathLength = countAt(view, start, 'bytes of a path');
    if (pathLength === INCOMPLETE) return INCOMPLETE;
    const pathStart = start + 4;
    const pathEnd = pathStart + pathLength;
    // The root's path is empty and every other is longer than one byte: this is the end.
    if (pathLength === 1) {
      if (pathEnd > memory.length) return INCOMPLETE;
      if (memory[pathStart] !== SLASH) corrupt('a path is of one byte, and not a slash');
      return this.#enter('ended', 0, pathEnd);
    }
    const dataLength = lengthAt(view, pathEnd, 'bytes of data');
    if (dataLength === INCOMPLETE) return INCOMPLETE;
    const dataStart = pathEnd + 4;
    const dataEnd = dataStart + Math.max(0, dataLength);
    const end = dataEnd + ZNODE_TAIL_BYTES;
    if (end > memory.length) return INCOMPLETE;
    for (const offset of LONG_OFFSETS) checkLong(view, dataEnd + offset);
    const owner = dataEnd + OWNER_OFFSET;
    const kind = ownerKind(view.getInt32(owner), view.getInt32(owner + 4));
    const statStart = dataEnd + STAT_OFFSET;
    const record = { memory, start, end, pathStart, pathEnd, dataStart, dataEnd, statStart, ownerKind: kind };
    for (const visitor of this.#visitors) visitor.znode?.(record);
    return end;
  }

  #passAcls(memory: Uint8Array, start: number, end: number): void {
    const bytes = memory.subarray(start, end);
    for (const visitor of this.#visitors) visitor.acls?.(bytes);
  }

  #enter(phase: Phase, left: number, at: number): number {
    this.#phase = phase;
    this.#left = left;
    return at;
  }
}

const NULL = -1;
const INCOMPLETE = -2;

/** The length at an offset; NULL for -1. */
function lengthAt(view: DataView, at: number, what: string): number {
  if (at + 4 > view.byteLength) return INCOMPLETE;
  const length = view.getInt32(at);
  if (length < NULL || length > PART_BYTES_MAX) corrupt(`it claims ${length} ${what}`);
  return length;
}

function countAt(view: DataView, at: number, what: string): number {
  const count = lengthAt(view, at, what);
  return count === NULL ? corrupt(`it claims ${count} ${what}`) : count;
}

/** A server here loads no number beyond what a double holds exactly, and none that writes such snapshots counts so far. */
function checkLong(view: DataView, at: number): void {
  const [high, low] = [view.getInt32(at), view.getUint32(at + 4)];
  if (!Number.isSafeInteger(high * 2 ** 32 + low)) corrupt('it holds a number larger than any server counts to');
}

/** Where an entry of the map of ACLs ends: id, count, and for each ACL permissions, scheme, id. */
function aclEnd(view: DataView, start: number): number {
  const count = countAt(view, start + 8, 'entries of an ACL');
  let at = start + 12;
  for (let left = count; left > 0; left--) {
    at += 4;
    for (const what of ['bytes of a scheme', 'bytes of an identity']) {
      const length = lengthAt(view, at, what);
      if (length === INCOMPLETE) return INCOMPLETE;
      at += 4 + Math.max(0, length);
    }
  }
  return count === INCOMPLETE || at > view.byteLength ? INCOMPLETE : at;
}

/** @throws CodedError ZK_SNAPSHOT_CORRUPT */
export function corrupt(what: string): never {
  throw new CodedError('ZK_SNAPSHOT_CORRUPT', `the snapshot cannot be used: ${what}`);
}
