import type { JuteReader, JuteWriter } from './jute.ts';

export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

export interface Acl {
  readonly perms: number;
  readonly scheme: string | null;
  readonly id: string | null;
}

export interface WatchEvent {
  readonly type: number;
  readonly state: number;
  readonly path: string | null;
}

export const Permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;
export const worldAll: readonly Acl[] = [{ perms: Permission.all, scheme: 'world', id: 'anyone' }];

export const ErrorCode = {
  ok: 0,
  marshallingError: -5,
  unimplemented: -6,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
} as const;

export const EventType = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

export function readStat(reader: JuteReader): Stat {
  return {
    czxid: reader.long(),
    mzxid: reader.long(),
    ctime: reader.long(),
    mtime: reader.long(),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: reader.long(),
    dataLength: reader.int(),
    numChildren: reader.int(),
    pzxid: reader.long(),
  };
}

export function readAcl(reader: JuteReader): Acl {
  return { perms: reader.int(), scheme: reader.string(), id: reader.string() };
}

export function writeAcl(writer: JuteWriter, acl: Acl): void {
  writer.int(acl.perms).string(acl.scheme).string(acl.id);
}

export function readWatchEvent(reader: JuteReader): WatchEvent {
  return { type: reader.int(), state: reader.int(), path: reader.string() };
}
