import type { ServerId, SessionId } from '../../common/types.ts';
import type { DatabaseSnapshot } from '../database/types.ts';
import type { ChangeMembership } from './prepare-context.ts';
import type { Notification, QuorumPacket } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { LearnerConnection, LearnerStatus, Ticket, ZabConfig, ZabRole } from '../zab/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { AdminAccess } from './admin-access.ts';

/**
 * The contract of a whole member as a pure state machine: ZAB, the data tree, sessions and the way of a request, put
 * together. Production drives it with sockets and files, the simulator with simulated ones; both carry out the outputs
 * in order. The rules of zab/types.ts hold here as well.
 */

/** Identifies one client connection. Never used twice. */
export type ClientId = number;

/** The two clocks of a step: one that only moves forward, for limits; and the wall clock, for ctime and mtime. */
export interface Now {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** What a member needs to know of its configuration. */
export interface MemberConfig {
  /** Its `mayVote` comes with the `start` input. */
  readonly zab: Omit<ZabConfig, 'mayVote'>;
  /** Smallest and largest session timeout that is granted. */
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** The longest frame or data accepted (jute.maxbuffer). */
  readonly maxFrameBytes: number;
  /** Requests of clients in the pipeline above which reading from clients pauses (globalOutstandingLimit). */
  readonly outstandingRequestsMax: number;
  /** A snapshot is taken after about this many transactions (snapCount; randomised between a half and the whole). */
  readonly snapshotEveryTransactions: number;
  /** Or after about this many bytes of the log, likewise: the volume must hold what is kept of it, however large the data are. */
  readonly snapshotEveryBytes?: number;
  /** What the watches of all clients may take before those with the most get no more; undefined for any amount. */
  readonly watchBytesMax?: number;
  readonly skipAcl: boolean;
  /** SHA-1 digest `user:base64` of the super user (DigestAuthenticationProvider.superDigest), if any. */
  readonly superDigest: string | undefined;
  /** TTL znodes may be created (zookeeper.extendedTypesEnabled). */
  readonly extendedTypesEnabled: boolean;
  /** After how many zxids of an epoch a new one begins; undefined for nearly all that there are. A simulated life has fewer. */
  readonly zxidsPerEpoch?: number;
  /** How often a leader looks for containers and TTL znodes to remove; undefined for once a minute. A simulated life is short. */
  readonly reapIntervalMs?: number;
  /** What a client is given in one step before it has to take it; undefined for the usual. A simulated life has less. */
  readonly answerBytesPerStep?: number;
  /** Keep the digest of the tree (digest.enabled), see {@link Member.digests}. */
  readonly keepDigest?: boolean;
  /** Works out what a reconfig request leads to; undefined where the configuration is fixed (reconfigEnabled=false). */
  readonly changeMembership?: ChangeMembership | undefined;
}

export type MemberInput =
  /**
   * The first input, after the disk was recovered into {@link Member.recovery}. `mayVote`: see ZabConfig.mayVote.
   */
  | {
      readonly type: 'start';
      readonly acceptedEpoch: number;
      readonly currentEpoch: number;
      readonly mayVote: boolean;
    }
  | { readonly type: 'tick' }
  /* clients */
  | { readonly type: 'clientConnected'; readonly client: ClientId; readonly address: string }
  /** One frame without its length prefix. The bytes may be kept: the driver does not reuse the memory. */
  | { readonly type: 'clientFrame'; readonly client: ClientId; readonly frame: Uint8Array }
  | { readonly type: 'clientClosed'; readonly client: ClientId }
  /** A client that is held has taken what it was sent. */
  | { readonly type: 'clientDrained'; readonly client: ClientId }
  /* the ensemble */
  | { readonly type: 'vote'; readonly from: ServerId; readonly notification: Notification }
  | { readonly type: 'learnerConnected'; readonly connection: LearnerConnection }
  | { readonly type: 'learnerPacket'; readonly connection: LearnerConnection; readonly packet: QuorumPacket }
  | { readonly type: 'learnerClosed'; readonly connection: LearnerConnection }
  /** A part of the snapshot that this learner is being sent has left for its socket. */
  | { readonly type: 'learnerProgress'; readonly connection: LearnerConnection }
  | { readonly type: 'leaderConnected' }
  | { readonly type: 'leaderPacket'; readonly packet: QuorumPacket }
  /** A piece of the snapshot that follows a SNAP packet; `end` when the signature has been read behind it. */
  | { readonly type: 'leaderSnapshot'; readonly bytes: Uint8Array; readonly end: boolean }
  | { readonly type: 'leaderClosed'; readonly reason: string }
  /* the disk */
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  | { readonly type: 'snapshotSaved'; readonly zxid: Zxid }
  /** The answer to `truncateAndReload`: the member has been given the state through {@link Member.recovery}. */
  | { readonly type: 'reloaded' }
  /** Stop serving: finish what can be finished, close clients. Outputs `stopped` at the end. */
  | { readonly type: 'stop' }
  /** Lets a synchronized follower lead instead, if this member leads and there is one. */
  | { readonly type: 'handOver' };

/** A snapshot's bytes, produced bit by bit as the driver asks (structurally storage's SnapshotSource). */
export interface StateSnapshot {
  readonly zxid: Zxid;
  next(maxBytes: number): Uint8Array | undefined;
  digest(): bigint | undefined;
  /** Lets go of a snapshot that will not be read to its end. */
  close(): void;
}

/** Operations for the disk: ZAB's, with the snapshot's bytes filled in (structurally storage's StorageOperation). */
export type MemberPersistOperation =
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'acceptedEpoch'; readonly epoch: number }
  | { readonly type: 'currentEpoch'; readonly epoch: number }
  | { readonly type: 'installSnapshot'; readonly source: StateSnapshot };

