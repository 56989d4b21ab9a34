import { assert } from '../../common/errors.ts';
import { JuteReader, malformed } from './jute-reader.ts';
import { JuteWriter } from './jute-writer.ts';
import { OpCode } from './opcodes.ts';
import { readAcl, writeAcl } from './record-codecs.ts';
import type { LogEntry, Txn, TxnHeader } from './transactions.ts';

/** What follows a transaction in the log where the writer keeps digests: that of the tree after it. */
export interface TxnDigest {
  /** ZooKeeper's DigestCalculator writes 2. */
  readonly version: number;
  /** Signed 64 bits. */
  readonly treeDigest: bigint;
}

/** A log entry taken apart. */
export interface DecodedEntry {
  readonly header: TxnHeader;
  readonly txn: Txn;
  readonly digest: TxnDigest | undefined;
}

const DIGEST_BYTES = 12;

// One writer for all entries: encoding never calls back, so it is never used twice at once.
const scratch = new JuteWriter(4096);

/** The bytes of a log record or PROPOSAL, in memory of their own. */
export function encodeLogEntry(header: TxnHeader, txn: Txn, digest?: TxnDigest): LogEntry {
  assert(header.type === txn.type, `the header of a transaction says ${header.type}, its body ${txn.type}`);
  scratch.reset();
  writeTxnHeader(scratch, header);
  writeTxn(scratch, txn);
  if (digest !== undefined) {
    scratch.writeInt(digest.version);
    scratch.writeLong(digest.treeDigest);
  }
  return { zxid: header.zxid, bytes: scratch.copy() };
}

/**
 * The inverse of {@link encodeLogEntry}; buffers are views of `bytes`. As tolerant as ZooKeeper's SerializeUtils: a create
 * without parentCVersion (ZooKeeper before 3.4) has -1 there, a closeSession may list no paths.
 * @throws CodedError ZK_FRAME_MALFORMED for bytes that are no transaction.
 */
export function decodeLogEntry(bytes: Uint8Array): DecodedEntry {
  const reader = new JuteReader(bytes);
  const header = readTxnHeader(reader);
  if (header.type === OpCode.check) malformed('a check stands outside of a multi');
  const txn = header.type === OpCode.closeSession ? readCloseSession(reader, bytes) : readTxn(reader, header.type);
  const digest =
    reader.remaining < DIGEST_BYTES ? undefined : { version: reader.readInt(), treeDigest: reader.readLong() };
  return { header, txn, digest };
}

export function writeTxnHeader(writer: JuteWriter, header: TxnHeader): void {
  writer.writeLong(header.sessionId);
  writer.writeInt(header.cxid);
  writer.writeExactLong(header.zxid);
  writer.writeExactLong(header.timeMs);
  writer.writeInt(header.type);
}

export function readTxnHeader(reader: JuteReader): TxnHeader {
  return {
    sessionId: reader.readLong(),
    cxid: reader.readInt(),
    zxid: reader.readExactLong(),
    timeMs: reader.readExactLong(),
    type: reader.readInt(),
  };
}

/** Writes a transaction's body, without its header. */
export function writeTxn(writer: JuteWriter, txn: Txn): void {
  switch (txn.type) {
    case OpCode.create:
    case OpCode.create2:
      writer.writeString(txn.path);
      writer.writeBuffer(txn.data);
      writeAcl(writer, txn.acl);
      writer.writeBoolean(txn.ephemeral);
      writer.writeInt(txn.parentCVersion);
      break;
    case OpCode.createContainer:
    case OpCode.createTTL:
      writer.writeString(txn.path);
      writer.writeBuffer(txn.data);
      writeAcl(writer, txn.acl);
      writer.writeInt(txn.parentCVersion);
      if (txn.type === OpCode.createTTL) writer.writeExactLong(txn.ttlMs);
      break;
    case OpCode.delete:
    case OpCode.deleteContainer:
      writer.writeString(txn.path);
      break;
    case OpCode.setData:
    case OpCode.reconfig:
      writer.writeString(txn.path);
      writer.writeBuffer(txn.data);
      writer.writeInt(txn.version);
      break;
    case OpCode.setACL:
      writer.writeString(txn.path);
      writeAcl(writer, txn.acl);
      writer.writeInt(txn.version);
      break;
    case OpCode.check:
      writer.writeString(txn.path);
      writer.writeInt(txn.version);
      break;
    case OpCode.createSession:
      writer.writeInt(txn.timeoutMs);
      break;
    case OpCode.closeSession:
      if (txn.paths !== null) writer.writeStrings(txn.paths);
      break;
    case OpCode.error:
      writer.writeInt(txn.error);
      break;
    case OpCode.multi:
      writer.writeInt(txn.parts.length);
      for (const part of txn.parts) {
        writer.writeInt(part.type);
        const mark = writer.beginLength();
        writeTxn(writer, part);
        writer.endLength(mark);
      }
      break;
  }
}

