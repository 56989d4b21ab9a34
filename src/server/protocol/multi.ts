import { readMultiHeader, writeMultiEnd, writeMultiHeader } from './headers.ts';
import { malformed } from './jute-reader.ts';
import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import { OpCode } from './opcodes.ts';
import { readStat, writeStat } from './record-codecs.ts';
import type { Stat } from './records.ts';
import * as requests from './requests.ts';

/** One operation of a multi or a multiRead. */
export type MultiOperation =
  | ({
      readonly type: typeof OpCode.create | typeof OpCode.create2 | typeof OpCode.createContainer;
    } & requests.CreateRequest)
  | ({ readonly type: typeof OpCode.createTTL } & requests.CreateTtlRequest)
  | ({ readonly type: typeof OpCode.delete | typeof OpCode.check } & requests.PathVersionRequest)
  | ({ readonly type: typeof OpCode.setData } & requests.SetDataRequest)
  | ({ readonly type: typeof OpCode.getData | typeof OpCode.getChildren } & requests.PathWatchRequest);

/** The result of one operation. createContainer and createTTL answer as create2. */
export type MultiResult =
  | { readonly type: typeof OpCode.create; readonly path: string }
  | { readonly type: typeof OpCode.create2; readonly path: string; readonly stat: Stat }
  | { readonly type: typeof OpCode.delete | typeof OpCode.check }
  | { readonly type: typeof OpCode.setData; readonly stat: Stat }
  | { readonly type: typeof OpCode.getData; readonly data: Uint8Array | null; readonly stat: Stat }
  | { readonly type: typeof OpCode.getChildren; readonly children: readonly string[] }
  /** A ReplyCode; 0 for operations before the one that failed, which are rolled back. */
  | { readonly type: typeof OpCode.error; readonly error: number };

export function writeMultiRequest(writer: JuteWriter, operations: readonly MultiOperation[]): void {
  for (const operation of operations) {
    writeMultiHeader(writer, operation.type, false, -1);
    switch (operation.type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
        requests.writeCreateRequest(writer, operation);
        break;
      case OpCode.createTTL:
        requests.writeCreateTtlRequest(writer, operation);
        break;
      case OpCode.delete:
      case OpCode.check:
        requests.writePathVersionRequest(writer, operation);
        break;
      case OpCode.setData:
        requests.writeSetDataRequest(writer, operation);
        break;
      case OpCode.getData:
      case OpCode.getChildren:
        requests.writePathWatchRequest(writer, operation);
        break;
    }
  }
  writeMultiEnd(writer);
}

/** @throws CodedError ZK_FRAME_MALFORMED also for an operation that no multi can hold. */
export function readMultiRequest(reader: JuteReader): MultiOperation[] {
  const operations: MultiOperation[] = [];
  for (let header = readMultiHeader(reader); !header.done; header = readMultiHeader(reader)) {
    operations.push(readOperation(reader, header.type));
  }
  return operations;
}

function readOperation(reader: JuteReader, type: number): MultiOperation {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return { type, ...requests.readCreateRequest(reader) };
    case OpCode.createTTL:
      return { type, ...requests.readCreateTtlRequest(reader) };
    case OpCode.delete:
    case OpCode.check:
      return { type, ...requests.readPathVersionRequest(reader) };
    case OpCode.setData:
      return { type, ...requests.readSetDataRequest(reader) };
    case OpCode.getData:
    case OpCode.getChildren:
      return { type, ...requests.readPathWatchRequest(reader) };
    default:
      return malformed(`a multi holds an operation of type ${type}`);
  }
}

export function writeMultiResponse(writer: JuteWriter, results: readonly MultiResult[]): void {
  for (const result of results) {
    writeMultiHeader(writer, result.type, false, result.type === OpCode.error ? result.error : 0);
    switch (result.type) {
      case OpCode.create:
        writer.writeString(result.path);
        break;
      case OpCode.create2:
        writer.writeString(result.path);
        writeStat(writer, result.stat);
        break;
      case OpCode.delete:
      case OpCode.check:
        break;
      case OpCode.setData:
        writeStat(writer, result.stat);
        break;
      case OpCode.getData:
        writer.writeBuffer(result.data);
        writeStat(writer, result.stat);
        break;
      case OpCode.getChildren:
        writer.writeStrings(result.children);
        break;
      case OpCode.error:
        writer.writeInt(result.error);
        break;
    }
  }
  writeMultiEnd(writer);
}

/** @throws CodedError ZK_FRAME_MALFORMED also for a result that no multi can have. */
export function readMultiResponse(reader: JuteReader): MultiResult[] {
  const results: MultiResult[] = [];
  for (let header = readMultiHeader(reader); !header.done; header = readMultiHeader(reader)) {
    results.push(readResult(reader, header.type));
  }
  return results;
}

function readResult(reader: JuteReader, type: number): MultiResult {
  switch (type) {
    case OpCode.create:
      return { type, path: reader.readString() };
    case OpCode.create2:
      return { type, path: reader.readString(), stat: readStat(reader) };
    case OpCode.delete:
    case OpCode.check:
      return { type };
    case OpCode.setData:
      return { type, stat: readStat(reader) };
    case OpCode.getData:
      return { type, data: reader.readBuffer(), stat: readStat(reader) };
    case OpCode.getChildren:
      return { type, children: reader.readStrings() };
    case OpCode.error:
      return { type, error: reader.readInt() };
    default:
      return malformed(`a multi answers an operation of type ${type}`);
  }
}