export type MemberOutput =
  /* clients */
  /** Whole frames, length prefixes included, ready for the socket. */
  | { readonly type: 'toClient'; readonly client: ClientId; readonly bytes: Uint8Array }
  /** Close after everything sent so far has left. No `clientClosed` follows. */
  | { readonly type: 'closeClient'; readonly client: ClientId; readonly reason: string }
  /** Stop, or go on, reading from clients, those to come included. */
  | { readonly type: 'pauseClients'; readonly paused: boolean }
  /**
   * Stop, or go on, reading from this client, which has asked for more than it takes. While it is held, `clientDrained` is due
   * whenever something was sent to it and has left.
   */
  | { readonly type: 'holdClient'; readonly client: ClientId; readonly held: boolean }
  /* the ensemble */
  | { readonly type: 'sendVote'; readonly to: ServerId; readonly notification: Notification }
  | { readonly type: 'connectLeader'; readonly leader: ServerId }
  | { readonly type: 'disconnectLeader' }
  | { readonly type: 'sendToLeader'; readonly packet: QuorumPacket }
  | {
      readonly type: 'sendToLearners';
      readonly connections: readonly LearnerConnection[];
      readonly packet: QuorumPacket;
    }
  /** Stream this snapshot and the signature to the learner before any later packet to it. */
  | { readonly type: 'sendSnapshot'; readonly connection: LearnerConnection; readonly source: StateSnapshot }
  | { readonly type: 'closeLearner'; readonly connection: LearnerConnection; readonly reason: string }
  /* the disk */
  | { readonly type: 'persist'; readonly ticket: Ticket; readonly operations: readonly MemberPersistOperation[] }
  | { readonly type: 'saveSnapshot'; readonly source: StateSnapshot }
  /**
   * Storage: truncate to `zxid`, recover into {@link Member.recovery}, then input `reloaded`. Nothing else may
   * be given to the member between.
   */
  | { readonly type: 'truncateAndReload'; readonly zxid: Zxid }
  /**
   * This configuration is in force. It must be durable before the outputs behind this one are carried out: the next start
   * begins with it ({@link ZabConfig.membership}).
   */
  | { readonly type: 'configuration'; readonly text: string; readonly version: Zxid }
  /** The servers of this configuration may have to be reached, though it is not (yet) in force. */
  | { readonly type: 'nextConfiguration'; readonly text: string }
  /* people */
  | { readonly type: 'role'; readonly role: ZabRole }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'stopped' };

