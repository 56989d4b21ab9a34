import { readMultiResponse, writeMultiRequest } from '../server/protocol/multi.ts';
import { CreateMode, OpCode, Perm, ReplyCode } from '../server/protocol/opcodes.ts';
import { readStat } from '../server/protocol/record-codecs.ts';
import {
  writeCreateRequest,
  writeCreateTtlRequest,
  writePathRequest,
  writePathVersionRequest,
  writePathWatchRequest,
  writeSetDataRequest,
  writeWatchRequest,
} from '../server/protocol/requests.ts';
import { readGetDataResponse, readPathResponse, readStringsResponse } from '../server/protocol/responses.ts';
import type { Call, SimulatedClient } from './client.ts';
import { bytesOf, textOf } from './client-frames.ts';
import type { Reply } from './client-frames.ts';
import type { BoxLife, Operation, Outcome } from './history.ts';
import type { Watch, WatchKind } from './watches.ts';

export const OPEN_ACL = [{ perms: Perm.all, scheme: 'world', id: 'anyone' }];

type Answered = (reply: Reply | undefined) => void;

/** Sends what the operation asks for. */
export function request(client: SimulatedClient, operation: Operation, answered: Answered): void {
  switch (operation.type) {
    case 'close':
      client.endSession(answered);
      return;
    case 'syncedGet': {
      let refused: Reply | undefined;
      const synced = (reply: Reply | undefined): void => {
        if (reply !== undefined && reply.header.error !== ReplyCode.ok) refused = reply;
      };
      client.send({
        type: OpCode.sync,
        body: (w) => writePathRequest(w, { path: operation.path }),
        answered: synced,
      });
      client.send({
        ...callOf(operation),
        // A read behind a sync that failed is no synced read.
        answered: (reply) => answered(reply === undefined ? undefined : (refused ?? reply)),
      });
      return;
    }
    default:
      client.send({ ...callOf(operation), answered });
  }
}

function callOf(operation: Exclude<Operation, { type: 'close' }>): Omit<Call, 'answered'> {
  switch (operation.type) {
    case 'set':
    case 'touch': {
      const { path, value } = operation;
      const version = operation.type === 'set' ? operation.version : -1;
      return { type: OpCode.setData, body: (w) => writeSetDataRequest(w, { path, data: bytesOf(value), version }) };
    }
    case 'get':
    case 'syncedGet':
      return { type: OpCode.getData, ...watching(operation, 'data', undefined) };
    case 'look':
      return { type: OpCode.exists, ...watching(operation, 'data', 'exists') };
    case 'list':
      return { type: OpCode.getChildren, ...watching(operation, 'children', undefined) };
    case 'watch': {
      const { path, recursive } = operation;
      return {
        type: OpCode.addWatch,
        body: (w) => writeWatchRequest(w, { path, kind: recursive ? 1 : 0 }),
        watch: (code) => (code === ReplyCode.ok ? { kind: recursive ? 'recursive' : 'persistent', path } : undefined),
      };
    }
    case 'append':
      return {
        type: OpCode.create2,
        body: (w) =>
          writeCreateRequest(w, {
            path: operation.path,
            data: bytesOf(operation.value),
            acl: OPEN_ACL,
            flags: operation.ephemeral ? CreateMode.ephemeralSequential : CreateMode.persistentSequential,
          }),
      };
    case 'delete':
    case 'clear': {
      const { path } = operation;
      const version = operation.type === 'delete' ? operation.version : -1;
      return { type: OpCode.delete, body: (w) => writePathVersionRequest(w, { path, version }) };
    }
    case 'box':
      return boxCall(operation.path, bytesOf(operation.value), operation.life);
    case 'fill': {
      const { path, value } = operation;
      const flags = CreateMode.persistent;
      return {
        type: OpCode.create2,
        body: (w) => writeCreateRequest(w, { path, data: bytesOf(value), acl: OPEN_ACL, flags }),
      };
    }
    case 'multi':
      return {
        type: OpCode.multi,
        body: (w) =>
          writeMultiRequest(
            w,
            operation.paths.map((path) => ({
              type: OpCode.setData,
              path,
              data: bytesOf(operation.value),
              version: -1,
            })),
          ),
      };
  }
}

function boxCall(path: string, data: Uint8Array, life: BoxLife): Omit<Call, 'answered'> {
  if (life.type === 'container') {
    const flags = CreateMode.container;
    return { type: OpCode.createContainer, body: (w) => writeCreateRequest(w, { path, data, acl: OPEN_ACL, flags }) };
  }
  const { ttlMs } = life;
  const flags = life.numbered ? CreateMode.persistentSequentialTtl : CreateMode.persistentTtl;
  return {
    type: OpCode.createTTL,
    body: (w) => writeCreateTtlRequest(w, { path, data, acl: OPEN_ACL, flags, ttlMs }),
  };
}

/** A read, and the watch that it leaves on a znode that is there, or that is not. */
function watching(
  operation: { readonly path: string; readonly watch: boolean },
  there: WatchKind,
  absent: WatchKind | undefined,
): Pick<Call, 'body' | 'watch'> {
  const { path, watch } = operation;
  const left = (code: number): Watch | undefined => {
    const kind = code === ReplyCode.ok ? there : code === ReplyCode.noNode ? absent : undefined;
    return kind === undefined ? undefined : { kind, path };
  };
  return { body: (w) => writePathWatchRequest(w, { path, watch }), ...(watch && { watch: left }) };
}

/** What the answer to an operation says. */
export function outcomeOf(operation: Operation, { header, body }: Reply): Outcome {
  const { zxid, error } = header;
  if (operation.type === 'look' && error === ReplyCode.noNode) return { type: 'done', zxid, exists: false };
  if (error !== ReplyCode.ok) return { type: 'refused', code: error, zxid };
  switch (operation.type) {
    case 'set':
    case 'touch': {
      const stat = readStat(body);
      return { type: 'done', zxid, version: stat.version, mzxid: stat.mzxid };
    }
    case 'get':
    case 'syncedGet': {
      const { data, stat } = readGetDataResponse(body);
      return { type: 'done', zxid, version: stat.version, mzxid: stat.mzxid, value: textOf(data) };
    }
    case 'multi': {
      const [first] = readMultiResponse(body);
      return first?.type === OpCode.setData ? { type: 'done', zxid, mzxid: first.stat.mzxid } : { type: 'done', zxid };
    }
    case 'append':
    case 'box':
    case 'fill': {
      const path = readPathResponse(body);
      return { type: 'done', zxid, path, czxid: readStat(body).czxid };
    }
    case 'look':
      return { type: 'done', zxid, exists: true };
    case 'list':
      return { type: 'done', zxid, children: readStringsResponse(body) };
    case 'delete':
    case 'clear':
    case 'watch':
    case 'close':
      return { type: 'done', zxid };
  }
}
