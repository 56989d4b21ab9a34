import type { Zxid } from '../../common/zxid.ts';
import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import { readAcl, writeAcl } from './record-codecs.ts';
import type { Acl } from './records.ts';

/*
 * The bodies of requests, in the order of zookeeper.jute. Each has `write…` and `read…`; records of the same shape share
 * them. Buffers that were read are views of the frame. A null path reads as '', which no znode has.
 */

/** create, create2, createContainer. */
export interface CreateRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  /** A CreateMode. */
  readonly flags: number;
}

export function writeCreateRequest(writer: JuteWriter, request: CreateRequest): void {
  writer.writeString(request.path);
  writer.writeBuffer(request.data);
  writeAcl(writer, request.acl);
  writer.writeInt(request.flags);
}

export function readCreateRequest(reader: JuteReader): CreateRequest {
  return { path: reader.readString(), data: reader.readBuffer(), acl: readAcl(reader), flags: reader.readInt() };
}

/** createTTL. */
export interface CreateTtlRequest extends CreateRequest {
  /** Rounded beyond 2^53, which is far beyond what a TTL may be. */
  readonly ttlMs: number;
}

export function writeCreateTtlRequest(writer: JuteWriter, request: CreateTtlRequest): void {
  writeCreateRequest(writer, request);
  writer.writeExactLong(request.ttlMs);
}

export function readCreateTtlRequest(reader: JuteReader): CreateTtlRequest {
  return {
    path: reader.readString(),
    data: reader.readBuffer(),
    acl: readAcl(reader),
    flags: reader.readInt(),
    ttlMs: reader.readRoundedLong(),
  };
}

/** delete and check: the znode, and the version that it must have (-1: any). */
export interface PathVersionRequest {
  readonly path: string;
  readonly version: number;
}

export function writePathVersionRequest(writer: JuteWriter, request: PathVersionRequest): void {
  writer.writeString(request.path);
  writer.writeInt(request.version);
}

export function readPathVersionRequest(reader: JuteReader): PathVersionRequest {
  return { path: reader.readString(), version: reader.readInt() };
}

/** exists, getData, getChildren, getChildren2. */
export interface PathWatchRequest {
  readonly path: string;
  readonly watch: boolean;
}

export function writePathWatchRequest(writer: JuteWriter, request: PathWatchRequest): void {
  writer.writeString(request.path);
  writer.writeBoolean(request.watch);
}

export function readPathWatchRequest(reader: JuteReader): PathWatchRequest {
  return { path: reader.readString(), watch: reader.readBoolean() };
}

/** getACL, sync, getAllChildrenNumber, getEphemerals (where it is a prefix), deleteContainer: nothing but a path. */
export interface PathRequest {
  readonly path: string;
}

export function writePathRequest(writer: JuteWriter, request: PathRequest): void {
  writer.writeString(request.path);
}

export function readPathRequest(reader: JuteReader): PathRequest {
  return { path: reader.readString() };
}

export interface SetDataRequest {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly version: number;
}

export function writeSetDataRequest(writer: JuteWriter, request: SetDataRequest): void {
  writer.writeString(request.path);
  writer.writeBuffer(request.data);
  writer.writeInt(request.version);
}

export function readSetDataRequest(reader: JuteReader): SetDataRequest {
  return { path: reader.readString(), data: reader.readBuffer(), version: reader.readInt() };
}

export interface SetAclRequest {
  readonly path: string;
  readonly acl: readonly Acl[];
  /** The ACL version that the znode must have (-1: any). */
  readonly version: number;
}

export function writeSetAclRequest(writer: JuteWriter, request: SetAclRequest): void {
  writer.writeString(request.path);
  writeAcl(writer, request.acl);
  writer.writeInt(request.version);
}

export function readSetAclRequest(reader: JuteReader): SetAclRequest {
  return { path: reader.readString(), acl: readAcl(reader), version: reader.readInt() };
}

/** reconfig: null for what is not changed. */
export interface ReconfigRequest {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
  /** The version of the configuration that is changed (-1: any). Rounded beyond 2^53. */
  readonly configVersion: Zxid;
}

export function writeReconfigRequest(writer: JuteWriter, request: ReconfigRequest): void {
  writer.writeString(request.joiningServers);
  writer.writeString(request.leavingServers);
  writer.writeString(request.newMembers);
  writer.writeExactLong(request.configVersion);
}

export function readReconfigRequest(reader: JuteReader): ReconfigRequest {
  return {
    joiningServers: reader.readNullableString(),
    leavingServers: reader.readNullableString(),
    newMembers: reader.readNullableString(),
    configVersion: reader.readRoundedLong(),
  };
}

/** auth: an identity that the connection claims, with what proves it. */
export interface AuthPacket {
  readonly type: number;
  readonly scheme: string;
  readonly auth: Uint8Array | null;
}

export function writeAuthPacket(writer: JuteWriter, packet: AuthPacket): void {
  writer.writeInt(packet.type);
  writer.writeString(packet.scheme);
  writer.writeBuffer(packet.auth);
}

export function readAuthPacket(reader: JuteReader): AuthPacket {
  return { type: reader.readInt(), scheme: reader.readString(), auth: reader.readBuffer() };
}

/** sasl, in both directions: a token of the SASL exchange. */
export interface SaslToken {
  readonly token: Uint8Array | null;
}

export function writeSaslToken(writer: JuteWriter, message: SaslToken): void {
  writer.writeBuffer(message.token);
}

export function readSaslToken(reader: JuteReader): SaslToken {
  return { token: reader.readBuffer() };
}

/** setWatches and setWatches2: the watches of a client that has connected again. */
export interface SetWatchesRequest {
  /** What changed after this zxid fires at once. Rounded beyond 2^53. */
  readonly relativeZxid: Zxid;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  /** Empty in setWatches. */
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}

/** Writes the body of setWatches, without the persistent ones. */
export function writeSetWatchesRequest(writer: JuteWriter, request: SetWatchesRequest): void {
  writer.writeExactLong(request.relativeZxid);
  writer.writeStrings(request.dataWatches);
  writer.writeStrings(request.existWatches);
  writer.writeStrings(request.childWatches);
}

export function readSetWatchesRequest(reader: JuteReader): SetWatchesRequest {
  return {
    relativeZxid: reader.readRoundedLong(),
    dataWatches: reader.readStrings(),
    existWatches: reader.readStrings(),
    childWatches: reader.readStrings(),
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };
}

/** Writes the body of setWatches2. */
export function writeSetWatches2Request(writer: JuteWriter, request: SetWatchesRequest): void {
  writeSetWatchesRequest(writer, request);
  writer.writeStrings(request.persistentWatches);
  writer.writeStrings(request.persistentRecursiveWatches);
}

export function readSetWatches2Request(reader: JuteReader): SetWatchesRequest {
  return {
    ...readSetWatchesRequest(reader),
    persistentWatches: reader.readStrings(),
    persistentRecursiveWatches: reader.readStrings(),
  };
}

/** addWatch (`kind` is an AddWatchMode), removeWatches and checkWatches (`kind` is a WatcherType). */
export interface WatchRequest {
  readonly path: string;
  readonly kind: number;
}

export function writeWatchRequest(writer: JuteWriter, request: WatchRequest): void {
  writer.writeString(request.path);
  writer.writeInt(request.kind);
}

export function readWatchRequest(reader: JuteReader): WatchRequest {
  return { path: reader.readString(), kind: reader.readInt() };
}
