import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { PeerState, type Notification } from '../protocol/quorum.ts';
import { weightIn } from './membership.ts';
import type { Membership } from './types.ts';

/** Whom a server wants to lead, and in which round of election it says so. */
export interface Vote {
  readonly leader: ServerId;
  /** The last logged zxid of the proposed leader. */
  readonly zxid: Zxid;
  /** The current epoch of the proposed leader; once the leader is established, its new epoch. */
  readonly peerEpoch: number;
  readonly electionEpoch: number;
  /** The voter's {@link PeerState}. */
  readonly state: number;
}

/** What servers that propose nobody put in place of leader, zxid and epoch (Java's Long.MIN_VALUE; exact in a number). */
export const NOBODY = -(2 ** 63);

/** The zxid by which a voter says that it must not vote: others ignore the message, as ZooKeeper does. */
export const MAY_NOT_VOTE_ZXID: Zxid = -1;

/** FastLeaderElection's order of votes. A server of weight 0 never wins over another, and loses to any that has one. */
export function isBetter(memberships: readonly Membership[], candidate: Vote, current: Vote): boolean {
  if (weightIn(memberships, candidate.leader) === 0) return false;
  if (weightIn(memberships, current.leader) === 0) return true;
  if (candidate.peerEpoch !== current.peerEpoch) return candidate.peerEpoch > current.peerEpoch;
  if (candidate.zxid !== current.zxid) return candidate.zxid > current.zxid;
  return candidate.leader > current.leader;
}

/**
 * Whether two votes are for the same. Among servers that already follow or lead, leader and epoch decide: they may have
 * come to it in different rounds and with different zxids (ZOOKEEPER-1732, ZOOKEEPER-1805).
 */
export function isSameVote(a: Vote, b: Vote): boolean {
  if (a.leader !== b.leader || a.peerEpoch !== b.peerEpoch) return false;
  if (a.state !== PeerState.looking && b.state !== PeerState.looking) return true;
  return a.zxid === b.zxid && a.electionEpoch === b.electionEpoch;
}

export function voteOf(notification: Notification): Vote {
  const { leader, zxid, peerEpoch, electionEpoch, state } = notification;
  return { leader, zxid, peerEpoch, electionEpoch, state };
}
