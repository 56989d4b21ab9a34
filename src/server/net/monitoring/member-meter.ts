import { epochOf, type Zxid } from '../../../common/zxid.ts';
import type { MemberInput, MemberOutput, Now } from '../../pipeline/types.ts';
import { PacketType, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LearnerConnection, Ticket, ZabRole } from '../../zab/types.ts';
import { Summary } from './summary.ts';

/** Batches that wait for acknowledgements, at most: a learner further behind is not measured. */
const BATCHES_MAX = 1024;

/** Where the header of a proposed transaction has the wall clock of its leader: behind session, cxid and zxid. */
const HEADER_TIME_OFFSET = 20;

/**
 * Looks on at what goes into a member and comes out of it, and measures. Proposals of one turn are one batch: it is timed once,
 * by its last proposal.
 */
export class MemberMeter {
  /* elections */
  readonly electionMs = new Summary();
  readonly unavailableMs = new Summary();
  readonly leaderUnavailableMs = new Summary();
  readonly followerSyncMs = new Summary();
  readonly observerSyncMs = new Summary();
  lookingCount = 0;
  /** Since when this server leads and serves, monotonic. */
  leadingSinceMs: number | undefined;

  /* a leader */
  readonly quorumAckMs = new Summary();
  readonly ackMs = new Map<LearnerConnection, Summary>();
  readonly proposalBytes = new Summary();
  lastProposalBytes = 0;
  proposals = 0;
  commits = 0;
  diffs = 0;
  snapshots = 0;
  revalidations = 0;

  /* a learner */
  readonly proposalLatencyMs = new Summary();
  proposalsReceived = 0;
  commitsReceived = 0;

  /* the log */
  readonly persistMs = new Summary();
  readonly batchEntries = new Summary();
  readonly queueLength = new Summary();
  entriesQueued = 0;

  /* clients */
  pauses = 0;

  #role: ZabRole = { state: 'looking' };
  #lookingSinceMs: number | undefined;
  #unavailableSinceMs: number | undefined;
  #synchronizingSinceMs = 0;
  readonly #persistingSinceMs = new Map<Ticket, number>();
  /** When the batch that ends with this proposal was sent, oldest first. */
  readonly #batches = new Map<Zxid, number>();
  #uncommitted: Zxid[] = [];
  #lastProposed: Zxid = 0;
  /** When the batch that is being proposed was begun. */
  #openSinceMs: number | undefined;
  #lastCommitted: Zxid = 0;
  #proposalTimedAtMs = 0;

  constructor(nowMs: number) {
    this.#lookingSinceMs = nowMs;
    this.#unavailableSinceMs = nowMs;
  }

  /** Something happened to the member. */
  input(input: MemberInput, { monotonicMs: nowMs, wallMs }: Now): void {
    switch (input.type) {
      case 'persisted':
        this.#persisted(input.ticket, nowMs);
        break;
      case 'learnerPacket':
        if (input.packet.type === PacketType.ack) this.#acknowledged(input.connection, input.packet.zxid, nowMs);
        else if (input.packet.type === PacketType.revalidate) this.revalidations++;
        break;
      case 'learnerClosed':
        this.ackMs.delete(input.connection);
        break;
      case 'leaderPacket':
        this.#fromLeader(input.packet, nowMs, wallMs);
        break;
      default:
    }
  }

  /** The member asks for something. */
  output(output: MemberOutput, { monotonicMs: nowMs }: Now): void {
    switch (output.type) {
      case 'sendToLearners':
        this.#toLearners(output.packet, nowMs);
        break;
      case 'sendSnapshot':
        this.snapshots++;
        break;
      case 'closeLearner':
        this.ackMs.delete(output.connection);
        break;
      case 'persist': {
        const entries = output.operations.reduce(
          (sum, operation) => sum + (operation.type === 'append' ? operation.entries.length : 0),
          0,
        );
        if (entries > 0) this.#queued(output.ticket, entries, nowMs);
        break;
      }
      case 'pauseClients':
        if (output.paused) this.pauses++;
        break;
      case 'role':
        this.#changeRole(output.role, nowMs);
        break;
      default:
    }
  }

  #queued(ticket: Ticket, entries: number, nowMs: number): void {
    this.entriesQueued += entries;
    this.batchEntries.record(entries);
    this.queueLength.record(this.#persistingSinceMs.size);
    this.#persistingSinceMs.set(ticket, nowMs);
  }

