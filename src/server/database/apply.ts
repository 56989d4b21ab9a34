import type { SessionId } from '../../common/types.ts';
import { unreachable } from '../../common/errors.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import type { Stat } from '../protocol/records.ts';
import type { Txn, TxnHeader } from '../protocol/transactions.ts';
import type { NewNode, NodeId } from './data-tree.ts';
import { Int } from './node-records.ts';
import { CONTAINER_OWNER, ownerHigh, ownerLow, ttlOwner } from './owner.ts';
import type { PathKey } from './path-key.ts';
import type { State } from './state.ts';
import type { ApplyResult } from './types.ts';
import type { ClientWatches } from './watches.ts';
import { statOf } from './znode.ts';

type CreateTxn = Extract<Txn, { parentCVersion: number }>;
type SetDataTxn = Extract<Txn, { type: typeof OpCode.setData | typeof OpCode.reconfig }>;
type SetAclTxn = Extract<Txn, { type: typeof OpCode.setACL }>;
type CloseSessionTxn = Extract<Txn, { type: typeof OpCode.closeSession }>;

const NONE: NodeId = 0;

/**
 * What a transaction does to the state (DataTree.processTxn, FileTxnSnapLog.processTransaction). It never throws: a
 * transaction that a fuzzy snapshot holds already, wholly or in part, reports NodeExists or NoNode and leaves what it would
 * have left.
 */
export class Applier {
  readonly #watches: ClientWatches;
  readonly #key: PathKey;

  /** @param key A key like those of the states. */
  constructor(watches: ClientWatches, key: PathKey) {
    this.#watches = watches;
    this.#key = key;
  }

  apply(state: State, header: TxnHeader, txn: Txn): ApplyResult {
    const result = txn.type === OpCode.multi ? this.#multi(state, header, txn.parts) : this.#one(state, header, txn);
    if (header.zxid > state.lastZxid) state.lastZxid = header.zxid;
    return result;
  }

  #one(state: State, header: TxnHeader, txn: Txn): ApplyResult {
    switch (txn.type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#create(state, header, txn);
      case OpCode.delete:
      case OpCode.deleteContainer:
        return done(txn.type, this.#delete(state, txn.path, header), txn.path);
      case OpCode.setData:
      case OpCode.reconfig:
        return this.#setData(state, header, txn);
      case OpCode.setACL:
        return this.#setAcl(state, txn);
      case OpCode.check:
        return done(txn.type, ReplyCode.ok, txn.path);
      case OpCode.createSession:
        state.sessions.set(header.sessionId, txn.timeoutMs);
        return done(txn.type, ReplyCode.ok);
      case OpCode.closeSession:
        this.#closeSession(state, header, txn);
        return done(txn.type, ReplyCode.ok);
      case OpCode.error:
        return done(txn.type, txn.error);
      case OpCode.multi:
        return this.#multi(state, header, txn.parts);
      default:
        return unreachable(txn, 'type of a transaction');
    }
  }