/** Numbers for srvr, mntr, /status and metrics. */
export interface MemberStatus {
  readonly role: ZabRole;
  readonly lastZxid: Zxid;
  readonly epoch: number;
  readonly znodes: number;
  readonly ephemerals: number;
  readonly watches: number;
  readonly dataBytes: number;
  readonly sessions: number;
  readonly clients: number;
  readonly outstandingRequests: number;
  /** On a serving leader: sync requests that wait for their answer. */
  readonly pendingSyncs: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly counts: Readonly<MemberCounts>;
}

/** A synchronized learner of this leader, for people and the operator. */
export interface SyncedLearner {
  readonly id: ServerId;
  /** `joining`: in no configuration (yet, or any more). */
  readonly role: 'follower' | 'observer' | 'joining';
  /** How many committed transactions it is behind. */
  readonly lag: number;
}

/** What a member knows of its ensemble. */
export interface EnsembleStatus {
  /** Whether this server counts in quorums: a participant of the configuration in force that has what it once promised. */
  readonly voting: boolean;
  /** In the order of their ids; undefined on a server that does not lead and serve. */
  readonly learners: readonly SyncedLearner[] | undefined;
}

/** One open client connection, for `cons` and `stat`. */
export interface ClientInfo {
  readonly client: ClientId;
  readonly address: string;
  readonly sessionId: bigint;
  readonly timeoutMs: number;
  readonly received: number;
  readonly sent: number;
  readonly outstanding: number;
}

/** Takes in what the disk holds, at start and at a reload (structurally storage's RecoveryReceiver). */
export interface StateReceiver {
  begin(): void;
  snapshotChunk(bytes: Uint8Array): void;
  snapshotEnd(zxid: Zxid, digest: bigint | undefined): void;
  entry(entry: LogEntry): void;
}

/** Looks on: for checkers that compare what members apply, and for metrics. */
export interface MemberObserver {
  applied(entry: LogEntry, committed: boolean): void;
  /** Clients are served from here on: all that was applied is committed. */
  serves(): void;
  /** While clients are served: a committed transaction has been applied, `ageMs` after its leader made it, by two clocks. */
  committed(ageMs: number): void;
  /** Clients are told of an event (an EventType), in a frame of `bytes` for each. */
  told(eventType: number, clients: number, bytes: number): void;
}

/** What has happened since the start, for metrics. */
export interface MemberCounts {
  /** Clients that came with a session that they had. */
  sessionsRenewed: number;
  /** Sessions that this member, as the leader, has closed because nothing was heard of them. */
  sessionsExpired: number;
  authFailures: number;
}

/** The digest of the whole tree behind one transaction; the same on every server that has it. */
export interface ZxidDigest {
  readonly zxid: Zxid;
  readonly digest: bigint;
}

/** A look at the state, for people; valid until the next step. */
export interface Inspection {
  /** Session id -> granted timeout in milliseconds. */
  readonly sessions: ReadonlyMap<SessionId, number>;
  /** The paths of a session's ephemerals. */
  readonly ephemerals: (session: SessionId) => ReadonlySet<string>;
  /** The paths that a client watches. */
  readonly watchedPaths: (client: ClientId) => readonly string[];
  /** How many paths are watched, and how many clients watch any. */
  readonly watchedPathCount: number;
  readonly watcherCount: number;
}

export interface Member {
  readonly recovery: StateReceiver;
  /**
   * Takes everything that happened in one turn of the event loop and returns what to do, in order. Requests that came
   * together are proposed, logged and acknowledged together: this is where group commit begins.
   */
  step(inputs: readonly MemberInput[], now: Now): readonly MemberOutput[];
  nextDeadlineMs(): number;
  status(): MemberStatus;
  ensemble(): EnsembleStatus;
  clients(): readonly ClientInfo[];
  inspect(): Inspection;
  /** Digests of the tree as it was behind every 128th transaction, oldest first; undefined where none are kept. */
  digests(): readonly ZxidDigest[] | undefined;
  /** The learners of a leader that it knows by their ids; none on any other server. */
  learners(): readonly LearnerStatus[];
  /**
   * The state as it is between two steps, to be read bit by bit while steps go on; undefined while this member does not
   * serve, because only then all of its state is committed. To be read to its end or closed.
   */
  snapshot(): DatabaseSnapshot | undefined;
  /** Whether a request of the admin port with this Authorization header may do what only administrators may. */
  adminAccess(authorization: string | undefined, address: string): AdminAccess;
}
