import { assert } from '../../common/errors.ts';
import type { Random } from '../../common/types.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import { createDatabase } from '../database/database.ts';
import type { Database, DatabaseSnapshot } from '../database/types.ts';
import { OpCode, ReplyCode } from '../protocol/opcodes.ts';
import { decodeLogEntry } from '../protocol/transaction-codec.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { createZabPeer } from '../zab/peer.ts';
import type { LearnerStatus, Membership, ZabInput, ZabOutput, ZabPeer, ZabRole } from '../zab/types.ts';
import { createAccess, type Access } from './access.ts';
import { adminAccess, type AdminAccess } from './admin-access.ts';
import { Answers } from './answers.ts';
import type { PendingRequest } from './client.ts';
import { Clients } from './clients.ts';
import { DigestLog } from './digest-log.ts';
import { IncomingSnapshot } from './incoming-snapshot.ts';
import { Leading, type EnsembleView } from './leading.ts';
import { byId, syncedLearner } from './synced-learner.ts';
import { Learning } from './learning.ts';
import { Reads } from './reads.ts';
import { Recovery } from './recovery.ts';
import { Replies } from './replies.ts';
import { SessionIds } from './session-ids.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import { Step, isMalformed } from './step.ts';
import type {
  ClientInfo,
  Inspection,
  EnsembleStatus,
  Member,
  MemberConfig,
  MemberInput,
  MemberObserver,
  MemberOutput,
  MemberPersistOperation,
  MemberStatus,
  Now,
  StateReceiver,
  ZxidDigest,
} from './types.ts';
import { WatchEvents } from './watch-events.ts';
import { WatchRequests } from './watch-requests.ts';

/** What is under way when the member is told to stop has this many ticks to finish. */
const STOP_TICKS_MAX = 2;

/** A member of an ensemble as a pure state machine. */
export function createMember(config: MemberConfig, random: Random, observer?: MemberObserver): Member {
  return new ZabMember(config, random, observer);
}

class ZabMember implements Member {
  readonly #observer: MemberObserver | undefined;
  readonly #config: MemberConfig;
  readonly #step = new Step();
  readonly #access: Access;
  readonly #database: Database;
  readonly #replies = new Replies();
  readonly #clients: Clients;
  readonly #recovery: Recovery;
  readonly #snapshots: SnapshotSchedule;
  readonly #digests: DigestLog | undefined;
  #zab: ZabPeer | undefined;
  #role: ZabRole = { state: 'looking' };
  #leading: Leading | undefined;
  #learning: Learning | undefined;
  /** What the ZAB core is told once it is done with what it is doing. */
  readonly #later: ZabInput[] = [];
  readonly #incoming: IncomingSnapshot;
  /** The configuration in force. */
  #membership: Membership;
  #paused = false;
  #stopAtMs = Infinity;
  #handsOver = false;
  #stopped = false;

