import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Notification, QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';

/**
 * The contract of the ZAB core: `step(input, nowMs)` returns what to do, in order. The core has no socket, file, clock
 * or timer. Whoever drives it carries out the outputs strictly in the order given, and feeds back what happens.
 *
 * Three rules make it safe, and every driver must keep them:
 * 1. `persist` outputs are carried out first in, first out, and the operations of one in their order; `persisted` with a
 *    ticket means that this one and all before it are durable (fdatasync has returned), and it is fed back only then.
 * 2. Bytes for one peer are delivered in order or the connection is reported as closed; nothing is delivered after that.
 * 3. A crash loses a tail of what was not yet reported as persisted (any tail: a prefix of the operations may survive,
 *    and so may a prefix of an append's entries), and the process starts again from {@link RecoveredState}.
 */

/** Identifies one connection between a leader and a learner, on the leader's side. Never used twice. */
export type LearnerConnection = number;

/** Identifies one `persist` output. Grows by one. */
export type Ticket = number;

/** How this server takes part. */
export type PeerRole = 'participant' | 'observer';

/** One server of the configuration. A weight of 0 never counts in a quorum. */
export interface PeerMember {
  readonly id: ServerId;
  readonly role: PeerRole;
}

/**
 * Decides what is a quorum. The version is the zxid of the configuration's transaction, 0 for a static one.
 * `majorityMembership` and `hierarchicalMembership` make one.
 */
export interface Membership {
  readonly version: Zxid;
  readonly members: readonly PeerMember[];
  /** True if the given voters are a quorum. Ids that are not voters are ignored. */
  isQuorum(ids: ReadonlySet<ServerId>): boolean;
  /** A voter's weight; 0 for one that never counts, for an observer and for a stranger. A server of weight 0 never leads. */
  weightOf(id: ServerId): number;
  /** The configuration's text for NEWLEADER and election messages; empty for none. */
  readonly text: string;
}

/** What a peer needs to know of its configuration. */
export interface ZabConfig {
  readonly serverId: ServerId;
  readonly membership: Membership;
  /** The unit of the limits below. */
  readonly tickTimeMs: number;
  /** Ticks that a learner may take to connect and synchronize. */
  readonly initLimitTicks: number;
  /** Ticks without a word after which a learner or a leader is given up. */
  readonly syncLimitTicks: number;
  /** How many committed entries the leader keeps in memory for DIFF (ZooKeeper's commitLogCount: 500). */
  readonly committedLogEntries: number;
  /**
   * False for a server whose disk was empty and which is not allowed to vote (`db.autocreate=false` and no `initialize`
   * file): it may follow and synchronize, but its votes and acknowledgements count for nobody until it has.
   *
   * It stays false over restarts until `currentEpoch` has been written once: a crash in the middle of the first
   * synchronization leaves a disk that is not empty but holds only a part of the history. So where `db.autocreate=false`:
   * `mayVote` = there is an `initialize` file, or the disk has a `currentEpoch` file.
   */
  readonly mayVote: boolean;
  /**
   * Reads a configuration's text, as log entries of reconfigurations and other servers' messages carry it. Undefined where
   * the configuration is fixed (reconfigEnabled=false): then all of these are passed over.
   * @throws CodedError ZK_CONFIG_INVALID for a text that is none.
   */
  readonly readMembership?: ((text: string) => Membership) | undefined;
}

/**
 * What the disk held at start. Whoever reads the disk fills in the epoch of `lastZxid` where an epoch's file is missing,
 * as ZooKeeper does. A current epoch older than that of `lastZxid` is possible and harmless: the server crashed while it
 * synchronized, after the history and before the epoch became durable (ZooKeeper refuses to start then, ZOOKEEPER-3037).
 */
export interface RecoveredState {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** The zxid of the last entry of log and snapshot. */
  readonly lastZxid: Zxid;
  /** The newest entries of the log, oldest first, without a gap, for DIFF. May be empty. */
  readonly recentEntries: readonly LogEntry[];
  /** The zxid of the snapshot that the log goes on from, 0 for none: the log cannot be cut before it. */
  readonly snapshotZxid: Zxid;
  /** The newest configuration in log and snapshot, committed or not. */
  readonly configuration?: string | undefined;
}

