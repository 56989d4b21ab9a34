import type { Identity } from './records.ts';
import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';

/** Types of the packets between a leader and its learners (Leader.java's constants). */
export const PacketType = {
  request: 1,
  proposal: 2,
  ack: 3,
  commit: 4,
  ping: 5,
  revalidate: 6,
  sync: 7,
  inform: 8,
  commitAndActivate: 9,
  newLeader: 10,
  followerInfo: 11,
  upToDate: 12,
  diff: 13,
  trunc: 14,
  snap: 15,
  observerInfo: 16,
  leaderInfo: 17,
  ackEpoch: 18,
  informAndActivate: 19,
} as const;

/** One packet between a leader and a learner. Null data is ZooKeeper's length -1. */
export interface QuorumPacket {
  readonly type: number;
  readonly zxid: Zxid;
  readonly data: Uint8Array | null;
  readonly authinfo: readonly Identity[] | null;
}

/** The data of FOLLOWERINFO and OBSERVERINFO. */
export interface LearnerInfo {
  readonly serverId: ServerId;
  readonly protocolVersion: number;
  readonly configVersion: Zxid;
}

/** The protocol version that LEADERINFO and LearnerInfo carry. */
export const QUORUM_PROTOCOL_VERSION = 0x10000;

/** The string that ends a snapshot on a learner's connection. */
export const SNAPSHOT_SIGNATURE = 'BenWasHere';

/** What a server is doing, as election messages say it. */
export const PeerState = { looking: 0, following: 1, leading: 2, observing: 3 } as const;

/** A leader election message (FastLeaderElection.Notification). */
export interface Notification {
  /** A {@link PeerState}. */
  readonly state: number;
  /** The proposed leader; -2^63 (exact in a number) from servers that propose nobody. */
  readonly leader: ServerId;
  readonly zxid: Zxid;
  /** The sender's round of election (its logical clock). */
  readonly electionEpoch: number;
  /** The epoch of the proposed leader. */
  readonly peerEpoch: number;
  /** The sender's configuration in ZooKeeper's text form; empty where it was not sent. */
  readonly config: string;
  /** A newer configuration in the sender's log that it does not know to be committed; empty for none. Ours alone send it. */
  readonly nextConfig: string;
}
