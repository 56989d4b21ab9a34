import type { Zxid } from '../../common/zxid.ts';
import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';

/** What stands before every request but the first. */
export interface RequestHeader {
  /** Chosen by the client, answered in the reply; see SpecialXid. */
  readonly xid: number;
  /** An OpCode. */
  readonly type: number;
}

/** What stands before every reply and every watch event. */
export interface ReplyHeader {
  readonly xid: number;
  /** The server's last zxid when it answered; -1 in watch events of old servers. */
  readonly zxid: Zxid;
  /** A ReplyCode. */
  readonly error: number;
}

export function writeRequestHeader(writer: JuteWriter, xid: number, type: number): void {
  writer.writeInt(xid);
  writer.writeInt(type);
}

export function readRequestHeader(reader: JuteReader): RequestHeader {
  return { xid: reader.readInt(), type: reader.readInt() };
}

export function writeReplyHeader(writer: JuteWriter, xid: number, zxid: Zxid, error: number): void {
  writer.writeInt(xid);
  writer.writeExactLong(zxid);
  writer.writeInt(error);
}

export function readReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.readInt(), zxid: reader.readExactLong(), error: reader.readInt() };
}

/** What stands before each operation, or result, of a multi; `done` ends the list. */
export interface MultiHeader {
  /** An OpCode; `error` (-1) for the result of an operation that failed or was not tried, and at the end. */
  readonly type: number;
  readonly done: boolean;
  /** In results of type `error` the ReplyCode; -1 in requests. */
  readonly error: number;
}

export function writeMultiHeader(writer: JuteWriter, type: number, done: boolean, error: number): void {
  writer.writeInt(type);
  writer.writeBoolean(done);
  writer.writeInt(error);
}

/** Ends the list of operations or results of a multi. */
export function writeMultiEnd(writer: JuteWriter): void {
  writeMultiHeader(writer, -1, true, -1);
}

export function readMultiHeader(reader: JuteReader): MultiHeader {
  return { type: reader.readInt(), done: reader.readBoolean(), error: reader.readInt() };
}