/** What happened. */
export type ZabInput =
  /** Begins the peer's life; must be the first input. */
  | { readonly type: 'start' }
  /** Time has passed: due no later than {@link ZabPeer.nextDeadlineMs}. */
  | { readonly type: 'tick' }
  /** An election message arrived. */
  | { readonly type: 'vote'; readonly from: ServerId; readonly notification: Notification }
  /** The leader's side: a learner connected, sent a packet, or its connection ended. */
  | { readonly type: 'learnerConnected'; readonly connection: LearnerConnection }
  | { readonly type: 'learnerPacket'; readonly connection: LearnerConnection; readonly packet: QuorumPacket }
  | { readonly type: 'learnerClosed'; readonly connection: LearnerConnection }
  /** A part of the snapshot that this learner is being sent has left: it is alive, however long the whole takes. */
  | { readonly type: 'learnerProgress'; readonly connection: LearnerConnection }
  /** The learner's side: the dial of `connectLeader` succeeded; a packet; the dial failed or the connection ended. */
  | { readonly type: 'leaderConnected' }
  | { readonly type: 'leaderPacket'; readonly packet: QuorumPacket }
  | { readonly type: 'leaderClosed'; readonly reason: string }
  /** A part of the snapshot after a SNAP packet arrived: the leader is alive, however long the whole takes. */
  | { readonly type: 'snapshotProgress' }
  /** The snapshot that followed a SNAP packet has arrived whole and is now the state, at the zxid of that packet. */
  | { readonly type: 'snapshotReceived'; readonly configuration?: string | undefined }
  /** The disk has done what this ticket asked, and everything before it. */
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  /**
   * `truncateAndReload` is done: log and state end at `lastZxid`. If that is not what was asked, the peer asks its leader
   * again.
   */
  | {
      readonly type: 'reloaded';
      readonly lastZxid: Zxid;
      readonly recentEntries: readonly LogEntry[];
      /** As in {@link RecoveredState}. */
      readonly snapshotZxid: Zxid;
      readonly configuration?: string | undefined;
    }
  /** The leader only: entries with zxids that follow the last proposed one without a gap. */
  | { readonly type: 'propose'; readonly entries: readonly LogEntry[] }
  /**
   * A serving leader only: answer with `leadershipConfirmed` once a quorum has answered a ping sent after this. No answer
   * comes if the leadership ends first, which a `role` output says.
   */
  | { readonly type: 'confirmLeadership'; readonly token: number }
  /**
   * A serving leader only: let the follower that is best up to date lead instead, as soon as everything proposed is
   * committed and that follower has all of it: what is proposed meanwhile puts it off. The peer then takes part in the
   * election and follows whoever was elected. Where no other voter serves (any more), it elects anew at once.
   */
  | { readonly type: 'handOver' }
  /** Give up leading or following now and elect again (counter about to overflow, disk slow). */
  | { readonly type: 'stepDown'; readonly reason: string };

/** One thing for the disk. */
export type PersistOperation =
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'acceptedEpoch'; readonly epoch: number }
  | { readonly type: 'currentEpoch'; readonly epoch: number }
  /**
   * The state that came by SNAP: write it as a snapshot at `zxid`, make it durable, and only then drop every log entry
   * beyond `zxid`. Entries before it may belong to a history that was given up: an older snapshot with them must never
   * be recovered from again, so they, and older snapshots, are best dropped as well.
   */
  | { readonly type: 'installSnapshot'; readonly zxid: Zxid };

