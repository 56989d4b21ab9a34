import type { ServerId } from '../../../common/types.ts';
import { encodeUtf8 } from '../../../common/utf8.ts';
import type { Zxid } from '../../../common/zxid.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { encodeInt, encodeLearnerInfo } from '../../protocol/quorum-codec.ts';
import { PacketType, PeerState, QUORUM_PROTOCOL_VERSION, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { entryPacket, learnerInfoPacket, packet } from '../messages.ts';
import { createZabPeer } from '../peer.ts';
import type {
  LearnerConnection,
  LearnerStatus,
  Membership,
  RecoveredState,
  Ticket,
  ZabConfig,
  ZabInput,
  ZabPeer,
} from '../types.ts';
import { showOutput, showPacket, showZxid } from './trace.ts';

/** What a peer starts with, where it is not empty. */
export interface SoloOptions extends Partial<RecoveredState> {
  readonly membership: Membership;
  readonly serverId: ServerId;
  readonly mayVote?: boolean;
}

/** An entry whose transaction is a word. */
export function entry(zxid: Zxid, payload: string): LogEntry {
  return { zxid, bytes: encodeUtf8(payload) };
}

/** One peer alone: the test plays all the others, packet by packet, as another implementation would send them. */
export class Solo {
  readonly trace: string[] = [];
  readonly #peer: ZabPeer;
  #lastTicket: Ticket = 0;
  nowMs = 0;

  constructor(options: SoloOptions) {
    const { membership, serverId, mayVote = true } = options;
    const { acceptedEpoch = 0, currentEpoch = 0, lastZxid = 0, recentEntries = [], snapshotZxid = 0 } = options;
    const { configuration } = options;
    const config: ZabConfig = {
      membership,
      serverId,
      mayVote,
      tickTimeMs: 2000,
      initLimitTicks: 10,
      syncLimitTicks: 5,
      committedLogEntries: 500,
      readMembership: membership.text === '' ? undefined : readMembership,
    };
    const recovered = { acceptedEpoch, currentEpoch, lastZxid, recentEntries, snapshotZxid, configuration };
    this.#peer = createZabPeer(config, recovered);
    this.give('starts', { type: 'start' });
  }

  get nextDeadlineMs(): number {
    return this.#peer.nextDeadlineMs();
  }

  get learners(): readonly LearnerStatus[] {
    return this.#peer.learners();
  }

  /** The lines that a step of the test adds, without times. */
  linesOf(step: () => void): readonly string[] {
    const before = this.trace.length;
    step();
    return this.trace.slice(before).map((line) => line.trim());
  }

  give(what: string, input: ZabInput): void {
    this.trace.push(`${String(this.nowMs).padStart(6)} ${what}`);
    for (const output of this.#peer.step(input, this.nowMs)) {
      if (output.type === 'persist') this.#lastTicket = output.ticket;
      const line = showOutput(output);
      if (line !== undefined) this.trace.push(`           ${line}`);
    }
  }

  /** Moves the clock on, with a tick at each deadline. */
  wait(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.#peer.nextDeadlineMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.#peer.nextDeadlineMs());
      this.give('time passes', { type: 'tick' });
    }
    this.nowMs = endMs;
  }

  /** A server says that it follows, or leads with, this leader. */
  hear(from: ServerId, state: number, leader: ServerId, zxid: Zxid, peerEpoch: number, electionEpoch: number): void {
    const notification = { state, leader, zxid, peerEpoch, electionEpoch, config: '', nextConfig: '' };
    const name = Object.entries(PeerState).find(([, value]) => value === state)?.[0] ?? '?';
    const vote = `server ${leader}, epoch ${peerEpoch}, ${showZxid(zxid)}, round ${electionEpoch}`;
    this.give(`server ${from} is ${name} for ${vote}`, { type: 'vote', from, notification });
  }

  disk(): void {
    this.give('the disk is done', { type: 'persisted', ticket: this.#lastTicket });
  }

  /* as a learner */

  leader(...packets: readonly QuorumPacket[]): void {
    for (const each of packets) this.give(`leader: ${showPacket(each)}`, { type: 'leaderPacket', packet: each });
  }

  /* as a leader */

  learner(connection: LearnerConnection, ...packets: readonly QuorumPacket[]): void {
    for (const each of packets) {
      this.give(`learner #${connection}: ${showPacket(each)}`, { type: 'learnerPacket', connection, packet: each });
    }
  }

  learnerConnects(
    connection: LearnerConnection,
    serverId: ServerId,
    acceptedEpoch: number,
    observer = false,
    configVersion: Zxid = 0,
  ): void {
    this.give(`learner #${connection} connects`, { type: 'learnerConnected', connection });
    const info = { serverId, protocolVersion: QUORUM_PROTOCOL_VERSION, configVersion };
    this.learner(connection, learnerInfoPacket(observer, acceptedEpoch, info));
  }
}

/** Packets as ZooKeeper's leader and learners send them. */
export const send = {
  leaderInfo: (zxid: Zxid): QuorumPacket => packet(PacketType.leaderInfo, zxid, encodeInt(QUORUM_PROTOCOL_VERSION)),
  ackEpoch: (last: Zxid, currentEpoch: number): QuorumPacket =>
    packet(PacketType.ackEpoch, last, encodeInt(currentEpoch)),
  diff: (zxid: Zxid): QuorumPacket => packet(PacketType.diff, zxid),
  trunc: (zxid: Zxid): QuorumPacket => packet(PacketType.trunc, zxid),
  snap: (zxid: Zxid): QuorumPacket => packet(PacketType.snap, zxid),
  proposal: (each: LogEntry): QuorumPacket => entryPacket(PacketType.proposal, each),
  inform: (each: LogEntry): QuorumPacket => entryPacket(PacketType.inform, each),
  commit: (zxid: Zxid): QuorumPacket => packet(PacketType.commit, zxid),
  newLeader: (zxid: Zxid): QuorumPacket => packet(PacketType.newLeader, zxid, encodeUtf8('version=0')),
  upToDate: (): QuorumPacket => packet(PacketType.upToDate, -1),
  ack: (zxid: Zxid): QuorumPacket => packet(PacketType.ack, zxid),
  ping: (zxid: Zxid): QuorumPacket => packet(PacketType.ping, zxid),
  info: (serverId: ServerId, configVersion: Zxid): QuorumPacket =>
    packet(
      PacketType.followerInfo,
      0,
      encodeLearnerInfo({ serverId, protocolVersion: QUORUM_PROTOCOL_VERSION, configVersion }),
    ),
};
