import type { JuteReader } from './jute-reader.ts';
import type { JuteWriter } from './jute-writer.ts';
import type { Acl, Identity, Stat, StatPersisted } from './records.ts';

/** Bytes of a StatPersisted in snapshots and in the digest of a znode. */
export const STAT_PERSISTED_BYTES = 60;

export function writeStat(writer: JuteWriter, stat: Stat): void {
  writer.writeExactLong(stat.czxid);
  writer.writeExactLong(stat.mzxid);
  writer.writeExactLong(stat.ctimeMs);
  writer.writeExactLong(stat.mtimeMs);
  writer.writeInt(stat.version);
  writer.writeInt(stat.cversion);
  writer.writeInt(stat.aversion);
  writer.writeLong(stat.ephemeralOwner);
  writer.writeInt(stat.dataLength);
  writer.writeInt(stat.numChildren);
  writer.writeExactLong(stat.pzxid);
}

export function readStat(reader: JuteReader): Stat {
  return {
    czxid: reader.readExactLong(),
    mzxid: reader.readExactLong(),
    ctimeMs: reader.readExactLong(),
    mtimeMs: reader.readExactLong(),
    version: reader.readInt(),
    cversion: reader.readInt(),
    aversion: reader.readInt(),
    ephemeralOwner: reader.readLong(),
    dataLength: reader.readInt(),
    numChildren: reader.readInt(),
    pzxid: reader.readExactLong(),
  };
}

export function writeStatPersisted(writer: JuteWriter, stat: StatPersisted): void {
  writer.writeExactLong(stat.czxid);
  writer.writeExactLong(stat.mzxid);
  writer.writeExactLong(stat.ctimeMs);
  writer.writeExactLong(stat.mtimeMs);
  writer.writeInt(stat.version);
  writer.writeInt(stat.cversion);
  writer.writeInt(stat.aversion);
  writer.writeLong(stat.ephemeralOwner);
  writer.writeExactLong(stat.pzxid);
}

export function readStatPersisted(reader: JuteReader): StatPersisted {
  return {
    czxid: reader.readExactLong(),
    mzxid: reader.readExactLong(),
    ctimeMs: reader.readExactLong(),
    mtimeMs: reader.readExactLong(),
    version: reader.readInt(),
    cversion: reader.readInt(),
    aversion: reader.readInt(),
    ephemeralOwner: reader.readLong(),
    pzxid: reader.readExactLong(),
  };
}

export function writeAcl(writer: JuteWriter, acl: readonly Acl[]): void {
  writer.writeInt(acl.length);
  for (const entry of acl) {
    writer.writeInt(entry.perms);
    writer.writeString(entry.scheme);
    writer.writeString(entry.id);
  }
}

/** A null list reads as an empty one, which no znode may have. */
export function readAcl(reader: JuteReader): Acl[] {
  const count = reader.readVectorLength(12);
  const acl: Acl[] = [];
  for (let i = 0; i < count; i++) {
    acl.push({ perms: reader.readInt(), scheme: reader.readString(), id: reader.readString() });
  }
  return acl;
}

export function writeIdentities(writer: JuteWriter, identities: readonly Identity[] | null): void {
  if (identities === null) {
    writer.writeInt(-1);
    return;
  }
  writer.writeInt(identities.length);
  for (const identity of identities) {
    writer.writeString(identity.scheme);
    writer.writeString(identity.id);
  }
}

export function readIdentities(reader: JuteReader): Identity[] | null {
  const count = reader.readVectorLength(8);
  if (count === -1) return null;
  const identities: Identity[] = [];
  for (let i = 0; i < count; i++) identities.push({ scheme: reader.readString(), id: reader.readString() });
  return identities;
}