/** What to do, in order. */
export type ZabOutput =
  /**
   * A vote is not worth queueing: the driver keeps the newest for each server, and sends it (again) whenever a connection
   * to that server comes up, as ZooKeeper does.
   */
  | { readonly type: 'sendVote'; readonly to: ServerId; readonly notification: Notification }
  /** Dial the leader; answered by `leaderConnected` or `leaderClosed`. May be asked again after `leaderClosed`. */
  | { readonly type: 'connectLeader'; readonly leader: ServerId }
  /** Ends or gives up the connection to the leader; no `leaderClosed` follows. */
  | { readonly type: 'disconnectLeader' }
  | { readonly type: 'sendToLeader'; readonly packet: QuorumPacket }
  /** The same packet to each of these learners. */
  | {
      readonly type: 'sendToLearners';
      readonly connections: readonly LearnerConnection[];
      readonly packet: QuorumPacket;
    }
  /**
   * The state as it is now (everything delivered so far, nothing more), after a SNAP packet that was just sent. Packets
   * for this learner that are sent later follow behind the snapshot.
   */
  | { readonly type: 'sendSnapshot'; readonly connection: LearnerConnection }
  /** Ends a learner's connection; no `learnerClosed` follows. */
  | { readonly type: 'closeLearner'; readonly connection: LearnerConnection; readonly reason: string }
  | { readonly type: 'persist'; readonly ticket: Ticket; readonly operations: readonly PersistOperation[] }
  /**
   * Apply this entry to the state. Entries come in zxid order without a gap. `committed` is false for what is logged
   * but not known to be committed when a peer stops following: it becomes part of the state that the peer stands for
   * election with, and must be answered to no client.
   */
  | { readonly type: 'deliver'; readonly entry: LogEntry; readonly committed: boolean }
  /** A SNAP packet came: what follows on the connection is a snapshot; `snapshotReceived` when it is there. */
  | { readonly type: 'receiveSnapshot'; readonly zxid: Zxid }
  /**
   * Cut the log behind `zxid`, durably and after all that was persisted before, and load the state from the disk again;
   * then `reloaded`. The last output of its step. Inputs that come before `reloaded` are kept by the peer.
   */
  | { readonly type: 'truncateAndReload'; readonly zxid: Zxid }
  /**
   * This configuration is committed, and in force from here on. It must be durable before anything that comes after this
   * output is carried out: {@link ZabConfig.membership} at the next start.
   */
  | { readonly type: 'configuration'; readonly membership: Membership }
  /**
   * This configuration is logged, here or elsewhere, and not known to be committed. Its servers may have to be reached, now
   * or before it is in force.
   */
  | { readonly type: 'nextConfiguration'; readonly membership: Membership }
  /** Where the peer stands. `looking` ends everything that served clients. */
  | { readonly type: 'role'; readonly role: ZabRole }
  /** A packet for the layer above: on the leader REQUEST, REVALIDATE, SYNC, PING from a learner that is synchronized. */
  | {
      readonly type: 'fromLearner';
      readonly connection: LearnerConnection;
      readonly server: ServerId;
      readonly packet: QuorumPacket;
    }
  /**
   * On a serving learner, a packet for the layer above: PING, REVALIDATE, SYNC. The layer above answers every PING
   * exactly once and in order, through a `sendToLeader` of its own: a PING with the same zxid, and as data the sessions
   * touched since the last. The leader counts these echoes to know that it still leads.
   */
  | { readonly type: 'fromLeader'; readonly packet: QuorumPacket }
  | { readonly type: 'leadershipConfirmed'; readonly token: number }
  /** Something worth a line in the log. */
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

/** Where a peer stands. `serving`: it may serve clients (leader with a quorum behind it, learner after UPTODATE). */
export type ZabRole =
  | { readonly state: 'looking' }
  | {
      readonly state: 'following' | 'observing';
      readonly leader: ServerId;
      readonly serving: boolean;
      readonly epoch: number;
    }
  | { readonly state: 'leading'; readonly serving: boolean; readonly epoch: number };

/** What a leader knows of one of its learners, for people and metrics. */
export interface LearnerStatus {
  readonly connection: LearnerConnection;
  readonly serverId: ServerId;
  /** Whether it counts in quorums. */
  readonly isVoter: boolean;
  /** Whether it came as an observer. */
  readonly isObserver: boolean;
  /** Whether it has synchronized and may serve clients. */
  readonly serving: boolean;
  /** Up to where it has everything, as far as this leader knows: an observer says it with its pings only. */
  readonly heldZxid: Zxid;
}

/** The state machine. */
export interface ZabPeer {
  /** @throws CodedError ZK_ASSERTION where the driver or the core broke an invariant: stop the process. */
  step(input: ZabInput, nowMs: number): readonly ZabOutput[];
  /** When the next `tick` is due, in the same monotonic milliseconds; Infinity for never. */
  nextDeadlineMs(): number;
  /** The learners of a leader; none on any other server. */
  learners(): readonly LearnerStatus[];
  /** Whether this server counts: a participant of the configuration in force whose disk holds what it once promised. */
  isVoting(): boolean;
}
