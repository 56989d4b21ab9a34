import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import { readAcl, readStat, writeAcl, writeStat } from './record-codecs.ts';
import type { Acl, Stat } from './records.ts';

/*
 * The bodies of replies. A reply whose header has an error has no body. create and sync answer a path, exists, setData
 * and setACL a Stat (record-codecs.ts).
 */

/** create and sync. */
export function writePathResponse(writer: JuteWriter, path: string): void {
  writer.writeString(path);
}

export function readPathResponse(reader: JuteReader): string {
  return reader.readString();
}

/** create2, createContainer, createTTL. */
export interface Create2Response {
  readonly path: string;
  readonly stat: Stat;
}

export function writeCreate2Response(writer: JuteWriter, response: Create2Response): void {
  writer.writeString(response.path);
  writeStat(writer, response.stat);
}

export function readCreate2Response(reader: JuteReader): Create2Response {
  return { path: reader.readString(), stat: readStat(reader) };
}

/** getData, reconfig. */
export interface GetDataResponse {
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

export function writeGetDataResponse(writer: JuteWriter, response: GetDataResponse): void {
  writer.writeBuffer(response.data);
  writeStat(writer, response.stat);
}

export function readGetDataResponse(reader: JuteReader): GetDataResponse {
  return { data: reader.readBuffer(), stat: readStat(reader) };
}

/** getACL. */
export interface GetAclResponse {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}

export function writeGetAclResponse(writer: JuteWriter, response: GetAclResponse): void {
  writeAcl(writer, response.acl);
  writeStat(writer, response.stat);
}

export function readGetAclResponse(reader: JuteReader): GetAclResponse {
  return { acl: readAcl(reader), stat: readStat(reader) };
}

/** getChildren, getEphemerals: names or paths. */
export function writeStringsResponse(writer: JuteWriter, strings: readonly string[]): void {
  writer.writeStrings(strings);
}

export function readStringsResponse(reader: JuteReader): string[] {
  return reader.readStrings();
}

/** getChildren2. */
export interface GetChildren2Response {
  readonly children: readonly string[];
  readonly stat: Stat;
}

export function writeGetChildren2Response(writer: JuteWriter, response: GetChildren2Response): void {
  writer.writeStrings(response.children);
  writeStat(writer, response.stat);
}

export function readGetChildren2Response(reader: JuteReader): GetChildren2Response {
  return { children: reader.readStrings(), stat: readStat(reader) };
}

/** getAllChildrenNumber (the count), addWatch and the results of a multi that failed (a ReplyCode). */
export function writeIntResponse(writer: JuteWriter, value: number): void {
  writer.writeInt(value);
}

export function readIntResponse(reader: JuteReader): number {
  return reader.readInt();
}

/** What a watch tells; its header has the xid -1. */
export interface WatcherEvent {
  /** An EventType. */
  readonly type: number;
  /** A KeeperState. */
  readonly state: number;
  readonly path: string;
}

export function writeWatcherEvent(writer: JuteWriter, event: WatcherEvent): void {
  writer.writeInt(event.type);
  writer.writeInt(event.state);
  writer.writeString(event.path);
}

export function readWatcherEvent(reader: JuteReader): WatcherEvent {
  return { type: reader.readInt(), state: reader.readInt(), path: reader.readString() };
}

/** whoAmI: one of the identities of the connection. */
export interface ClientIdentity {
  readonly scheme: string;
  readonly user: string;
}

export function writeWhoAmIResponse(writer: JuteWriter, identities: readonly ClientIdentity[]): void {
  writer.writeInt(identities.length);
  for (const { scheme, user } of identities) {
    writer.writeString(scheme);
    writer.writeString(user);
  }
}

export function readWhoAmIResponse(reader: JuteReader): ClientIdentity[] {
  const count = reader.readVectorLength(8);
  const identities: ClientIdentity[] = [];
  for (let i = 0; i < count; i++) identities.push({ scheme: reader.readString(), user: reader.readString() });
  return identities;
}
