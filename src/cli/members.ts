import { CodedError } from '../common/errors.ts';
import type { Zxid } from '../common/zxid.ts';

/** A member that may be asked for a snapshot. */
export interface SnapshotSource {
  /** `host:port` of its admin port. */
  readonly address: string;
  /** Its version, where it said it. */
  readonly version: string | undefined;
}

/** How long a member may take to say how it is, in milliseconds. */
const STATUS_TIMEOUT_MS = 3_000;

/** A host or an address, in brackets where it has colons, and a port. */
const ADMIN_PORT = /^(\[[^\]]+\]|[^:/@?#]+):\d+$/;

/** What of `GET /status` says whether a member is a good source. */
interface Status {
  readonly state: string;
  readonly serving: boolean;
  readonly version: string;
  readonly zxid: Zxid;
}

/**
 * The admin ports that somebody names.
 *
 * @param servers `host:port,host:port`
 * @throws CodedError ZK_CLI_ARGUMENTS
 */
export function adminPorts(servers: string): string[] {
  const addresses = servers.split(',').map((address) => address.trim());
  for (const address of addresses) {
    if (!ADMIN_PORT.test(address) || !URL.canParse(`http://${address}/`)) {
      throw new CodedError('ZK_CLI_ARGUMENTS', `'${address}' is not an admin port: write --server host:8080`);
    }
  }
  return addresses;
}

/**
 * Members in the order in which they are to be asked for a snapshot: observers and followers before the leader, which has the
 * writes to look after; of those whoever has the newest writes first; and last those that did not say how they are.
 */
export async function snapshotSources(addresses: readonly string[]): Promise<SnapshotSource[]> {
  const known = await Promise.all(addresses.map(async (address) => ({ address, status: await statusOf(address) })));
  return known
    .toSorted((a, b) => turn(a.status) - turn(b.status) || (b.status?.zxid ?? 0) - (a.status?.zxid ?? 0))
    .map(({ address, status }) => ({ address, version: status?.version }));
}

function turn(status: Status | undefined): number {
  if (status === undefined || !status.serving) return 2;
  return status.state === 'leader' ? 1 : 0;
}

/** Apache ZooKeeper's members say nothing of the kind there, and are asked all the same. */
async function statusOf(address: string): Promise<Status | undefined> {
  try {
    const response = await fetch(`http://${address}/status`, { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
    if (!response.ok) return undefined;
    const { state, serving, version, lastZxid } = (await response.json()) as Record<string, unknown>;
    const zxid = Number(lastZxid);
    return { state: String(state), serving: serving === true, version: String(version), zxid };
  } catch {
    return undefined;
  }
}