  constructor(config: MemberConfig, random: Random, observer: MemberObserver | undefined) {
    this.#observer = observer;
    this.#config = config;
    this.#membership = config.zab.membership;
    this.#access = createAccess(config.skipAcl);
    const step = this.#step;
    const replies = this.#replies;
    this.#database = createDatabase({
      watchSink: (event, watchers, acl) => events.fire(event, watchers, acl),
      keepDigest: config.keepDigest ?? false,
      hashSeed: Math.floor(random.next() * 2 ** 32),
    });
    const watchRequests = new WatchRequests(this.#database, replies);
    const reads = new Reads(this.#database, this.#access, replies, watchRequests);
    const answers = new Answers(this.#database, replies);
    const sessionIds = new SessionIds(config.zab.serverId);
    this.#clients = new Clients(config, this.#database, step, replies, reads, answers, sessionIds);
    const events = new WatchEvents(this.#access, replies, this.#clients);
    this.#incoming = new IncomingSnapshot(this.#database);
    this.#recovery = new Recovery(this.#database, config.zab.committedLogEntries);
    this.#digests = config.keepDigest === true ? new DigestLog() : undefined;
    this.#snapshots = new SnapshotSchedule(config.snapshotEveryTransactions, random);
  }

  get recovery(): StateReceiver {
    return this.#recovery;
  }

  step(inputs: readonly MemberInput[], now: Now): readonly MemberOutput[] {
    this.#step.begin(now);
    if (!this.#stopped) {
      for (const input of inputs) this.#take(input);
      this.#finish();
    }
    return this.#step.outputs;
  }

  nextDeadlineMs(): number {
    if (this.#stopped) return Infinity;
    return Math.min(
      this.#zab?.nextDeadlineMs() ?? Infinity,
      this.#clients.nextDeadlineMs(),
      this.#leading?.nextDeadlineMs() ?? Infinity,
      this.#stopAtMs,
    );
  }

  status(): MemberStatus {
    const database = this.#database;
    return {
      role: this.#role,
      lastZxid: database.lastZxid,
      epoch: this.#role.state === 'looking' ? 0 : this.#role.epoch,
      znodes: database.znodeCount,
      ephemerals: database.ephemeralCount,
      watches: database.watches.count,
      dataBytes: database.dataBytes,
      sessions: database.sessions.size,
      clients: this.#clients.count,
      outstandingRequests: this.#clients.outstanding,
      pendingSyncs: this.#leading?.pendingSyncs ?? 0,
      packetsReceived: this.#clients.received,
      packetsSent: this.#replies.sentCount,
    };
  }

  ensemble(): EnsembleStatus {
    const leads = this.#role.state === 'leading' && this.#role.serving;
    const learners = this.#zab?.learners().filter(({ serving }) => serving) ?? [];
    const { lastZxid } = this.#database;
    return {
      voting: this.#zab?.isVoting() ?? false,
      learners: leads
        ? learners.map((each) => syncedLearner(each, this.#membership, lastZxid)).toSorted(byId)
        : undefined,
    };
  }

  clients(): readonly ClientInfo[] {
    return this.#clients.infos();
  }

  inspect(): Inspection {
    const database = this.#database;
    return {
      sessions: database.sessions,
      ephemerals: (session) => database.ephemerals(session),
      watchedPaths: (client) => database.watches.pathsOf(client),
      watchedPathCount: database.watches.pathCount,
      watcherCount: database.watches.watcherCount,
    };
  }

  digests(): readonly ZxidDigest[] | undefined {
    return this.#digests?.latest();
  }

  learners(): readonly LearnerStatus[] {
    return this.#zab?.learners() ?? [];
  }

  snapshot(): DatabaseSnapshot | undefined {
    return this.#clients.serving ? this.#database.snapshot() : undefined;
  }

  adminAccess(authorization: string | undefined, address: string): AdminAccess {
    return adminAccess(authorization, address, this.#database, this.#access, this.#config.superDigest);
  }

  #take(input: MemberInput): void {
    switch (input.type) {
      case 'start':
        this.#start(input.acceptedEpoch, input.currentEpoch, input.mayVote);
        break;
      case 'clientConnected':
        this.#clients.connected(input.client, input.address);
        break;
      case 'clientFrame':
        this.#clients.frame(input.client, input.frame);
        break;
      case 'clientClosed':
        this.#clients.disconnected(input.client);
        break;
      case 'leaderSnapshot':
        this.#takeSnapshot(input.bytes, input.end);
        break;
      case 'snapshotSaved':
        this.#snapshots.saved();
        break;
      case 'reloaded':
        this.#feed({
          type: 'reloaded',
          lastZxid: this.#database.lastZxid,
          recentEntries: this.#recovery.takeRecentEntries(),
          snapshotZxid: this.#recovery.snapshotZxid,
          configuration: this.#configurationText(),
        });
        break;
      case 'stop':
        this.#clients.stop();
        this.#stopAtMs = this.#step.nowMs + STOP_TICKS_MAX * this.#config.zab.tickTimeMs;
        break;
      case 'handOver':
        this.#handOver();
        break;
      case 'leaderClosed':
        this.#incoming.abandon();
        this.#feed(input);
        break;
      case 'tick':
      case 'vote':
      case 'learnerConnected':
      case 'learnerClosed':
      case 'learnerPacket':
      case 'learnerProgress':
      case 'leaderConnected':
      case 'leaderPacket':
      case 'persisted':
        this.#feed(input);
        break;
    }
  }

  #start(acceptedEpoch: number, currentEpoch: number, mayVote: boolean): void {
    assert(this.#zab === undefined, 'a member is started once');
    const recovered = {
      acceptedEpoch,
      currentEpoch,
      lastZxid: this.#database.lastZxid,
      recentEntries: this.#recovery.takeRecentEntries(),
      snapshotZxid: this.#recovery.snapshotZxid,
      configuration: this.#configurationText(),
    };
    this.#zab = createZabPeer({ ...this.#config.zab, mayVote }, recovered);
    this.#clients.stopServing();
    this.#feed({ type: 'start' });
  }

  #feed(input: ZabInput): void {
    assert(this.#zab !== undefined, `the member was given ${input.type} before start`);
    for (const output of this.#zab.step(input, this.#step.nowMs)) this.#carryOut(output);
  }

  #carryOut(output: ZabOutput): void {
    switch (output.type) {
      case 'deliver':
        this.#deliver(output.entry, output.committed);
        break;
      case 'fromLearner':
        this.#fromLearner(output);
        break;
      case 'fromLeader':
        this.#fromLeader(output);
        break;
      case 'leadershipConfirmed':
        this.#leading?.leadershipConfirmed(output.token);
        break;
      case 'role':
        this.#changeRole(output.role);
        break;
      case 'configuration':
        this.#membership = output.membership;
        this.#step.emit({ type: 'configuration', text: output.membership.text, version: output.membership.version });
        break;
      case 'nextConfiguration':
        this.#step.emit({ type: 'nextConfiguration', text: output.membership.text });
        break;
      case 'persist':
        this.#step.emit({
          type: 'persist',
          ticket: output.ticket,
          operations: output.operations.map((operation) => this.#withSource(operation)),
        });
        break;
      case 'sendSnapshot':
        this.#step.emit({ ...output, source: this.#database.snapshot() });
        break;
      case 'receiveSnapshot':
        this.#incoming.begin(output.zxid);
        break;
      case 'disconnectLeader':
        this.#incoming.abandon();
        this.#step.emit(output);
        break;
      case 'sendVote':
      case 'connectLeader':
      case 'sendToLeader':
      case 'sendToLearners':
      case 'closeLearner':
      case 'truncateAndReload':
      case 'log':
        this.#step.emit(output);
        break;
    }
  }

  #withSource(operation: Extract<ZabOutput, { type: 'persist' }>['operations'][number]): MemberPersistOperation {
    if (operation.type !== 'installSnapshot') return operation;
    const source = this.#database.snapshot();
    assert(source.zxid === operation.zxid, `the state is at ${source.zxid}, not at the snapshot's ${operation.zxid}`);
    return { type: 'installSnapshot', source };
  }

  #changeRole(role: ZabRole): void {
    this.#role = role;
    this.#stopServing('this server is not part of a quorum any more');
    if (role.state !== 'looking' && role.serving) this.#startServing(role);
    this.#step.emit({ type: 'role', role });
  }

  #startServing(role: Exclude<ZabRole, { state: 'looking' }>): void {
    this.#observer?.serves();
    const membership = this.#membership;
    if (membership.text !== '') this.#database.setConfig(membership.text, membership.version, this.#step.wallMs);
    if (role.state === 'leading') {
      const settings = {
        tickTimeMs: this.#config.zab.tickTimeMs,
        extendedTypesEnabled: this.#config.extendedTypesEnabled,
        ensemble: this.#ensembleView(),
      };
      this.#leading = new Leading(role.epoch, this.#database, this.#access, settings, this.#clients, this.#step);
      this.#clients.serve(this.#leading);
    } else {
      this.#learning = new Learning(this.#clients, this.#step);
      this.#clients.serve(this.#learning);
    }
  }

  #ensembleView(): EnsembleView | undefined {
    const change = this.#config.changeMembership;
    if (change === undefined) return undefined;
    return {
      membership: () => this.#membership,
      learners: () => this.#zab?.learners() ?? [],
      serverId: this.#config.zab.serverId,
      change,
    };
  }

  /** The newest configuration in the state; undefined for none. */
  #configurationText(): string | undefined {
    const data = this.#database.znode('/zookeeper/config')?.data;
    return data === undefined || data === null || data.length === 0 ? undefined : decodeUtf8(data);
  }

  /** Whatever is under way is dropped without an answer: nobody knows what becomes of it. The clients try elsewhere. */
  #stopServing(reason: string): void {
    if (!this.#clients.serving) return;
    this.#clients.stopServing();
    this.#leading?.end();
    this.#leading = undefined;
    this.#learning = undefined;
    this.#clients.closeAll(reason);
  }

  #deliver(entry: LogEntry, committed: boolean): void {
    this.#observer?.applied(entry, committed);
    const proposal = this.#leading?.takeProposal(entry.zxid);
    const { header, txn } = proposal ?? decodeLogEntry(entry.bytes);
    const result = this.#database.apply(header, txn);
    if (committed) this.#digests?.applied(entry.zxid, this.#database);
    if (!this.#clients.serving || !committed) return;
    this.#snapshots.count();
    this.#leading?.applied(header);
    const request: PendingRequest | undefined = proposal?.request ?? this.#learning?.applied(header);
    if (request !== undefined) {
      this.#clients.done(request, txn.type === OpCode.error ? txn.error : ReplyCode.ok, result);
    }
    if (header.type === OpCode.closeSession) this.#clients.sessionClosed(header.sessionId);
  }

  #fromLearner({ connection, server, packet }: Extract<ZabOutput, { type: 'fromLearner' }>): void {
    try {
      this.#leading?.fromLearner(connection, server, packet);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#step.emit({ type: 'closeLearner', connection, reason: String(error) });
      this.#later.push({ type: 'learnerClosed', connection });
    }
  }

  #fromLeader({ packet }: Extract<ZabOutput, { type: 'fromLeader' }>): void {
    try {
      this.#learning?.fromLeader(packet);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      this.#step.emit({ type: 'disconnectLeader' });
      this.#later.push({ type: 'leaderClosed', reason: String(error) });
    }
  }

  /** A piece of the leader's snapshot. */
  #takeSnapshot(bytes: Uint8Array, end: boolean): void {
    const progress = this.#incoming.take(bytes, end);
    if (progress === 'unexpected') return;
    if (progress === 'more' || progress === 'whole') {
      if (progress === 'more') this.#feed({ type: 'snapshotProgress' });
      else this.#feed({ type: 'snapshotReceived', configuration: this.#configurationText() });
      return;
    }
    this.#step.log('warn', 'the leader sent a snapshot that cannot be read', { error: progress.message });
    this.#feed({ type: 'stepDown', reason: 'the snapshot of the leader cannot be read' });
  }

  #finish(): void {
    const { nowMs } = this.#step;
    if (this.#clients.nextDeadlineMs() <= nowMs) this.#clients.expire(!this.#paused);
    do {
      for (const input of this.#later.splice(0)) this.#feed(input);
      this.#leading?.finish((input) => this.#feed(input));
    } while (this.#later.length > 0 || this.#leading?.unfinished === true);
    if (this.#clients.serving && this.#snapshots.isDue()) {
      this.#step.emit({ type: 'saveSnapshot', source: this.#database.snapshot() });
    }
    this.#throttle();
    if (this.#mayStop()) this.#stop();
    this.#replies.flush(this.#step.outputs);
    if (this.#stopped) this.#step.emit({ type: 'stopped' });
  }

  /** Reading pauses above the limit and goes on below half of it, so that it does not change with every request. */
  #throttle(): void {
    const { outstanding } = this.#clients;
    const max = this.#config.outstandingRequestsMax;
    const paused = this.#paused ? outstanding > max / 2 : outstanding > max;
    if (paused === this.#paused) return;
    this.#paused = paused;
    this.#step.emit({ type: 'pauseClients', paused });
  }

  /**
   * Told to stop, a member answers what it has; a leader then lets another server lead, and stays until that one does,
   * so that its vote and its acknowledgements help.
   */
  #mayStop(): boolean {
    if (this.#stopAtMs === Infinity) return false;
    if (this.#step.nowMs >= this.#stopAtMs) return true;
    if (this.#clients.outstanding > 0) return false;
    const leading = this.#leading;
    if (leading === undefined) return this.#clients.serving || !this.#handsOver;
    this.#handsOver = leading.handsOver || this.#handOver();
    return !this.#handsOver;
  }

  /** Lets another server lead as soon as one has everything. Returns false where there is no leadership, or nobody to take it. */
  #handOver(): boolean {
    const leading = this.#leading;
    if (leading === undefined) return false;
    if (this.#zab?.learners().some(({ isVoter, serving }) => isVoter && serving) !== true) return false;
    leading.beginHandOver();
    this.#feed({ type: 'handOver' });
    return true;
  }

  #stop(): void {
    this.#clients.closeAll('this server is stopping');
    this.#clients.stopServing();
    this.#stopped = true;
  }
}
