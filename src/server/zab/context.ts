import { epochOf, formatZxid, type Zxid } from '../../common/zxid.ts';
import type { ServerId } from '../../common/types.ts';
import { PeerState, type Notification } from '../protocol/quorum.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { History } from './history.ts';
import { configurationIn } from './configuration-entry.ts';
import { isVoter, votersOf } from './membership.ts';
import { NOBODY, type Vote } from './vote.ts';
import type { Membership, PersistOperation, RecoveredState, Ticket, ZabConfig, ZabOutput } from './types.ts';

/** What a peer does next, decided in the middle of a step and carried out at its end. */
export type Transition =
  | { readonly type: 'look'; readonly reason: string }
  /** The election is over: lead, follow or observe, as the vote says. */
  | { readonly type: 'elected'; readonly vote: Vote };

/** One of the states that a peer can be in: looking, leading, learning. */
export interface Role {
  /** A {@link PeerState}, for votes sent to others. */
  readonly state: number;
  /** When `tick` is due next, Infinity for never. */
  readonly deadlineMs: number;
  tick(): void;
  persisted(ticket: Ticket): void;
  /** The role ends: close what it has opened. */
  end(): void;
}

/** What the parts of a peer share: its configuration, its epochs and log, and the outputs of the step that runs. */
export class PeerContext {
  readonly config: ZabConfig;
  readonly history: History;
  /** The configuration in force: the newest that is known to be committed. */
  membership: Membership;
  /** A newer one that is logged: until it is known to be committed, its quorum is needed as well. */
  next: Membership | undefined;
  /**
   * A newer one still, of which another server said during the election that it is logged there. Where a part of the voters
   * has logged it, they may propose one of its servers, whom the others would not know; and a server that is to become a
   * voter may be needed for the quorum. So its voters vote and may be voted for, which asks for no other quorum.
   */
  #heard: Membership | undefined;
  /** As last given to the disk, which may not have it yet. Operations are durable in order: what counts waits for that. */
  acceptedEpoch: number;
  currentEpoch: number;
  /** The newest snapshot that was loaded or received: the log cannot be cut before it. */
  snapshotZxid: Zxid;
  /** A leader asked for a cut that is not possible: only its whole state helps. */
  needsState = false;
  /** See {@link ZabConfig.mayVote}; true once this server has synchronized. */
  mayVote: boolean;
  /** When this is durable, the disk holds a whole history and its epoch: that is what {@link mayVote} waits for. */
  #wholeHistory: Ticket = Number.POSITIVE_INFINITY;
  /** The round of election (logical clock). */
  round = 0;
  /** The vote by which the current leader was elected. */
  vote: Vote;
  /** Voters that said they must not vote yet: they count for nothing while a new epoch is being found. */
  readonly barred = new Set<ServerId>();
  /** The server that this one, as a leader that hands over, proposes in the next election instead of itself. */
  successor: ServerId | undefined;
  /** The leader whose connection has just ended: its vote is not worth waiting for. */
  lostLeader: ServerId | undefined;
  /** Between `truncateAndReload` and `reloaded`: nobody knows what the log holds. */
  isReloading = false;
  nowMs = 0;
  transition: Transition | undefined;
  #outputs: ZabOutput[] = [];
  #nextTicket: Ticket = 1;

  constructor(config: ZabConfig, recovered: RecoveredState) {
    const { acceptedEpoch, currentEpoch, lastZxid, snapshotZxid } = recovered;
    this.config = config;
    this.membership = config.membership;
    this.mayVote = config.mayVote;
    this.snapshotZxid = snapshotZxid;
    this.noteConfiguration(recovered.configuration);
    this.history = new History(config.committedLogEntries, lastZxid, recovered.recentEntries);
    this.currentEpoch = currentEpoch;
    // An accepted epoch that is older than what was done in it can only be a lost file. More is promised, never less.
    this.acceptedEpoch = Math.max(acceptedEpoch, currentEpoch, epochOf(lastZxid));
    this.vote = { leader: NOBODY, zxid: NOBODY, peerEpoch: NOBODY, electionEpoch: 0, state: PeerState.looking };
    if (this.acceptedEpoch > acceptedEpoch) {
      this.log('warn', 'the accepted epoch on disk is older than the history; using the newer one', {
        acceptedEpoch,
        currentEpoch,
        lastZxid: formatZxid(lastZxid),
      });
    }
  }

  get serverId(): ServerId {
    return this.config.serverId;
  }

  /** The configurations of which each must have its quorum. */
  get memberships(): readonly Membership[] {
    return this.next === undefined ? [this.membership] : [this.membership, this.next];
  }

  /** The configurations whose voters take part in an election. */
  get electorates(): readonly Membership[] {
    return this.#heard === undefined ? this.memberships : [...this.memberships, this.#heard];
  }

  /** The servers that vote in any of them. */
  get voters(): readonly ServerId[] {
    return [...new Set(this.electorates.flatMap((membership) => votersOf(membership)))];
  }

  isVoterId(id: ServerId): boolean {
    return this.electorates.some((membership) => isVoter(membership, id));
  }

