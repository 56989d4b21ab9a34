import { assert } from '../../common/errors.ts';
import type { Random } from '../../common/types.ts';
import { createDatabase } from '../database/database.ts';
import type { Database, DatabaseSnapshot } from '../database/types.ts';
import { createZabPeer } from '../zab/peer.ts';
import type { LearnerStatus, ZabInput, ZabOutput, ZabPeer } from '../zab/types.ts';
import { createAccess, type Access } from './access.ts';
import { adminAccess, type AdminAccess } from './admin-access.ts';
import { Answers } from './answers.ts';
import { Clients } from './clients.ts';
import { DigestLog } from './digest-log.ts';
import { ensembleStatus } from './ensemble-status.ts';
import { IncomingSnapshot } from './incoming-snapshot.ts';
import { Reads } from './reads.ts';
import { configurationOf, Recovery } from './recovery.ts';
import { Replies } from './replies.ts';
import { Serving } from './serving.ts';
import { SessionIds } from './session-ids.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import { Step } from './step.ts';
import { Stopping } from './stopping.ts';
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
import { WatchAllowance } from './watch-allowance.ts';
import { WatchEvents } from './watch-events.ts';
import { WatchRequests } from './watch-requests.ts';

/** A member of an ensemble as a pure state machine. */
export function createMember(config: MemberConfig, random: Random, observer?: Partial<MemberObserver>): Member {
  return new ZabMember(config, random, observer);
}

class ZabMember implements Member {
  readonly #config: MemberConfig;
  readonly #step = new Step();
  readonly #access: Access;
  readonly #database: Database;
  readonly #replies = new Replies();
  readonly #clients: Clients;
  readonly #recovery: Recovery;
  readonly #snapshots: SnapshotSchedule;
  readonly #digests: DigestLog | undefined;
  readonly #serving: Serving;
  readonly #stopping: Stopping;
  #zab: ZabPeer | undefined;
  /** What the ZAB core is told once it is done with what it is doing. */
  readonly #later: ZabInput[] = [];
  readonly #incoming: IncomingSnapshot;
  #stopped = false;

