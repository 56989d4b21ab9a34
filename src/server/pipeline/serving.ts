import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { decodeLogEntry } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import type { Database } from '../database/types.ts';
import type { LearnerStatus, Membership, ZabInput, ZabOutput, ZabRole } from '../zab/types.ts';
import type { Access } from './access.ts';
import type { Clients } from './clients.ts';
import type { DigestLog } from './digest-log.ts';
import { Leading, type EnsembleView } from './leading.ts';
import { Learning } from './learning.ts';
import type { SnapshotSchedule } from './snapshot-schedule.ts';
import { isMalformed, type Step } from './step.ts';
import type { MemberConfig, MemberObserver } from './types.ts';

/** What serving works on. */
export interface ServingParts {
  readonly config: MemberConfig;
  readonly database: Database;
  readonly access: Access;
  readonly clients: Clients;
  readonly step: Step;
  readonly snapshots: SnapshotSchedule;
  readonly digests: DigestLog | undefined;
  readonly observer: Partial<MemberObserver> | undefined;
  /** The learners of this member, if it leads. */
  readonly learners: () => readonly LearnerStatus[];
  /** Tells the ZAB core this once it is done with what it is doing. */
  readonly later: (input: ZabInput) => void;
}

/** A member's part in its ensemble: as the leader, as a learner, or (while it looks for a leader) none. It decides who serves the clients. */
export class Serving {
  readonly #parts: ServingParts;
  #role: ZabRole = { state: 'looking' };
  #membership: Membership;
  #leading: Leading | undefined;
  #learning: Learning | undefined;

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#membership = parts.config.zab.membership;
  }

  get role(): ZabRole {
    return this.#role;
  }

  /** The configuration in force. */
  get membership(): Membership {
    return this.#membership;
  }

  /** Defined while this member leads and serves. */
  get leading(): Leading | undefined {
    return this.#leading;
  }

  changeRole(role: ZabRole): void {
    this.#role = role;
    this.#end('this server is not part of a quorum any more');
    if (role.state !== 'looking' && role.serving) this.#begin(role);
    this.#parts.step.emit({ type: 'role', role });
  }

  changeMembership(membership: Membership): void {
    this.#membership = membership;
    this.#parts.step.emit({ type: 'configuration', text: membership.text, version: membership.version });
  }

  /** Applies an entry of the log, and answers the client whose request it was. */
  deliver(entry: LogEntry, committed: boolean): void {
    const { database, clients, digests, observer, snapshots, step } = this.#parts;
    observer?.applied?.(entry, committed);
    const proposal = this.#leading?.takeProposal(entry.zxid);
    const { header, txn } = proposal ?? decodeLogEntry(entry.bytes);
    const result = database.apply(header, txn);
    if (committed) digests?.applied(entry.zxid, database);
    if (!clients.serving || !committed) return;
    observer?.committed?.(step.wallMs - header.timeMs);
    snapshots.count(entry.bytes.length);
    this.#leading?.applied(header);
    const request = proposal?.request ?? this.#learning?.applied(header);
    if (request !== undefined) clients.done(request, txn.type === OpCode.error ? txn.error : ReplyCode.ok, result);
    if (header.type === OpCode.closeSession) clients.sessionClosed(header.sessionId);
  }

  fromLearner({ connection, server, packet }: Extract<ZabOutput, { type: 'fromLearner' }>): void {
    const { step, later } = this.#parts;
    try {
      this.#leading?.fromLearner(connection, server, packet);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      step.emit({ type: 'closeLearner', connection, reason: String(error) });
      later({ type: 'learnerClosed', connection });
    }
  }

  fromLeader({ packet }: Extract<ZabOutput, { type: 'fromLeader' }>): void {
    const { step, later } = this.#parts;
    try {
      this.#learning?.fromLeader(packet);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      step.emit({ type: 'disconnectLeader' });
      later({ type: 'leaderClosed', reason: String(error) });
    }
  }

  #begin(role: Exclude<ZabRole, { state: 'looking' }>): void {
    const { config, database, access, clients, step, observer } = this.#parts;
    observer?.serves?.();
    const { text, version } = this.#membership;
    if (text !== '') database.setConfig(text, version, step.wallMs);
    if (role.state === 'leading') {
      const settings = {
        tickTimeMs: config.zab.tickTimeMs,
        extendedTypesEnabled: config.extendedTypesEnabled,
        zxidsPerEpoch: config.zxidsPerEpoch,
        reapIntervalMs: config.reapIntervalMs,
        ensemble: this.#ensembleView(),
      };
      this.#leading = new Leading(role.epoch, database, access, settings, clients, step);
      clients.serve(this.#leading);
    } else {
      this.#learning = new Learning(clients, step);
      clients.serve(this.#learning);
    }
  }

  /** Whatever is under way is dropped without an answer: nobody knows what becomes of it. The clients try elsewhere. */
  #end(reason: string): void {
    const { clients } = this.#parts;
    if (!clients.serving) return;
    clients.stopServing();
    this.#leading?.end();
    this.#leading = undefined;
    this.#learning = undefined;
    clients.closeAll(reason);
  }

  #ensembleView(): EnsembleView | undefined {
    const { config, learners } = this.#parts;
    const change = config.changeMembership;
    if (change === undefined) return undefined;
    return { membership: () => this.#membership, learners, serverId: config.zab.serverId, change };
  }
}
