import type { ServerId } from '../../../common/types.ts';
import type { Zxid } from '../../../common/zxid.ts';
import type { Notification } from '../../protocol/quorum.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import type { Membership, ZabPeer, ZabRole } from '../types.ts';
import { TestDisk } from './disk.ts';

/** One server: a pure peer, a disk that survives crashes, and a state made of what was delivered. */
export class TestServer {
  readonly id: ServerId;
  readonly disk = new TestDisk();
  /** Undefined while the server is down. */
  peer: ZabPeer | undefined;
  role: ZabRole = { state: 'looking' };
  state: LogEntry[] = [];
  /** What was delivered as committed, over all lives. */
  readonly committed: LogEntry[] = [];
  readonly confirmed: number[] = [];
  /** The last that it proposed as a leader. */
  proposed: Zxid = 0;
  /** While true the disk does nothing. */
  diskHeld = false;
  /** The newest message of each other server that has not arrived yet. */
  readonly votes = new Map<ServerId, Notification>();
  incarnation = 0;
  /** The configuration in force, which outlives a crash. */
  membership: Membership;

  constructor(id: ServerId, membership: Membership) {
    this.membership = membership;
    this.id = id;
  }
}
