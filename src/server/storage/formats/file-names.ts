import { EPOCH_MAX, type Zxid } from '../../../common/zxid.ts';

/**
 * In the data directory, and hidden from whoever clears that: this server has belonged to an ensemble before, and must get what it
 * had from the others. Not of ZooKeeper's, which has no such file and ignores it.
 */
export const MEMBER_FILE = '.member';

/** In the data directory: this server may vote although it has no data (`db.autocreate=false`), to begin a new ensemble. ZooKeeper's. */
export const INITIALIZE_FILE = 'initialize';

/** How a snapshot file is packed, told by the end of its name. */
export type SnapshotPacking = 'plain' | 'gzip' | 'snappy';

/** A file whose name carries a zxid: a log's first entry, a snapshot's last one, a configuration's version. */
export interface LogFileName {
  readonly name: string;
  readonly zxid: Zxid;
}

export interface SnapshotFileName extends LogFileName {
  readonly packing: SnapshotPacking;
}

const LARGEST_ZXID = EPOCH_MAX * 2 ** 32 + 0xffff_ffff;
const SNAPSHOT_PATTERNS: readonly (readonly [SnapshotPacking, RegExp])[] = [
  ['plain', /^snapshot\.([0-9a-f]+)$/],
  ['gzip', /^snapshot\.([0-9a-f]+)\.gz$/],
  ['snappy', /^snapshot\.([0-9a-f]+)\.snappy$/],
];

export function logName(firstZxid: Zxid): string {
  return `log.${firstZxid.toString(16)}`;
}

export function snapshotName(zxid: Zxid): string {
  return `snapshot.${zxid.toString(16)}`;
}

/**
 * A snapshot being written. Not `snapshot.<zxid>.tmp`: Apache ZooKeeper takes every name that starts with
 * `snapshot.<zxid>` for a snapshot.
 */
export function savingName(zxid: Zxid): string {
  return `saving.${zxid.toString(16)}`;
}

/** A leader's snapshot being written: once it is whole it replaces snapshot and log, also after a crash. */
export function installingName(zxid: Zxid): string {
  return `installing.${zxid.toString(16)}`;
}

/** A snapshot that could not be read, kept for people. */
export function damagedName(name: string): string {
  return `damaged-${name}`;
}

/** The log files among the names, oldest first. */
export function logFiles(names: readonly string[]): LogFileName[] {
  return names.flatMap((name) => parse(name, /^log\.([0-9a-f]+)$/)).sort(byZxid);
}

/** The snapshots among the names, newest first. */
export function snapshotFiles(names: readonly string[]): SnapshotFileName[] {
  return SNAPSHOT_PATTERNS.flatMap(([packing, pattern]) =>
    names.flatMap((name) => parse(name, pattern)).map(({ name, zxid }) => ({ name, zxid, packing })),
  ).sort((a, b) => byZxid(b, a));
}

/** Snapshots of leaders that were being installed when the process ended. */
export function installingFiles(names: readonly string[]): LogFileName[] {
  return names.flatMap((name) => parse(name, /^installing\.([0-9a-f]+)$/)).sort(byZxid);
}

/** The name of a configuration that a reconfiguration led to, in the data directory itself. */
export function dynamicConfigurationName(version: Zxid): string {
  return `zoo.cfg.dynamic.${version.toString(16)}`;
}

/** Such files among the names, newest first. */
export function dynamicConfigurationFiles(names: readonly string[]): LogFileName[] {
  return names.flatMap((name) => parse(name, /^zoo\.cfg\.dynamic\.([0-9a-f]{1,14})$/)).sort((a, b) => byZxid(b, a));
}

/** What a crash can leave behind and nobody needs: ours, and the `.tmp` files of Apache ZooKeeper. */
export function isLeftover(name: string): boolean {
  return /^saving\.[0-9a-f]+$/.test(name) || /^(?:snapshot\..*|currentEpoch|acceptedEpoch)\.tmp$/.test(name);
}

function parse(name: string, pattern: RegExp): LogFileName[] {
  const digits = pattern.exec(name)?.[1];
  if (digits === undefined) return [];
  const zxid = Number.parseInt(digits, 16);
  return zxid <= LARGEST_ZXID ? [{ name, zxid }] : [];
}

function byZxid(a: LogFileName, b: LogFileName): number {
  return a.zxid - b.zxid;
}