  /** All of the parts or, if one is an error, none: those before it then report ok, those behind it an inconsistency. */
  #multi(state: State, header: TxnHeader, parts: readonly Txn[]): ApplyResult {
    const failed = parts.some((part) => part.type === OpCode.error);
    let behindError = false;
    let error: number = ReplyCode.ok;
    const results: ApplyResult[] = [];
    for (const part of parts) {
      let result: ApplyResult;
      if (part.type === OpCode.error) {
        behindError = true;
        result = done(OpCode.error, part.error);
      } else if (failed) {
        result = done(OpCode.error, behindError ? ReplyCode.runtimeInconsistency : ReplyCode.ok);
      } else {
        result = this.#one(state, header, part);
      }
      results.push(result);
      if (error === ReplyCode.ok) error = result.error;
    }
    return { type: OpCode.multi, error, path: undefined, stat: undefined, parts: results };
  }

  #create(state: State, header: TxnHeader, txn: CreateTxn): ApplyResult {
    const { tree, quotas } = state;
    const key = this.#key;
    const { path } = txn;
    key.set(path);
    const id = tree.create(key, newNode(header.sessionId, txn), header.zxid, header.timeMs);
    if (id < 0) {
      // ZooKeeper repairs the parent for `create` alone, not for the other three.
      const error =
        id === ReplyCode.nodeExists && txn.type === OpCode.create ? this.#repairParent(state, header, txn) : id;
      return done(txn.type, error, path);
    }
    const stat = txn.type === OpCode.create ? undefined : statOf(tree, id);
    quotas.created(path, txn.data?.length ?? 0);
    if (this.#watches.count > 0) {
      const parentAcl = tree.aclOf(tree.records.int(id, Int.parent));
      this.#watches.fireCreated(key, path, header.zxid, tree.aclOf(id), parentAcl);
    }
    return done(txn.type, ReplyCode.ok, path, stat);
  }

  /**
   * The znode of a `create` is there already. In a fuzzy snapshot the parent may be older than the child (deleted with one
   * session and created in another after the parent was written): it is given its cversion and pzxid.
   */
  #repairParent(state: State, header: TxnHeader, txn: CreateTxn): number {
    const parent = state.tree.findParent(this.#key);
    if (parent === NONE) return ReplyCode.noNode;
    state.tree.raiseCversion(parent, txn.parentCVersion, header.zxid);
    return ReplyCode.nodeExists;
  }

  /** @returns 0 or a ReplyCode. */
  #delete(state: State, path: string, header: TxnHeader): number {
    const { tree, quotas } = state;
    const key = this.#key;
    key.set(path);
    const id = tree.find(key);
    if (id === NONE) return tree.delete(NONE, key, header.zxid);
    const acl = tree.aclOf(id);
    const parentAcl = tree.aclOf(tree.records.int(id, Int.parent));
    const dataLength = Math.max(0, tree.records.int(id, Int.dataLength));
    const error = tree.delete(id, key, header.zxid);
    if (error !== ReplyCode.ok) return error;
    quotas.deleted(path, dataLength);
    if (this.#watches.count > 0) this.#watches.fireDeleted(key, path, header.zxid, acl, parentAcl);
    return ReplyCode.ok;
  }

  #setData(state: State, header: TxnHeader, txn: SetDataTxn): ApplyResult {
    const { tree, quotas } = state;
    const key = this.#key;
    key.set(txn.path);
    const id = tree.find(key);
    if (id === NONE) return done(txn.type, ReplyCode.noNode, txn.path);
    const before = Math.max(0, tree.records.int(id, Int.dataLength));
    tree.setData(id, key, txn.data, txn.version, header.zxid, header.timeMs);
    const stat = statOf(tree, id);
    quotas.dataChanged(txn.path, (txn.data?.length ?? 0) - before);
    if (this.#watches.count > 0) this.#watches.fireDataChanged(key, txn.path, header.zxid, tree.aclOf(id));
    return done(txn.type, ReplyCode.ok, txn.path, stat);
  }

  #setAcl(state: State, txn: SetAclTxn): ApplyResult {
    const { tree } = state;
    this.#key.set(txn.path);
    const id = tree.find(this.#key);
    if (id === NONE) return done(txn.type, ReplyCode.noNode, txn.path);
    tree.setAcl(id, txn.acl, txn.version);
    return done(txn.type, ReplyCode.ok, txn.path, statOf(tree, id));
  }

  /**
   * First the paths that the transaction names, whoever owns them now; then what else the session still has, which is all of it
   * for a transaction that names none.
   */
  #closeSession(state: State, header: TxnHeader, txn: CloseSessionTxn): void {
    state.sessions.delete(header.sessionId);
    for (const path of txn.paths ?? []) this.#delete(state, path, header);
    for (const id of state.tree.owners.ephemerals(header.sessionId)) {
      this.#delete(state, state.tree.pathOf(id), header);
    }
  }
}

function newNode(session: SessionId, txn: CreateTxn): NewNode {
  const owner = ownerOfNew(session, txn);
  return {
    data: txn.data,
    acl: txn.acl,
    ownerHigh: ownerHigh(owner),
    ownerLow: ownerLow(owner),
    parentCversion: txn.parentCVersion,
  };
}

function ownerOfNew(session: SessionId, txn: CreateTxn): bigint {
  if (txn.type === OpCode.createContainer) return CONTAINER_OWNER;
  if (txn.type === OpCode.createTTL) return ttlOwner(txn.ttlMs);
  return txn.ephemeral ? session : 0n;
}

function done(type: number, error: number, path?: string, stat?: Stat): ApplyResult {
  return { type, error, path, stat, parts: undefined };
}
