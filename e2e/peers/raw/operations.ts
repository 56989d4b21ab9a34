import { JuteWriter, type JuteReader } from './jute.ts';
import { readAcl, readStat, writeAcl, type Acl, type Stat } from './records.ts';

/** Numbers of the operations that this client can send. */
export const OpCode = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  reconfig: 16,
  create2: 15,
  createContainer: 19,
  createTTL: 21,
  auth: 100,
  setWatches: 101,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

type Creation = { path: string; data: Uint8Array | null; acl: readonly Acl[] | null; flags: number };

/** What may stand in a multi. */
export type MultiPart =
  | ({ op: 'create' | 'create2' | 'createContainer' } & Creation)
  | ({ op: 'createTTL'; ttlMs: bigint } & Creation)
  | { op: 'delete' | 'check'; path: string; version: number }
  | { op: 'setData'; path: string; data: Uint8Array | null; version: number };

export type Operation =
  | MultiPart
  | { op: 'exists' | 'getData' | 'getChildren' | 'getChildren2'; path: string; watch: boolean }
  | { op: 'getACL' | 'sync' | 'getEphemerals' | 'getAllChildrenNumber'; path: string }
  | { op: 'setACL'; path: string; acl: readonly Acl[] | null; version: number }
  | { op: 'addWatch'; path: string; mode: number }
  | { op: 'reconfig'; joining: string | null; leaving: string | null; newMembers: string | null; configVersion: bigint }
  | { op: 'multi'; parts: readonly MultiPart[] }
  | { op: 'auth'; scheme: string; auth: Uint8Array }
  | {
      op: 'setWatches';
      relativeZxid: bigint;
      data: readonly string[];
      exist: readonly string[];
      child: readonly string[];
    }
  | { op: 'ping' | 'closeSession' | 'whoAmI' };

/** The part of a reply after its header; which fields there are depends on the operation. */
export interface Result {
  readonly path?: string | null;
  readonly data?: Buffer | null;
  readonly stat?: Stat;
  readonly acl?: readonly Acl[] | null;
  readonly children?: readonly (string | null)[] | null;
  readonly number?: number;
  readonly ids?: readonly { scheme: string | null; user: string | null }[] | null;
  readonly parts?: readonly MultiPartResult[];
}

export interface MultiPartResult extends Result {
  readonly type: number;
  readonly error: number;
}

function writeCreation(writer: JuteWriter, { path, data, acl, flags }: Creation): JuteWriter {
  return writer.string(path).buffer(data).vector(acl, writeAcl).int(flags);
}

const writeString = (writer: JuteWriter, value: string): unknown => writer.string(value);

/** Writes the body that follows the request's header. */
export function writeOperation(writer: JuteWriter, operation: Operation): void {
  switch (operation.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
      writeCreation(writer, operation);
      return;
    case 'createTTL':
      writeCreation(writer, operation).long(operation.ttlMs);
      return;
    case 'delete':
    case 'check':
      writer.string(operation.path).int(operation.version);
      return;
    case 'setData':
      writer.string(operation.path).buffer(operation.data).int(operation.version);
      return;
    case 'exists':
    case 'getData':
    case 'getChildren':
    case 'getChildren2':
      writer.string(operation.path).bool(operation.watch);
      return;
    case 'getACL':
    case 'sync':
    case 'getEphemerals':
    case 'getAllChildrenNumber':
      writer.string(operation.path);
      return;
    case 'setACL':
      writer.string(operation.path).vector(operation.acl, writeAcl).int(operation.version);
      return;
    case 'addWatch':
      writer.string(operation.path).int(operation.mode);
      return;
    case 'reconfig':
      writer
        .string(operation.joining)
        .string(operation.leaving)
        .string(operation.newMembers)
        .long(operation.configVersion);
      return;
    case 'multi':
      for (const part of operation.parts) {
        writer.int(OpCode[part.op]).bool(false).int(-1);
        writeOperation(writer, part);
      }
      writer.int(-1).bool(true).int(-1);
      return;
    case 'auth':
      writer.int(0).string(operation.scheme).buffer(operation.auth);
      return;
    case 'setWatches':
      writer.long(operation.relativeZxid);
      for (const paths of [operation.data, operation.exist, operation.child]) writer.vector(paths, writeString);
      return;
    case 'ping':
    case 'closeSession':
    case 'whoAmI':
  }
}

/** Reads the body of a successful reply to an operation of this kind. */
export function readResult(reader: JuteReader, op: Operation['op']): Result {
  switch (op) {
    case 'create':
    case 'sync':
      return { path: reader.string() };
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return { path: reader.string(), stat: readStat(reader) };
    case 'exists':
    case 'setData':
    case 'setACL':
      return { stat: readStat(reader) };
    case 'getData':
    case 'reconfig':
      return { data: reader.buffer(), stat: readStat(reader) };
    case 'getACL':
      return { acl: reader.vector(readAcl), stat: readStat(reader) };
    case 'getChildren':
    case 'getEphemerals':
      return { children: reader.vector((r) => r.string()) };
    case 'getChildren2':
      return { children: reader.vector((r) => r.string()), stat: readStat(reader) };
    case 'getAllChildrenNumber':
    case 'addWatch':
      return { number: reader.int() };
    case 'whoAmI':
      return { ids: reader.vector((r) => ({ scheme: r.string(), user: r.string() })) };
    case 'multi':
      return { parts: readMultiParts(reader) };
    case 'delete':
    case 'check':
    case 'auth':
    case 'setWatches':
    case 'ping':
    case 'closeSession':
      return {};
  }
}

const resultOfType: ReadonlyMap<number, Operation['op']> = new Map(
  (['create', 'create2', 'createContainer', 'createTTL', 'delete', 'setData', 'check'] as const).map((op) => [
    OpCode[op],
    op,
  ]),
);

function readMultiParts(reader: JuteReader): MultiPartResult[] {
  const parts: MultiPartResult[] = [];
  for (;;) {
    const type = reader.int();
    const done = reader.bool();
    const error = reader.int();
    if (done) return parts;
    if (type === -1) {
      parts.push({ type, error: reader.int() });
      continue;
    }
    const op = resultOfType.get(type);
    if (op === undefined) throw new Error(`a multi reply holds a result of the unknown type ${type}`);
    parts.push({ type, error, ...readResult(reader, op) });
  }
}

/** The request as a frame. */
export function requestFrame(xid: number, operation: Operation): Buffer {
  const writer = new JuteWriter().int(xid).int(OpCode[operation.op]);
  writeOperation(writer, operation);
  return writer.frame();
}
