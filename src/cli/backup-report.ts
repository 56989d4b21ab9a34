import { formatZxid } from '../common/zxid.ts';
import type { TakenBackup } from './backup.ts';
import type { Restored } from './restore.ts';
import type { InspectedFile } from './snapshot-file.ts';

/** How a result is shown: for people, or for programs. */
export type OutputFormat = 'text' | 'json';

/** What is said, by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** What `zabctl backup` prints. */
export function backupFields(location: string, { stored, source }: TakenBackup): Fields {
  return {
    ...fileFields(location, stored),
    ...(source === undefined ? {} : { member: source.address, version: source.version }),
  };
}

/** What a stored file is. */
export function fileFields(location: string, { summary, bytes, sha256 }: InspectedFile): Fields {
  return {
    location,
    zxid: formatZxid(summary.zxid),
    znodes: summary.znodes,
    digest: formatDigest(summary.digest),
    bytes,
    sha256,
  };
}

/** What `zabctl inspect` prints. */
export function inspectFields(location: string, inspected: InspectedFile): Fields {
  const { summary, packing } = inspected;
  return {
    ...fileFields(location, inspected),
    digestChecked: summary.digestChecked,
    packing,
    bytesUnpacked: summary.fileBytes,
    bytesPathsAndData: summary.dataBytes,
    sessions: summary.sessions,
    ephemerals: summary.ephemerals,
    containers: summary.containers,
    ttlZnodes: summary.ttlZnodes,
    largestSubtrees: summary.subtrees,
  };
}

/** What `zabctl restore` prints. */
export function restoreFields(dataDir: string, { backup, digest }: Restored): Fields {
  const { zxid, znodes, ephemerals, sessions } = backup.summary;
  return {
    dataDir,
    zxid: formatZxid(zxid),
    znodes: znodes - ephemerals,
    digest: formatDigest(digest),
    droppedEphemerals: ephemerals,
    droppedSessions: sessions,
  };
}

/** The fields as one line of JSON, or as a line each. */
export function render(fields: Fields, format: OutputFormat): string {
  if (format === 'json') return `${JSON.stringify(fields)}\n`;
  return Object.entries(fields)
    .map(([name, value]) => `${name} = ${Array.isArray(value) ? rows(value as readonly Fields[]) : String(value)}\n`)
    .join('');
}

function rows(values: readonly Fields[]): string {
  return values
    .map(({ path, znodes, bytes }) => `\n  ${String(path)}  ${String(znodes)} znodes, ${String(bytes)} bytes`)
    .join('');
}

function formatDigest(digest: bigint): string {
  return `0x${BigInt.asUintN(64, digest).toString(16)}`;
}
