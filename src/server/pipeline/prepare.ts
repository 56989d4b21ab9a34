import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Database } from '../database/types.ts';
import { JuteReader } from '../protocol/jute-reader.ts';
import { readMultiRequest, type MultiOperation } from '../protocol/multi.ts';
import { CreateMode, OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import type { Acl, Identity } from '../protocol/records.ts';
import * as requests from '../protocol/requests.ts';
import type { Txn } from '../protocol/transactions.ts';
import type { Access } from './access.ts';
import { OutstandingChanges } from './changes.ts';
import { isEphemeralOwner, type Prepared, type PrepareContext, type PrepareSettings } from './prepare-context.ts';
import { prepareCreate, type AnyCreateRequest } from './prepare-create.ts';
import { CONFIG_PATH, prepareReconfig } from './prepare-reconfig.ts';
import { isValidPath, parentOfDeleted } from './paths.ts';
import type { Owner, SessionTracker } from './session-tracker.ts';
import { isMalformed } from './step.ts';

/**
 * The longest list of paths, in characters, that a session's end names. Where it has more ephemerals the transaction names none, which
 * means all that it has: a learner takes no packet of any length, and without it no other leader could end that session either.
 */
const CLOSED_PATHS_MAX = 256 * 1024;

/** What the ACLs of a multi may take, in characters: an `auth` of a few bytes stands for all of a client's identities. */
const MULTI_ACL_MAX = 4 * 1024 * 1024;

/** A request that becomes a transaction, from one of this server's clients or from a learner's. */
export interface WriteRequest {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly type: number;
  /** The request's body is `bytes[offset, end)`. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly identities: readonly Identity[];
  readonly owner: Owner;
}

/**
 * Turns requests into transactions, on the leader (PrepRequestProcessor): checks each against the state that it will meet,
 * which is the database and whatever has been proposed before, and works out versions and names, so that a transaction
 * means the same on every member. The order of the checks is ZooKeeper's, because it decides which error a client sees.
 */
export class Preparer {
  readonly changes: OutstandingChanges;
  readonly #sessions: SessionTracker;
  readonly #access: Access;
  readonly #settings: PrepareSettings;

  constructor(database: Database, sessions: SessionTracker, access: Access, settings: PrepareSettings) {
    this.changes = new OutstandingChanges(database);
    this.#sessions = sessions;
    this.#access = access;
    this.#settings = settings;
  }

  /** The transaction `zxid` for a request; one of type `error` if the request fails. Never throws for what a client sent. */
  prepare(request: WriteRequest, zxid: Zxid, nowMs: number): Txn {
    try {
      const prepared = this.#prepare(request, zxid, nowMs);
      return typeof prepared === 'number' ? { type: OpCode.error, error: prepared } : prepared;
    } catch (error) {
      if (!isMalformed(error)) throw error;
      return { type: OpCode.error, error: ReplyCode.marshallingError };
    }
  }

  /** The transaction that removes a container or TTL znode which has outlived its use. */
  prepareDeleteContainer(path: string, zxid: Zxid): Txn {
    const prepared = this.#deleteContainer(path, zxid);
    return typeof prepared === 'number' ? { type: OpCode.error, error: prepared } : prepared;
  }

  /** The transaction that ends a session, with the ephemerals that die with it; nothing more is accepted from the session. */
  prepareCloseSession(sessionId: SessionId, zxid: Zxid): Txn {
    const paths = this.changes.ephemerals(sessionId);
    for (const path of paths) {
      const record = this.changes.get(path);
      const parent = parentOfDeleted(path);
      const parentRecord = parent === undefined ? undefined : this.changes.get(parent);
      if (record === undefined || parentRecord === undefined) continue;
      this.changes.change(parentRecord, zxid);
      parentRecord.childCount--;
      this.changes.delete(record, zxid);
    }
    this.#sessions.setClosing(sessionId);
    const length = paths.reduce((sum, path) => sum + path.length, 0);
    return { type: OpCode.closeSession, paths: length > CLOSED_PATHS_MAX ? null : paths };
  }

  #prepare(request: WriteRequest, zxid: Zxid, nowMs: number): Prepared {
    const { sessionId, type } = request;
    if (type === OpCode.closeSession) return this.prepareCloseSession(sessionId, zxid);
    const reader = new JuteReader(request.bytes, request.offset);
    if (type === OpCode.createSession) {
      const timeoutMs = reader.readInt();
      this.#sessions.track(sessionId, timeoutMs, nowMs);
      this.#sessions.setOwner(sessionId, request.owner);
      return { type, timeoutMs };
    }
    const sessionCode = this.#sessions.check(sessionId, request.owner);
    const context: PrepareContext = { zxid, sessionId, identities: request.identities, sessionCode };
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
        return this.#create({ type, ...requests.readCreateRequest(reader) }, context);
      case OpCode.createTTL:
        return this.#create({ type, ...requests.readCreateTtlRequest(reader) }, context);
      case OpCode.delete:
        return this.#delete(requests.readPathVersionRequest(reader), context);
      case OpCode.setData:
        return this.#setData(requests.readSetDataRequest(reader), context);
      case OpCode.setACL:
        return this.#setAcl(requests.readSetAclRequest(reader), context);
      case OpCode.multi:
        return this.#multi(readMultiRequest(reader), context);
      case OpCode.reconfig:
        return this.#reconfig(requests.readReconfigRequest(reader), context);
      default:
        return ReplyCode.unimplemented;
    }
  }

  #reconfig(request: requests.ReconfigRequest, context: PrepareContext): Prepared {
    return prepareReconfig(request, context, this.#settings.reconfiguring, this.changes, this.#access);
  }

  #create(request: AnyCreateRequest, context: PrepareContext): Prepared {
    return prepareCreate(request, context, this.changes, this.#access, this.#settings);
  }

  #delete(request: requests.PathVersionRequest, context: PrepareContext): Prepared {
    const { path } = request;
    if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
    const parent = parentOfDeleted(path);
    if (parent === undefined) return ReplyCode.badArguments;
    const parentRecord = this.changes.get(parent);
    if (parentRecord === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(parentRecord.acl, Perm.delete, context.identities)) return ReplyCode.noAuth;
    const record = this.changes.get(path);
    if (record === undefined) return ReplyCode.noNode;
    if (!versionFits(record.version, request.version)) return ReplyCode.badVersion;
    if (record.childCount > 0) return ReplyCode.notEmpty;
    this.changes.change(parentRecord, context.zxid);
    parentRecord.childCount--;
    this.changes.delete(record, context.zxid);
    return { type: OpCode.delete, path };
  }

  #deleteContainer(path: string, zxid: Zxid): Prepared {
    const parent = parentOfDeleted(path);
    if (parent === undefined) return ReplyCode.badArguments;
    const record = this.changes.get(path);
    if (record === undefined) return ReplyCode.noNode;
    if (record.childCount > 0) return ReplyCode.notEmpty;
    if (isEphemeralOwner(record.ephemeralOwner, this.#settings)) return ReplyCode.badVersion;
    const parentRecord = this.changes.get(parent);
    if (parentRecord === undefined) return ReplyCode.noNode;
    this.changes.change(parentRecord, zxid);
    parentRecord.childCount--;
    this.changes.delete(record, zxid);
    return { type: OpCode.deleteContainer, path };
  }

  #setData(request: requests.SetDataRequest, context: PrepareContext): Prepared {
    const { path, data } = request;
    if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
    if (!isValidPath(path)) return ReplyCode.badArguments;
    const record = this.changes.get(path);
    if (record === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(record.acl, Perm.write, context.identities)) return ReplyCode.noAuth;
    // ZooKeeper lets it be written over until the next start; here the next start reads it, and would look for those servers.
    if (path === CONFIG_PATH) return ReplyCode.badArguments;
    if (!versionFits(record.version, request.version)) return ReplyCode.badVersion;
    const version = next(record.version);
    this.changes.change(record, context.zxid);
    record.version = version;
    return { type: OpCode.setData, path, data, version };
  }

  #setAcl(request: requests.SetAclRequest, context: PrepareContext): Prepared {
    const { path } = request;
    if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
    if (!isValidPath(path)) return ReplyCode.badArguments;
    const acl = this.#access.resolve(request.acl, context.identities);
    if (acl === undefined) return ReplyCode.invalidAcl;
    const record = this.changes.get(path);
    if (record === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(record.acl, Perm.admin, context.identities)) return ReplyCode.noAuth;
    if (!versionFits(record.aversion, request.version)) return ReplyCode.badVersion;
    const version = next(record.aversion);
    this.changes.change(record, context.zxid);
    record.aversion = version;
    record.acl = acl;
    return { type: OpCode.setACL, path, acl, version };
  }

  #check(request: requests.PathVersionRequest, context: PrepareContext): Prepared {
    const { path } = request;
    if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
    if (!isValidPath(path)) return ReplyCode.badArguments;
    const record = this.changes.get(path);
    if (record === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(record.acl, Perm.read, context.identities)) return ReplyCode.noAuth;
    if (!versionFits(record.version, request.version)) return ReplyCode.badVersion;
    return { type: OpCode.check, path, version: next(record.version) };
  }

  /** All or nothing: the first part that fails takes the changes of those before it back. */
  #multi(operations: readonly MultiOperation[], context: PrepareContext): Prepared {
    // In ZooKeeper reading the request fails for these, before any of its parts is looked at.
    if (!operations.every(isPart)) return ReplyCode.marshallingError;
    const parts: Txn[] = [];
    let failed = false;
    let aclLength = 0;
    this.changes.beginUndo();
    for (const operation of operations) {
      if (failed) {
        parts.push({ type: OpCode.error, error: ReplyCode.runtimeInconsistency });
        continue;
      }
      let prepared = this.#part(operation, context);
      if (typeof prepared !== 'number' && 'acl' in prepared) aclLength += lengthOf(prepared.acl);
      if (aclLength > MULTI_ACL_MAX) prepared = ReplyCode.marshallingError;
      failed = typeof prepared === 'number';
      parts.push(typeof prepared === 'number' ? { type: OpCode.error, error: prepared } : prepared);
    }
    if (failed) this.changes.undo();
    else this.changes.keep();
    return { type: OpCode.multi, parts };
  }

  #part(operation: MultiPart, context: PrepareContext): Prepared {
    switch (operation.type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#create(operation, context);
      case OpCode.delete:
        return this.#delete(operation, context);
      case OpCode.setData:
        return this.#setData(operation, context);
      case OpCode.check:
        return this.#check(operation, context);
    }
  }
}

/** What may stand in a multi; reads have their own. */
type MultiPart = Exclude<MultiOperation, { readonly type: typeof OpCode.getData | typeof OpCode.getChildren }>;

function isPart(operation: MultiOperation): operation is MultiPart {
  switch (operation.type) {
    case OpCode.getData:
    case OpCode.getChildren:
      return false;
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return operation.flags >= CreateMode.persistent && operation.flags <= CreateMode.container;
    default:
      return true;
  }
}

function lengthOf(acl: readonly Acl[]): number {
  return acl.reduce((sum, { scheme, id }) => sum + scheme.length + id.length, 0);
}

/** -1 fits any version. */
function versionFits(version: number, expected: number): boolean {
  return expected === -1 || expected === version;
}

/** Versions are Java ints and wrap like them. */
function next(version: number): number {
  return (version + 1) | 0;
}
