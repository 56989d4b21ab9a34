import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnServer } from '../config/own-server.ts';
import type { ZooConfig } from '../config/zoo-cfg.ts';
import type { Logger } from '../../common/types.ts';
import type { DatabaseSnapshot } from '../database/types.ts';
import type { AdminAccess } from '../pipeline/admin-access.ts';
import type { ClientInfo, Inspection, EnsembleStatus, MemberStatus, ZxidDigest } from '../pipeline/types.ts';
import type { StorageMetrics } from '../storage/counters.ts';
import { VERSION_DIRECTORY } from './data-directory.ts';
import type { LearnerStatus } from '../zab/types.ts';
import type { MemberMeter } from './monitoring/member-meter.ts';
import type { RecoveryMeter } from './monitoring/recovery-meter.ts';
import type { RequestLatencies } from './monitoring/request-latencies.ts';
import type { StateMeter } from './monitoring/state-meter.ts';

/** What the four-letter words, the admin server and the metrics may look at. */
export interface ServerView {
  readonly config: ZooConfig;
  readonly own: OwnServer;
  /** Wall clock. */
  readonly startedAtMs: number;
  /** The UID of the Kubernetes pod that it runs in, where it was told. */
  readonly podUid: string | undefined;
  status(): MemberStatus;
  ensemble(): EnsembleStatus;
  clients(): readonly ClientInfo[];
  /** See {@link Member.inspect}. */
  inspect(): Inspection;
  /** Sets what is counted and timed back to nothing, as `srst` and `crst` ask. */
  resetStats(of: 'server' | 'clients'): void;
  storage(): StorageMetrics;
  /** See {@link Member.learners}. */
  learners(): readonly LearnerStatus[];
  readonly meter: MemberMeter;
  readonly stateMeter: StateMeter;
  readonly recoveryMeter: RecoveryMeter;
  readonly snapshotRequests: SnapshotRequests;
  readonly connections: ConnectionsView;
  readonly logger: Logger;
  /** See {@link Member.snapshot}. */
  snapshot(): DatabaseSnapshot | undefined;
  /** See {@link Member.digests}. */
  digests(): readonly ZxidDigest[] | undefined;
  /** Lets another server lead; nothing where this one does not. */
  handOver(): void;
  /** See {@link Member.adminAccess}. */
  adminAccess(authorization: string | undefined, address: string): AdminAccess;
}

/** How often administrators have asked for a snapshot. */
export interface SnapshotRequests {
  /** Refused because it was too soon. */
  refusedTooSoon: number;
}

/** What is known of clients' sockets. */
export interface ConnectionsView {
  readonly latencies: RequestLatencies;
  readonly count: number;
  readonly counts: ConnectionCounts;
  portOf(client: number): number;
}

/** Of clients' connections, since the start. */
export interface ConnectionCounts {
  /** Refused because there were too many. */
  readonly rejected: number;
  /** Those that said something whole. */
  readonly requested: number;
  /** Those that ended by themselves. */
  readonly dropped: number;
  /** Closed because nothing whole came for too long. */
  readonly silent: number;
  readonly bytesReceived: number;
  /** Of answers and events. */
  readonly bytesSent: number;
}

/** What a server is, in ZooKeeper's words. */
export type ServerState = 'leader' | 'follower' | 'observer' | 'standalone' | 'looking';

/** The state that `srvr`, `mntr` and `/status` name. */
export function serverState({ config, status }: Pick<ServerView, 'config' | 'status'>): ServerState {
  const { role } = status();
  switch (role.state) {
    case 'looking':
      return 'looking';
    case 'leading':
      return config.standalone ? 'standalone' : 'leader';
    case 'following':
      return 'follower';
    case 'observing':
      return 'observer';
  }
}

/** True while the server answers clients: it leads, follows or observes within a quorum. */
export function isServing(view: Pick<ServerView, 'status'>): boolean {
  const { role } = view.status();
  return role.state !== 'looking' && role.serving;
}

/** The bytes of the files in a data directory, like `du`: `dirs` and `conf` show them. */
export function directoryBytes(dataDir: string): number {
  const directory = join(dataDir, VERSION_DIRECTORY);
  try {
    return readdirSync(directory).reduce((sum, name) => sum + sizeOf(join(directory, name)), 0);
  } catch {
    return 0;
  }
}

/** 0 for a file that has just been purged. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Open and allowed file descriptors; Linux only, elsewhere undefined. */
export function fileDescriptors(): { readonly open: number; readonly max: number } | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const max = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return { open: readdirSync('/proc/self/fd').length, max: Number(max) };
  } catch {
    return undefined;
  }
}