  #persisted(ticket: Ticket, nowMs: number): void {
    const sinceMs = this.#persistingSinceMs.get(ticket);
    if (sinceMs === undefined) return;
    this.#persistingSinceMs.delete(ticket);
    this.persistMs.record(nowMs - sinceMs);
  }

  #toLearners({ type, zxid, data }: QuorumPacket, nowMs: number): void {
    if (type === PacketType.proposal) this.#proposed(zxid, data?.length ?? 0, nowMs);
    else if (type === PacketType.commit || type === PacketType.inform) this.#committed(zxid, nowMs);
    else if (type === PacketType.diff) this.diffs++;
  }

  /** What a learner is sent of the history is no proposal: it is older than what was proposed last. */
  #proposed(zxid: Zxid, bytes: number, nowMs: number): void {
    if (zxid <= this.#lastProposed || !this.#isOfOwnEpoch(zxid)) return;
    this.proposals++;
    this.lastProposalBytes = bytes;
    this.proposalBytes.record(bytes);
    if (nowMs !== this.#openSinceMs) this.#endBatch();
    this.#lastProposed = zxid;
    this.#openSinceMs = nowMs;
  }

  /** What was proposed last ends a batch: something else has happened since. */
  #endBatch(): void {
    if (this.#openSinceMs === undefined) return;
    this.#batches.set(this.#lastProposed, this.#openSinceMs);
    this.#uncommitted.push(this.#lastProposed);
    this.#openSinceMs = undefined;
    if (this.#batches.size > BATCHES_MAX) this.#forgetOldest();
  }

  #committed(zxid: Zxid, nowMs: number): void {
    if (zxid <= this.#lastCommitted || !this.#isOfOwnEpoch(zxid)) return;
    this.#lastCommitted = zxid;
    this.commits++;
    this.#endBatch();
    let [oldest] = this.#uncommitted;
    while (oldest !== undefined && oldest <= zxid) {
      const sentMs = this.#batches.get(oldest);
      if (sentMs !== undefined) this.quorumAckMs.record(nowMs - sentMs);
      this.#uncommitted.shift();
      [oldest] = this.#uncommitted;
    }
  }

  #acknowledged(connection: LearnerConnection, zxid: Zxid, nowMs: number): void {
    this.#endBatch();
    const sentMs = this.#batches.get(zxid);
    if (sentMs === undefined) return;
    let summary = this.ackMs.get(connection);
    if (summary === undefined) this.ackMs.set(connection, (summary = new Summary()));
    summary.record(nowMs - sentMs);
  }

  #forgetOldest(): void {
    for (const zxid of this.#batches.keys()) {
      this.#batches.delete(zxid);
      return;
    }
  }

  #isOfOwnEpoch(zxid: Zxid): boolean {
    return this.#role.state === 'leading' && epochOf(zxid) === this.#role.epoch;
  }

  #fromLeader({ type, data }: QuorumPacket, nowMs: number, wallMs: number): void {
    if (type === PacketType.commit || type === PacketType.inform) this.commitsReceived++;
    if (type !== PacketType.proposal) return;
    this.proposalsReceived++;
    if (nowMs === this.#proposalTimedAtMs || data === null || data.length < HEADER_TIME_OFFSET + 8) return;
    this.#proposalTimedAtMs = nowMs;
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const latencyMs = wallMs - Number(view.getBigInt64(HEADER_TIME_OFFSET));
    // Two clocks: where they differ by more than the latency, nothing can be said of it.
    if (latencyMs >= 0) this.proposalLatencyMs.record(latencyMs);
  }

  #changeRole(role: ZabRole, nowMs: number): void {
    this.#role = role;
    this.leadingSinceMs = undefined;
    if (role.state === 'looking') {
      this.lookingCount++;
      this.#lookingSinceMs = nowMs;
      this.#unavailableSinceMs ??= nowMs;
      return;
    }
    if (this.#lookingSinceMs !== undefined) {
      this.electionMs.record(nowMs - this.#lookingSinceMs);
      this.#lookingSinceMs = undefined;
      this.#synchronizingSinceMs = nowMs;
    }
    if (role.serving) this.#serves(role.state, nowMs);
  }

  #serves(state: Exclude<ZabRole['state'], 'looking'>, nowMs: number): void {
    if (state === 'leading') this.leadingSinceMs = nowMs;
    if (this.#unavailableSinceMs === undefined) return;
    const unavailableMs = nowMs - this.#unavailableSinceMs;
    this.#unavailableSinceMs = undefined;
    this.unavailableMs.record(unavailableMs);
    const synchronizedMs = nowMs - this.#synchronizingSinceMs;
    if (state === 'leading') this.leaderUnavailableMs.record(unavailableMs);
    else if (state === 'following') this.followerSyncMs.record(synchronizedMs);
    else this.observerSyncMs.record(synchronizedMs);
  }
}