/**
 * Reads a transaction's body of the given type (all but closeSession, which is only known by where it ends).
 * @throws CodedError ZK_FRAME_MALFORMED also for a type that is none of a transaction.
 */
function readTxn(reader: JuteReader, type: number): Txn {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
      return {
        type,
        path: reader.readString(),
        data: reader.readBuffer(),
        acl: readAcl(reader),
        ephemeral: reader.readBoolean(),
        parentCVersion: type === OpCode.create && reader.remaining === 0 ? -1 : reader.readInt(),
      };
    case OpCode.createContainer:
      return {
        type,
        path: reader.readString(),
        data: reader.readBuffer(),
        acl: readAcl(reader),
        parentCVersion: reader.readInt(),
      };
    case OpCode.createTTL:
      return {
        type,
        path: reader.readString(),
        data: reader.readBuffer(),
        acl: readAcl(reader),
        parentCVersion: reader.readInt(),
        ttlMs: reader.readExactLong(),
      };
    case OpCode.delete:
    case OpCode.deleteContainer:
      return { type, path: reader.readString() };
    case OpCode.setData:
    case OpCode.reconfig:
      return { type, path: reader.readString(), data: reader.readBuffer(), version: reader.readInt() };
    case OpCode.setACL:
      return { type, path: reader.readString(), acl: readAcl(reader), version: reader.readInt() };
    case OpCode.check:
      return { type, path: reader.readString(), version: reader.readInt() };
    case OpCode.createSession:
      return { type, timeoutMs: reader.readInt() };
    case OpCode.error:
      return { type, error: reader.readInt() };
    case OpCode.multi:
      return { type, parts: readParts(reader) };
    default:
      return malformed(`${type} is not the type of a transaction`);
  }
}

function readParts(reader: JuteReader): Txn[] {
  const count = reader.readVectorLength(8);
  const parts: Txn[] = [];
  for (let i = 0; i < count; i++) {
    const type = reader.readInt();
    // A multi within a multi would nest as deep as the bytes say.
    if (type === OpCode.multi) malformed('a multi stands inside a multi');
    const data = reader.readBuffer();
    if (data === null) malformed(`part ${i} of a multi has no body`);
    parts.push(readTxn(new JuteReader(data), type));
  }
  return parts;
}

/** Without a list of paths, nothing or only a digest follows. */
function readCloseSession(reader: JuteReader, bytes: Uint8Array): Txn {
  const type = OpCode.closeSession;
  const digestOnly = reader.remaining === DIGEST_BYTES && !isListOfOneShortPath(bytes, reader.offset);
  if (reader.remaining === 0 || digestOnly) return { type, paths: null };
  const count = reader.readVectorLength(4);
  if (count === -1) return { type, paths: null };
  const paths: string[] = [];
  for (let i = 0; i < count; i++) paths.push(reader.readString());
  return { type, paths };
}

/** The only list that is as long as a digest: one path of four bytes. */
function isListOfOneShortPath(bytes: Uint8Array, offset: number): boolean {
  const reader = new JuteReader(bytes, offset);
  return reader.readInt() === 1 && reader.readInt() === 4 && reader.readRaw(1)[0] === SLASH;
}

const SLASH = 0x2f;
