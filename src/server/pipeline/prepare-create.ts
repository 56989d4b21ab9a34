import { CONTAINER_OWNER, TTL_MAX_MS, ttlOwner } from '../database/owner.ts';
import { CreateMode, OpCode, Perm, ReplyCode } from '../protocol/opcodes.ts';
import type { CreateRequest, CreateTtlRequest } from '../protocol/requests.ts';
import type { Acl } from '../protocol/records.ts';
import type { Txn } from '../protocol/transactions.ts';
import type { Access } from './access.ts';
import type { OutstandingChanges } from './changes.ts';
import { isValidPath, parentPath, sequentialPath } from './paths.ts';
import { isEphemeralOwner, type Prepared, type PrepareContext, type PrepareSettings } from './prepare-context.ts';

/** Any of the four requests that create a znode. */
export type AnyCreateRequest =
  | ({
      readonly type: typeof OpCode.create | typeof OpCode.create2 | typeof OpCode.createContainer;
    } & CreateRequest)
  | ({ readonly type: typeof OpCode.createTTL } & CreateTtlRequest);

/** The transaction that creates a znode, or why it cannot be (PrepRequestProcessor.pRequest2TxnCreate). */
export function prepareCreate(
  request: AnyCreateRequest,
  context: PrepareContext,
  changes: OutstandingChanges,
  access: Access,
  settings: PrepareSettings,
): Prepared {
  const { flags, data } = request;
  const modeCode = checkMode(request, settings.extendedTypesEnabled);
  if (modeCode !== ReplyCode.ok) return modeCode;
  if (context.sessionCode !== ReplyCode.ok) return context.sessionCode;
  const parent = parentPath(request.path);
  if (parent === undefined) return ReplyCode.badArguments;
  const acl = access.resolve(request.acl, context.identities);
  if (acl === undefined) return ReplyCode.invalidAcl;
  const parentRecord = changes.get(parent);
  if (parentRecord === undefined) return ReplyCode.noNode;
  if (!access.allows(parentRecord.acl, Perm.create, context.identities)) return ReplyCode.noAuth;
  const path = isSequential(flags) ? sequentialPath(request.path, parentRecord.cversion) : request.path;
  if (!isValidPath(path)) return ReplyCode.badArguments;
  if (changes.get(path) !== undefined) return ReplyCode.nodeExists;
  if (isEphemeralOwner(parentRecord.ephemeralOwner, settings)) {
    return ReplyCode.noChildrenForEphemerals;
  }

  const parentCVersion = (parentRecord.cversion + 1) | 0;
  changes.change(parentRecord, context.zxid);
  parentRecord.cversion = parentCVersion;
  parentRecord.childCount++;
  const ephemeral = flags === CreateMode.ephemeral || flags === CreateMode.ephemeralSequential;
  changes.create(path, context.zxid, storedOwner(request, ephemeral ? context.sessionId : 0n), acl);
  return createTxn(request, path, data, acl, ephemeral, parentCVersion);
}

function createTxn(
  request: AnyCreateRequest,
  path: string,
  data: Uint8Array | null,
  acl: readonly Acl[],
  ephemeral: boolean,
  parentCVersion: number,
): Txn {
  switch (request.type) {
    case OpCode.create:
    case OpCode.create2:
      return { type: request.type, path, data, acl, ephemeral, parentCVersion };
    case OpCode.createContainer:
      return { type: request.type, path, data, acl, parentCVersion };
    case OpCode.createTTL:
      return { type: request.type, path, data, acl, parentCVersion, ttlMs: request.ttlMs };
  }
}

function storedOwner(request: AnyCreateRequest, session: bigint): bigint {
  if (request.type === OpCode.createContainer) return CONTAINER_OWNER;
  if (request.type === OpCode.createTTL) return ttlOwner(request.ttlMs);
  return session;
}

function isTtlMode(flags: number): boolean {
  return flags === CreateMode.persistentTtl || flags === CreateMode.persistentSequentialTtl;
}

function isSequential(flags: number): boolean {
  return (
    flags === CreateMode.persistentSequential ||
    flags === CreateMode.ephemeralSequential ||
    flags === CreateMode.persistentSequentialTtl
  );
}

/** Whether mode, kind of request and TTL go together: `ok` or the code to answer with. */
function checkMode(request: AnyCreateRequest, extendedTypesEnabled: boolean): number {
  const { flags, type } = request;
  if (flags < CreateMode.persistent || flags > CreateMode.persistentSequentialTtl) return ReplyCode.badArguments;
  if (isTtlMode(flags) && !extendedTypesEnabled) return ReplyCode.unimplemented;
  if (isTtlMode(flags) !== (type === OpCode.createTTL)) return ReplyCode.badArguments;
  if (type === OpCode.createTTL && (request.ttlMs <= 0 || request.ttlMs > TTL_MAX_MS)) return ReplyCode.badArguments;
  return ReplyCode.ok;
}