  constructor(config: MemberConfig, random: Random, observer: Partial<MemberObserver> | undefined) {
    this.#config = config;
    this.#access = createAccess(config.skipAcl);
    const step = this.#step;
    const replies = this.#replies;
    this.#database = createDatabase({
      watchSink: (event, watchers, acl) => events.fire(event, watchers, acl),
      keepDigest: config.keepDigest ?? false,
      hashSeed: Math.floor(random.next() * 2 ** 32),
    });
    const allowance = new WatchAllowance(this.#database.watches, config.watchBytesMax ?? Infinity, step);
    const watchRequests = new WatchRequests(this.#database, replies, allowance);
    const reads = new Reads(this.#database, this.#access, replies, watchRequests, (client, reason) =>
      this.#clients.close(client, reason),
    );
    const answers = new Answers(this.#database, replies);
    const sessionIds = new SessionIds(config.zab.serverId);
    this.#clients = new Clients(config, this.#database, step, replies, reads, answers, sessionIds);
    const events = new WatchEvents(this.#access, replies, this.#clients, observer);
    this.#incoming = new IncomingSnapshot(this.#database);
    this.#recovery = new Recovery(this.#database, config.zab.committedLogEntries);
    this.#digests = config.keepDigest === true ? new DigestLog() : undefined;
    this.#snapshots = new SnapshotSchedule(
      { transactions: config.snapshotEveryTransactions, bytes: config.snapshotEveryBytes ?? Infinity },
      random,
    );
    this.#stopping = new Stopping(config.zab.tickTimeMs);
    this.#serving = new Serving({
      config,
      database: this.#database,
      access: this.#access,
      clients: this.#clients,
      step,
      snapshots: this.#snapshots,
      digests: this.#digests,
      observer,
      learners: () => this.learners(),
      later: (input) => this.#later.push(input),
    });
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
      this.#serving.leading?.nextDeadlineMs() ?? Infinity,
      this.#stopping.deadlineMs,
    );
  }

  status(): MemberStatus {
    const database = this.#database;
    const { role, leading } = this.#serving;
    return {
      role,
      lastZxid: database.lastZxid,
      epoch: role.state === 'looking' ? 0 : role.epoch,
      znodes: database.znodeCount,
      ephemerals: database.ephemeralCount,
      watches: database.watches.count,
      dataBytes: database.dataBytes,
      sessions: database.sessions.size,
      clients: this.#clients.count,
      outstandingRequests: this.#clients.outstanding,
      pendingSyncs: leading?.pendingSyncs ?? 0,
      packetsReceived: this.#clients.received,
      packetsSent: this.#replies.sentCount,
      counts: this.#step.counts,
    };
  }

  ensemble(): EnsembleStatus {
    const { role, membership } = this.#serving;
    return ensembleStatus(this.#zab, role, membership, this.#database.lastZxid);
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
      case 'clientDrained':
        this.#clients.drained(input.client);
        break;
      case 'leaderSnapshot':
        this.#takeSnapshot(input.bytes, input.end);
        break;
      case 'snapshotSaved':
        this.#snapshots.saved();
        break;
      case 'reloaded':
        this.#feed({ type: 'reloaded', ...this.#recovery.takeRecovered() });
        break;
      case 'stop':
        this.#clients.stop();
        this.#stopping.begin(this.#step.nowMs);
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
    const recovered = { acceptedEpoch, currentEpoch, ...this.#recovery.takeRecovered() };
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
        this.#serving.deliver(output.entry, output.committed);
        break;
      case 'fromLearner':
        this.#serving.fromLearner(output);
        break;
      case 'fromLeader':
        this.#serving.fromLeader(output);
        break;
      case 'leadershipConfirmed':
        this.#serving.leading?.leadershipConfirmed(output.token);
        break;
      case 'role':
        this.#serving.changeRole(output.role);
        break;
      case 'configuration':
        this.#serving.changeMembership(output.membership);
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

  /** A piece of the leader's snapshot. */
  #takeSnapshot(bytes: Uint8Array, end: boolean): void {
    const progress = this.#incoming.take(bytes, end);
    if (progress === 'unexpected') return;
    if (progress === 'more' || progress === 'whole') {
      if (progress === 'more') this.#feed({ type: 'snapshotProgress' });
      else this.#feed({ type: 'snapshotReceived', configuration: configurationOf(this.#database) });
      return;
    }
    this.#step.log('warn', 'the leader sent a snapshot that cannot be read', { error: progress.message });
    this.#feed({ type: 'stepDown', reason: 'the snapshot of the leader cannot be read' });
  }

  #finish(): void {
    const { nowMs } = this.#step;
    if (this.#clients.nextDeadlineMs() <= nowMs) this.#clients.expire();
    do {
      for (const input of this.#later.splice(0)) this.#feed(input);
      this.#serving.leading?.finish((input) => this.#feed(input));
    } while (this.#later.length > 0 || this.#serving.leading?.unfinished === true);
    if (this.#clients.serving && this.#snapshots.isDue()) {
      this.#step.emit({ type: 'saveSnapshot', source: this.#database.snapshot() });
    }
    this.#throttle();
    if (this.#stopping.isDone(nowMs, this.#clients, this.#serving.leading, () => this.#handOver())) this.#stop();
    this.#replies.flush(this.#step.outputs);
    if (this.#stopped) this.#step.emit({ type: 'stopped' });
  }

  /** Reading pauses above the limit and goes on below half of it, so that it does not change with every request. */
  #throttle(): void {
    const { outstanding, areUnread } = this.#clients;
    const max = this.#config.outstandingRequestsMax;
    const paused = areUnread ? outstanding > max / 2 : outstanding > max;
    if (paused === areUnread) return;
    this.#clients.areUnread = paused;
    this.#step.emit({ type: 'pauseClients', paused });
  }

  /** Lets another server lead as soon as one has everything. Returns false where there is no leadership, or nobody to take it. */
  #handOver(): boolean {
    const { leading } = this.#serving;
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
