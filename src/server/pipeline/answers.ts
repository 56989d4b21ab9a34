import type { ApplyResult, Database } from '../database/types.ts';
import { JuteReader } from '../protocol/jute-reader.ts';
import { writeMultiResponse, type MultiResult } from '../protocol/multi.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { writeStat } from '../protocol/record-codecs.ts';
import { writeGetDataResponse } from '../protocol/responses.ts';
import type { PendingRequest } from './client.ts';
import type { Replies } from './replies.ts';
import { isMalformed } from './step.ts';

/** What becomes of the connection after an answer. */
export type AfterAnswer = 'stays' | 'closes';

/** Answers writes and syncs once they are done (FinalRequestProcessor). */
export class Answers {
  readonly #database: Database;
  readonly #replies: Replies;

  constructor(database: Database, replies: Replies) {
    this.#database = database;
    this.#replies = replies;
  }

  answer(request: PendingRequest): AfterAnswer {
    if (request.type === OpCode.sync) return this.#answerSync(request);
    const { result } = request;
    const error = errorOf(request);
    // The client has moved on to another connection: this one must not speak for the session any more (ZOOKEEPER-710).
    if (error === ReplyCode.sessionMoved || result?.parts?.some(isMoved) === true) return 'closes';
    if (error !== ReplyCode.ok || result === undefined) {
      this.#replies.header(request.client, request.xid, this.#database.lastZxid, error);
      return 'stays';
    }
    this.#answerSuccess(request, result);
    return request.type === OpCode.closeSession ? 'closes' : 'stays';
  }

  #answerSuccess(request: PendingRequest, result: ApplyResult): void {
    const { writer } = this.#replies;
    this.#replies.begin(request.client, request.xid, this.#database.lastZxid, ReplyCode.ok);
    switch (request.type) {
      case OpCode.create:
        writer.writeString(result.path ?? '');
        break;
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        writer.writeString(result.path ?? '');
        if (result.stat !== undefined) writeStat(writer, result.stat);
        break;
      case OpCode.setData:
      case OpCode.setACL:
        if (result.stat !== undefined) writeStat(writer, result.stat);
        break;
      case OpCode.reconfig:
        if (result.stat !== undefined) {
          const data = this.#database.znode(result.path ?? '')?.data ?? null;
          writeGetDataResponse(writer, { data, stat: result.stat });
        }
        break;
      case OpCode.multi:
        writeMultiResponse(writer, (result.parts ?? []).map(multiResult));
        break;
      default:
        // delete and closeSession have no body.
        break;
    }
    this.#replies.end();
  }

  #answerSync({ client, xid, frame, offset }: PendingRequest): AfterAnswer {
    const path = readPath(frame, offset);
    if (path === undefined) {
      this.#replies.header(client, xid, this.#database.lastZxid, ReplyCode.marshallingError);
      return 'stays';
    }
    this.#replies.begin(client, xid, this.#database.lastZxid, ReplyCode.ok);
    this.#replies.writer.writeString(path);
    this.#replies.end();
    return 'stays';
  }
}

function readPath(frame: Uint8Array, offset: number): string | undefined {
  try {
    return new JuteReader(frame, offset).readString();
  } catch (error) {
    if (!isMalformed(error)) throw error;
    return undefined;
  }
}

/** A multi that failed is answered as a success: which part failed stands in its results. */
function errorOf({ type, error, result }: PendingRequest): number {
  if (error !== ReplyCode.ok || type === OpCode.multi) return error;
  return result?.error ?? ReplyCode.ok;
}

function isMoved(part: ApplyResult): boolean {
  return part.error === ReplyCode.sessionMoved;
}

function multiResult(part: ApplyResult): MultiResult {
  const { stat } = part;
  switch (part.type) {
    case OpCode.create:
      return { type: OpCode.create, path: part.path ?? '' };
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      if (stat !== undefined) return { type: OpCode.create2, path: part.path ?? '', stat };
      break;
    case OpCode.setData:
      if (stat !== undefined) return { type: OpCode.setData, stat };
      break;
    case OpCode.delete:
    case OpCode.deleteContainer:
      return { type: OpCode.delete };
    case OpCode.check:
      return { type: OpCode.check };
    default:
      break;
  }
  return { type: OpCode.error, error: part.error };
}
