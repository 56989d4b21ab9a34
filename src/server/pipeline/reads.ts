import type { Database, Znode } from '../database/types.ts';
import { JuteReader } from '../protocol/jute-reader.ts';
import { readMultiRequest, writeMultiResponse, type MultiOperation, type MultiResult } from '../protocol/multi.ts';
import { OpCode, Perm, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import { writeAcl } from '../protocol/record-codecs.ts';
import type { Acl, Identity } from '../protocol/records.ts';
import * as requests from '../protocol/requests.ts';
import { writeWhoAmIResponse } from '../protocol/responses.ts';
import type { Access } from './access.ts';
import type { Client, CloseClient } from './client.ts';
import type { Replies } from './replies.ts';
import { isMalformed } from './step.ts';
import type { WatchRequests } from './watch-requests.ts';

/** What a multiRead may be answered with: far beyond what any client takes (jute.maxbuffer). */
const MULTI_READ_BYTES_MAX = 64 * 1024 * 1024;

/** What stands before a child's name in an answer. */
const LENGTH_BYTES = 4;

/** Looking at a znode that is not in the answer takes as long as answering with so many bytes. */
const SEEN_ZNODE_BYTES = 16;

/** Answers what this member's own state can answer (FinalRequestProcessor). */
export class Reads {
  readonly #database: Database;
  readonly #access: Access;
  readonly #replies: Replies;
  readonly #watchRequests: WatchRequests;
  readonly #close: CloseClient;

  constructor(database: Database, access: Access, replies: Replies, watchRequests: WatchRequests, close: CloseClient) {
    this.#database = database;
    this.#access = access;
    this.#replies = replies;
    this.#watchRequests = watchRequests;
    this.#close = close;
  }

  /** @param offset Where the request's body begins in the frame. */
  answer(
    client: Client,
    xid: number,
    type: number,
    frame: Uint8Array,
    offset: number,
    identities: readonly Identity[],
  ): void {
    let code: number;
    try {
      code = this.#answer(client, xid, type, new JuteReader(frame, offset), identities);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      code = ReplyCode.marshallingError;
    }
    if (code !== ReplyCode.ok) this.#replies.header(client, xid, this.#database.lastZxid, code);
  }

  /** Writes the reply and returns `ok`, or writes nothing and returns the code to answer with. */
  #answer(client: Client, xid: number, type: number, reader: JuteReader, identities: readonly Identity[]): number {
    switch (type) {
      case OpCode.ping:
        return this.#answerHeader(client, SpecialXid.ping);
      case OpCode.getData:
        return this.#getData(client, xid, reader, identities);
      case OpCode.exists:
        return this.#exists(client, xid, reader, identities);
      case OpCode.getChildren:
      case OpCode.getChildren2:
        return this.#getChildren(client, xid, type, reader, identities);
      case OpCode.getACL:
        return this.#getAcl(client, xid, reader, identities);
      case OpCode.multiRead:
        return this.#multiRead(client, xid, reader, identities);
      case OpCode.getEphemerals:
        return this.#getEphemerals(client, xid, reader);
      case OpCode.getAllChildrenNumber:
        return this.#getAllChildrenNumber(client, xid, reader, identities);
      case OpCode.whoAmI:
        return this.#whoAmI(client, xid, identities);
      case OpCode.addWatch: {
        const code = this.#watchRequests.add(client, requests.readWatchRequest(reader));
        if (code !== ReplyCode.ok) return code;
        // The body is an ErrorResponse that says ok.
        this.#begin(client, xid).writeInt(ReplyCode.ok);
        return this.#end();
      }
      case OpCode.setWatches:
        return this.#setWatches(client, xid, requests.readSetWatchesRequest(reader));
      case OpCode.setWatches2:
        return this.#setWatches(client, xid, requests.readSetWatches2Request(reader));
      case OpCode.removeWatches: {
        const code = this.#watchRequests.remove(client, requests.readWatchRequest(reader));
        return code === ReplyCode.ok ? this.#answerHeader(client, xid) : code;
      }
      case OpCode.checkWatches: {
        const code = this.#watchRequests.check(client, requests.readWatchRequest(reader));
        return code === ReplyCode.ok ? this.#answerHeader(client, xid) : code;
      }
      default:
        return ReplyCode.unimplemented;
    }
  }

  #getData(client: Client, xid: number, reader: JuteReader, identities: readonly Identity[]): number {
    const path = reader.readString();
    const watch = reader.readBoolean();
    const znode = this.#database.znode(path);
    if (znode === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(znode.acl, Perm.read, identities)) return ReplyCode.noAuth;
    if (watch && !this.#watchRequests.set(client, 'data', path)) return ReplyCode.systemError;
    const writer = this.#begin(client, xid);
    znode.writeData(writer);
    znode.writeStat(writer);
    return this.#end();
  }

  #exists(client: Client, xid: number, reader: JuteReader, identities: readonly Identity[]): number {
    const { path, watch } = requests.readPathWatchRequest(reader);
    if (path.includes('\0')) return ReplyCode.badArguments;
    const znode = this.#database.znode(path);
    if (znode !== undefined && !this.#access.allows(znode.acl, Perm.read, identities)) return ReplyCode.noAuth;
    // A watch on a znode that is missing waits for its creation.
    if (watch && !this.#watchRequests.set(client, 'data', path)) return ReplyCode.systemError;
    if (znode === undefined) return ReplyCode.noNode;
    znode.writeStat(this.#begin(client, xid));
    return this.#end();
  }

  #getChildren(client: Client, xid: number, type: number, reader: JuteReader, identities: readonly Identity[]): number {
    const { path, watch } = requests.readPathWatchRequest(reader);
    const znode = this.#database.znode(path);
    if (znode === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(znode.acl, Perm.read, identities)) return ReplyCode.noAuth;
    if (watch && !this.#watchRequests.set(client, 'children', path)) return ReplyCode.systemError;
    const writer = this.#begin(client, xid);
    znode.writeChildNames(writer);
    if (type === OpCode.getChildren2) znode.writeStat(writer);
    return this.#end();
  }

  #getAcl(client: Client, xid: number, reader: JuteReader, identities: readonly Identity[]): number {
    const znode = this.#database.znode(reader.readString());
    if (znode === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(znode.acl, Perm.read | Perm.admin, identities)) return ReplyCode.noAuth;
    const isAdmin = this.#access.allows(znode.acl, Perm.admin, identities);
    const writer = this.#begin(client, xid);
    writeAcl(writer, isAdmin ? znode.acl : znode.acl.map(withoutHash));
    znode.writeStat(writer);
    return this.#end();
  }

  #multiRead(client: Client, xid: number, reader: JuteReader, identities: readonly Identity[]): number {
    const results: MultiResult[] = [];
    let bytes = 0;
    for (const operation of readMultiRequest(reader)) {
      const result = this.#readPart(client, operation, identities);
      if (result === undefined) return ReplyCode.marshallingError;
      bytes += bytesOf(result);
      if (bytes > MULTI_READ_BYTES_MAX) return ReplyCode.marshallingError;
      results.push(result);
    }
    writeMultiResponse(this.#begin(client, xid), results);
    return this.#end();
  }

  /** Undefined for an operation that has no place in a multiRead. */
  #readPart(client: Client, operation: MultiOperation, identities: readonly Identity[]): MultiResult | undefined {
    if (operation.type !== OpCode.getData && operation.type !== OpCode.getChildren) return undefined;
    const znode = this.#database.znode(operation.path);
    if (znode === undefined) return { type: OpCode.error, error: ReplyCode.noNode };
    if (!this.#access.allows(znode.acl, Perm.read, identities)) {
      return { type: OpCode.error, error: ReplyCode.noAuth };
    }
    const kind = operation.type === OpCode.getData ? 'data' : 'children';
    if (operation.watch && !this.#watchRequests.set(client, kind, operation.path)) {
      return { type: OpCode.error, error: ReplyCode.systemError };
    }
    return readResult(operation.type, znode);
  }

  #getEphemerals(client: Client, xid: number, reader: JuteReader): number {
    const prefix = reader.readString();
    const everything = prefix.trim() === '' || prefix.trim() === '/';
    const paths: string[] = [];
    const all = this.#database.ephemerals(client.sessionId);
    client.answerBytes += all.size * SEEN_ZNODE_BYTES;
    for (const path of all) {
      if (everything || path.startsWith(prefix)) paths.push(path);
    }
    this.#begin(client, xid).writeStrings(paths);
    return this.#end();
  }

  #getAllChildrenNumber(client: Client, xid: number, reader: JuteReader, identities: readonly Identity[]): number {
    const path = reader.readString();
    const znode = this.#database.znode(path);
    if (znode === undefined) return ReplyCode.noNode;
    if (!this.#access.allows(znode.acl, Perm.read, identities)) return ReplyCode.noAuth;
    const count = this.#database.descendantCount(path);
    client.answerBytes += count * SEEN_ZNODE_BYTES;
    this.#begin(client, xid).writeInt(count);
    return this.#end();
  }

  #setWatches(client: Client, xid: number, request: requests.SetWatchesRequest): number {
    if (this.#watchRequests.setAgain(client, request)) return this.#answerHeader(client, xid);
    this.#close(client, 'it cannot have its watches again: they take too much memory');
    return ReplyCode.ok;
  }

  #whoAmI(client: Client, xid: number, identities: readonly Identity[]): number {
    const users = identities.map(({ scheme, id }) => ({
      scheme,
      user: scheme === 'digest' ? (id.split(':')[0] ?? '') : id,
    }));
    writeWhoAmIResponse(this.#begin(client, xid), users);
    return this.#end();
  }

  #answerHeader(client: Client, xid: number): number {
    this.#replies.header(client, xid, this.#database.lastZxid, ReplyCode.ok);
    return ReplyCode.ok;
  }

  #begin(client: Client, xid: number): Replies['writer'] {
    this.#replies.begin(client, xid, this.#database.lastZxid, ReplyCode.ok);
    return this.#replies.writer;
  }

  #end(): number {
    this.#replies.end();
    return ReplyCode.ok;
  }
}

function readResult(type: typeof OpCode.getData | typeof OpCode.getChildren, znode: Znode): MultiResult {
  if (type === OpCode.getData) return { type, data: znode.data, stat: znode.stat };
  return { type, children: [...znode.children] };
}

function bytesOf(result: MultiResult): number {
  if (result.type === OpCode.getData) return result.data?.length ?? 0;
  if (result.type !== OpCode.getChildren) return 0;
  return result.children.reduce((sum, name) => sum + LENGTH_BYTES + name.length, 0);
}

/** Whoever may only read sees who has rights, but not the hash of anybody's password (ZOOKEEPER-1392). */
function withoutHash(entry: Acl): Acl {
  return entry.scheme === 'digest' ? { ...entry, id: entry.id.replace(/:.*/, ':x') } : entry;
}
