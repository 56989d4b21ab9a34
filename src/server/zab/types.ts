import type { ServerId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Notification, QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';

/**
 * The contract of the ZAB core: `step(input, nowMs)` returns what to do, in order. The core has no socket, file, clock
 * or timer. Whoever drives it carries out the outputs strictly in the order given, and feeds back what happens.
 *
 * Three rules make it safe, and every driver must keep them:
 * 1. `persist` outputs are carried out first in, first out; `persisted` with a ticket means that this one and all before
 *    it are durable (fdatasync has returned), and it is fed back only then.
 * 2. Bytes for one peer are delivered in order or the connection is reported as closed; nothing is delivered after that.
 * 3. A crash loses everything that was not persisted, and the process starts again from {@link RecoveredState}.
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

/** Decides what is a quorum. The version is the zxid of the configuration's transaction, 0 for a static one. */
export interface Membership {
  readonly version: Zxid;
  readonly members: readonly PeerMember[];
  /** True if the given voters are a quorum. Ids that are not voters are ignored. */
  isQuorum(ids: ReadonlySet<ServerId>): boolean;
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
   */
  readonly mayVote: boolean;
}

/** What the disk held at start. */
export interface RecoveredState {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** The zxid of the last entry of log and snapshot. */
  readonly lastZxid: Zxid;
  /** The newest entries of the log, oldest first, without a gap, for DIFF. May be empty. */
  readonly recentEntries: readonly LogEntry[];
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
  /** The learner's side: the dial of `connectLeader` succeeded; a packet; the dial failed or the connection ended. */
  | { readonly type: 'leaderConnected' }
  | { readonly type: 'leaderPacket'; readonly packet: QuorumPacket }
  | { readonly type: 'leaderClosed'; readonly reason: string }
  /** The snapshot that followed a SNAP packet has arrived whole and is now the state, at the zxid of that packet. */
  | { readonly type: 'snapshotReceived' }
  /** The disk has done what this ticket asked, and everything before it. */
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  /** `truncateAndReload` is done: log and state end at `lastZxid`, which is what was asked. */
  | { readonly type: 'reloaded'; readonly lastZxid: Zxid; readonly recentEntries: readonly LogEntry[] }
  /** The leader only: entries with zxids that follow the last proposed one without a gap. */
  | { readonly type: 'propose'; readonly entries: readonly LogEntry[] }
  /** The leader only: answer with `leadershipConfirmed` once a quorum has answered a ping sent after this. */
  | { readonly type: 'confirmLeadership'; readonly token: number }
  /** Give up leading or following now and elect again (counter about to overflow, disk slow, hand-over). */
  | { readonly type: 'stepDown'; readonly reason: string };

/** One thing for the disk. */
export type PersistOperation =
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'acceptedEpoch'; readonly epoch: number }
  | { readonly type: 'currentEpoch'; readonly epoch: number }
  /**
   * The state that came by SNAP: write it as a snapshot at `zxid`, make it durable, and only then drop every log entry
   * beyond `zxid`.
   */
  | { readonly type: 'installSnapshot'; readonly zxid: Zxid };

/** What to do, in order. */
export type ZabOutput =
  | { readonly type: 'sendVote'; readonly to: ServerId; readonly notification: Notification }
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
  /** The state as it is now (everything delivered so far, nothing more), after a SNAP packet that was just sent. */
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
  /** Cut the log behind `zxid`, durably, and load the state from the disk again; then `reloaded`. */
  | { readonly type: 'truncateAndReload'; readonly zxid: Zxid }
  /** Where the peer stands. `looking` ends everything that served clients. */
  | { readonly type: 'role'; readonly role: ZabRole }
  /** A packet for the layer above: on the leader REQUEST, REVALIDATE, SYNC, PING from a learner that is synchronized. */
  | {
      readonly type: 'fromLearner';
      readonly connection: LearnerConnection;
      readonly server: ServerId;
      readonly packet: QuorumPacket;
    }
  /** The layer above may answer a leader's PING through `sendToLeader` of its own (the sessions touched since the last). */
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

/** The state machine. */
export interface ZabPeer {
  /** @throws CodedError ZK_ASSERTION where the driver or the core broke an invariant: stop the process. */
  step(input: ZabInput, nowMs: number): readonly ZabOutput[];
  /** When the next `tick` is due, in the same monotonic milliseconds; Infinity for never. */
  nextDeadlineMs(): number;
}