  /** Whether this server votes, apart from {@link mayVote}. */
  get isVoter(): boolean {
    return this.isVoterId(this.serverId);
  }

  /**
   * Whether this server learns as an observer. One that is in no configuration follows, and does not count. One that is to become
   * a voter follows as well: the quorum that ends the reconfiguration may need it.
   */
  get isObserver(): boolean {
    const isOne = this.membership.members.some(({ id, role }) => id === this.serverId && role === 'observer');
    return isOne && !this.isVoter;
  }

  /** A configuration's text from elsewhere; undefined if it is none, or this server's is fixed. */
  readMembership(text: string): Membership | undefined {
    try {
      return this.config.readMembership?.(text);
    } catch (error) {
      this.log('warn', 'cannot read a configuration', { text, reason: String(error) });
      return undefined;
    }
  }

  /** The newest configuration in the log, or of the state that replaced it, after what was noted before was cut off. */
  noteConfiguration(text: string | undefined): void {
    this.next = undefined;
    if (text !== undefined) this.noteNext(text);
  }

  noteNext(text: string): void {
    const membership = this.readMembership(text);
    if (membership !== undefined) this.#noteNext(membership);
  }

  #noteNext(membership: Membership): void {
    const known = this.next ?? this.membership;
    if (membership.version <= known.version) return;
    this.next = membership;
    this.emit({ type: 'nextConfiguration', membership });
  }

  /** Returns whether it is news that another server has logged this configuration. */
  hearOfNext(text: string): boolean {
    const membership = text === '' ? undefined : this.readMembership(text);
    const known = this.#heard ?? this.next ?? this.membership;
    if (membership === undefined || membership.version <= known.version) return false;
    this.#heard = membership;
    this.emit({ type: 'nextConfiguration', membership });
    return true;
  }

  /** A leader has been found, and its history taken over: whatever is under way is in the log. */
  forgetHearsay(): void {
    this.#heard = undefined;
  }

  /** @throws CodedError ZK_PROTOCOL_VIOLATION if the entry does not follow the last one. */
  append(entry: LogEntry): void {
    this.history.append(entry);
    const text = configurationIn(entry);
    const membership = text === undefined ? undefined : this.readMembership(text);
    if (membership === undefined) return;
    const before = this.next;
    // No leader proposes a configuration before the one before it is committed: quorums of that one are needed from here on.
    if (before !== undefined && before.version < membership.version) this.activate(before);
    this.#noteNext(membership);
  }

  /** Puts a configuration in force that is committed. */
  activate(membership: Membership): void {
    if (membership.version <= this.membership.version) return;
    this.membership = membership;
    if (this.next !== undefined && this.next.version <= membership.version) this.next = undefined;
    if (this.#heard !== undefined && this.#heard.version <= membership.version) this.#heard = undefined;
    this.log('info', 'a new configuration is in force', { configuration: membership.text });
    this.emit({ type: 'configuration', membership });
  }

  /** What is committed up to here is in force. */
  activateThrough(committed: Zxid): void {
    if (this.next !== undefined && this.next.version <= committed) this.activate(this.next);
  }

  get initLimitMs(): number {
    return this.config.initLimitTicks * this.config.tickTimeMs;
  }

  get syncLimitMs(): number {
    return this.config.syncLimitTicks * this.config.tickTimeMs;
  }

  emit(output: ZabOutput): void {
    this.#outputs.push(output);
  }

  persist(operations: readonly PersistOperation[]): Ticket {
    const ticket = this.#nextTicket++;
    this.#outputs.push({ type: 'persist', ticket, operations });
    return ticket;
  }

  /** A whole history, with the epoch behind it, is on its way to the disk. */
  expectWholeHistory(ticket: Ticket): void {
    this.#wholeHistory = ticket;
  }

  /** Returns whether this server may vote from here on, and could not before. */
  notePersisted(ticket: Ticket): boolean {
    if (this.mayVote || ticket < this.#wholeHistory) return false;
    this.mayVote = true;
    return true;
  }

  /** Delivers what is logged up to a zxid. */
  deliver(through: Zxid, committed: boolean): void {
    for (;;) {
      const entry = this.history.deliverNext(through);
      if (entry === undefined) return;
      this.#outputs.push({ type: 'deliver', entry, committed });
      if (committed) this.activateThrough(entry.zxid);
    }
  }

  log(level: 'debug' | 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#outputs.push({ type: 'log', level, message, fields });
  }

  /** Gives up the present role at the end of this step; the first reason stays. */
  lookForLeader(reason: string): void {
    this.transition ??= { type: 'look', reason };
  }

  sendVote(to: ServerId, vote: Vote): void {
    const { leader, zxid, peerEpoch, electionEpoch, state } = vote;
    const config = this.membership.text;
    const nextConfig = this.next?.text ?? '';
    const notification: Notification = { leader, zxid, peerEpoch, electionEpoch, state, config, nextConfig };
    this.#outputs.push({ type: 'sendVote', to, notification });
  }

  takeOutputs(): readonly ZabOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
}
