import { epochOf, type Zxid } from '../../../common/zxid.ts';
import type { MemberInput, MemberOutput, MemberPersistOperation, Now } from '../../pipeline/types.ts';
import { PacketType, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LearnerConnection, Ticket, ZabRole } from '../../zab/types.ts';
import { LearnerSyncMeter } from './learner-sync-meter.ts';
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
  /* turns of the event loop */
  readonly turnMs = new Summary();
  readonly turnInputs = new Summary();

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
  readonly syncs = new LearnerSyncMeter();
  revalidations = 0;

  /* a learner */
  readonly proposalLatencyMs = new Summary();
  proposalsReceived = 0;
  commitsReceived = 0;

  /* the log */
  readonly persistMs = new Summary();
  /** From a transaction made to durable here, which is when it is acknowledged. */
  readonly ackCreationMs = new Summary();
  readonly batchEntries = new Summary();
  readonly queueLength = new Summary();
  entriesQueued = 0;

  /* clients */
  pauses = 0;
  /** Clients turned away because this server is not part of a quorum. */
  unservedClosed = 0;

  #role: ZabRole = { state: 'looking' };
  #lookingSinceMs: number | undefined;
  #unavailableSinceMs: number | undefined;
  #synchronizingSinceMs = 0;
  /** What is on its way to the disk: since when, and the newest transaction in it. */
  readonly #persisting = new Map<Ticket, { readonly sinceMs: number; readonly newest: Uint8Array | undefined }>();
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

  /** One turn of the driver is over. */
  turned(inputs: number, tookMs: number): void {
    this.turnInputs.record(inputs);
    this.turnMs.record(tookMs);
  }

  /** Something happened to the member. */
  input(input: MemberInput, { monotonicMs: nowMs, wallMs }: Now): void {
    switch (input.type) {
      case 'persisted':
        this.#persisted(input.ticket, nowMs, wallMs);
        break;
      case 'learnerConnected':
        this.syncs.connected(input.connection, nowMs);
        break;
      case 'learnerPacket':
        if (input.packet.type === PacketType.ack) this.#acknowledged(input.connection, input.packet.zxid, nowMs);
        else if (input.packet.type === PacketType.revalidate) this.revalidations++;
        break;
      case 'learnerClosed':
        this.#forgetLearner(input.connection);
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
        this.#toLearners(output.connections, output.packet, nowMs);
        break;
      case 'sendSnapshot':
        this.syncs.begins(output.connection, 'snapshot');
        break;
      case 'closeLearner':
        this.#forgetLearner(output.connection);
        break;
      case 'closeClient':
        if (this.#role.state === 'looking' || !this.#role.serving) this.unservedClosed++;
        break;
      case 'persist': {
        const entries = output.operations.reduce(
          (sum, operation) => sum + (operation.type === 'append' ? operation.entries.length : 0),
          0,
        );
        if (entries > 0) this.#queued(output.ticket, entries, newestBytes(output.operations), nowMs);
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

  #queued(ticket: Ticket, entries: number, newest: Uint8Array | undefined, nowMs: number): void {
    this.entriesQueued += entries;
    this.batchEntries.record(entries);
    this.queueLength.record(this.#persisting.size);
    this.#persisting.set(ticket, { sinceMs: nowMs, newest });
  }

  #persisted(ticket: Ticket, nowMs: number, wallMs: number): void {
    const batch = this.#persisting.get(ticket);
    if (batch === undefined) return;
    this.#persisting.delete(ticket);
    this.persistMs.record(nowMs - batch.sinceMs);
    recordAge(this.ackCreationMs, batch.newest, wallMs);
  }

  #forgetLearner(connection: LearnerConnection): void {
    this.ackMs.delete(connection);
    this.syncs.closed(connection);
  }

  #toLearners(connections: readonly LearnerConnection[], { type, zxid, data }: QuorumPacket, nowMs: number): void {
    if (type === PacketType.proposal) this.#proposed(zxid, data?.length ?? 0, nowMs);
    else if (type === PacketType.commit || type === PacketType.inform) this.#committed(zxid, nowMs);
    else if (type === PacketType.diff) for (const connection of connections) this.syncs.begins(connection, 'diff');
    else if (type === PacketType.upToDate) for (const connection of connections) this.syncs.upToDate(connection, nowMs);
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
    if (nowMs === this.#proposalTimedAtMs || data === null) return;
    this.#proposalTimedAtMs = nowMs;
    recordAge(this.proposalLatencyMs, data, wallMs);
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

function newestBytes(operations: readonly MemberPersistOperation[]): Uint8Array | undefined {
  const last = operations.at(-1);
  return last?.type === 'append' ? last.entries.at(-1)?.bytes : undefined;
}

/** How long ago a transaction was made, by the clock of its leader. */
function recordAge(summary: Summary, transaction: Uint8Array | undefined, wallMs: number): void {
  if (transaction === undefined || transaction.length < HEADER_TIME_OFFSET + 8) return;
  const view = new DataView(transaction.buffer, transaction.byteOffset, transaction.length);
  const ageMs = wallMs - Number(view.getBigInt64(HEADER_TIME_OFFSET));
  // Two clocks: where they differ by more than the age, nothing can be said of it.
  if (ageMs >= 0) summary.record(ageMs);
}
