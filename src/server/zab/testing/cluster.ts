import { assert } from '../../../common/errors.ts';
import type { ServerId } from '../../../common/types.ts';
import { encodeUtf8 } from '../../../common/utf8.ts';
import { counterOf, makeZxid, type Zxid } from '../../../common/zxid.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { OpCode } from '../../protocol/opcodes.ts';
import { PacketType } from '../../protocol/quorum.ts';
import { encodeLogEntry } from '../../protocol/transaction-codec.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { packet } from '../messages.ts';
import { createZabPeer } from '../peer.ts';
import type { Membership, ZabConfig, ZabInput, ZabOutput, ZabRole } from '../types.ts';
import { configurationText, newestConfiguration } from './configurations.ts';
import { threeVoters } from './memberships.ts';
import { TestNetwork, type ClusterEvent } from './network.ts';
import { TestServer } from './test-server.ts';
import { showConfiguration, showEntries, showEntry, showOperation, showRole, showZxid } from './trace.ts';

/** What a test may choose. */
export interface ClusterOptions {
  readonly membership: Membership;
  /** Servers that are not in it. */
  readonly others?: readonly ServerId[];
  /** False: a server with an empty disk may not vote until it has synchronized. */
  readonly emptyMayVote?: boolean;
  readonly committedLogEntries?: number;
  /** False leaves pings and their echoes out of the transcript. */
  readonly tracePings?: boolean;
  /** Called when a server has delivered an entry as committed, or begins to serve (`began`). */
  readonly check?: (server: TestServer, began: boolean) => void;
}

/** A cluster, of three voters unless it is said otherwise, that has had the time to elect a leader. */
export function startedCluster(options: Partial<ClusterOptions> = {}): Cluster {
  const cluster = new Cluster({ membership: threeVoters, ...options });
  cluster.startAll();
  cluster.runFor(1_000);
  return cluster;
}

/**
 * Pure peers connected by queues in memory, with a manual clock and manual disks. Nothing happens by itself: `events` are
 * what could happen next, `run` lets them happen in a fixed order, and every step can be read in `trace`.
 */
export class Cluster {
  readonly servers: ReadonlyMap<ServerId, TestServer>;
  readonly trace: string[] = [];
  /** Servers that led, by epoch: a second one for an epoch is a split brain. */
  readonly leaders = new Map<number, ServerId>();
  readonly #options: ClusterOptions;
  readonly #network: TestNetwork;
  nowMs = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#network = new TestNetwork({
      server: (id) => this.server(id),
      give: (server, input) => this.give(server, input),
      note: (line) => this.note(line),
      tracePings: options.tracePings ?? false,
    });
    this.servers = new Map(
      [...options.membership.members.map(({ id }) => id), ...(options.others ?? [])].map((id) => [
        id,
        new TestServer(id, options.membership),
      ]),
    );
  }

  server(id: ServerId): TestServer {
    const server = this.servers.get(id);
    assert(server !== undefined, `there is no server ${id}`);
    return server;
  }

  /* what a test does to the cluster */

  start(...ids: readonly ServerId[]): void {
    for (const id of ids) {
      const server = this.server(id);
      const { disk } = server;
      const mayVote = (this.#options.emptyMayVote ?? true) || disk.currentEpoch !== undefined;
      this.note(`server ${id} starts with ${showEntries(disk.state)}${mayVote ? '' : ', without a vote'}`);
      const config: ZabConfig = {
        serverId: id,
        membership: server.membership,
        readMembership: server.membership.text === '' ? undefined : readMembership,
        tickTimeMs: 2000,
        initLimitTicks: 10,
        syncLimitTicks: 5,
        committedLogEntries: this.#options.committedLogEntries ?? 500,
        mayVote,
      };
      server.incarnation++;
      server.state = [...disk.state];
      server.peer = createZabPeer(config, { ...disk.recover(), configuration: newestConfiguration(disk.state) });
      this.give(server, { type: 'start' });
    }
  }

  startAll(): void {
    this.start(...this.servers.keys());
  }

  /** Takes a server away. What its disk did not report as done may have been done in part. */
  crash(id: ServerId, survivingOperations = 0, survivingEntries = 0): void {
    const server = this.server(id);
    this.note(`server ${id} crashes`);
    server.peer = undefined;
    server.role = { state: 'looking' };
    server.disk.crash(survivingOperations, survivingEntries);
    this.#network.crash(server);
  }

  /** Takes a server away and gives it an empty disk. */
  wipe(id: ServerId): void {
    if (this.server(id).peer !== undefined) this.crash(id);
    this.note(`server ${id} loses its disk`);
    this.server(id).disk.wipe();
  }

  /** Cuts the network between two servers: what is on the way between them is lost, connections end. */
  cut(a: ServerId, b: ServerId): void {
    this.note(`the network is cut between ${a} and ${b}`);
    this.#network.cut(this.server(a), this.server(b));
  }

  /** Cuts one server off from all others. */
  isolate(id: ServerId): void {
    for (const other of this.servers.keys()) if (other !== id) this.cut(id, other);
  }

  heal(): void {
    this.note('the network is healed');
    this.#network.heal();
  }

  /** The leader that serves, if there is exactly one. */
  get leader(): TestServer | undefined {
    const leaders = [...this.servers.values()].filter(({ role }) => role.state === 'leading' && role.serving);
    return leaders.length === 1 ? leaders[0] : undefined;
  }

  /** Proposes entries with these payloads to a serving leader, and returns their zxids. */
  propose(id: ServerId, ...payloads: readonly string[]): readonly Zxid[] {
    const server = this.server(id);
    assert(server.role.state === 'leading' && server.role.serving, `server ${id} does not lead`);
    const { epoch } = server.role;
    const first = Math.max(this.#lastProposed(server), makeZxid(epoch, 0)) + 1;
    const entries = payloads.map((payload, index) => ({ zxid: first + index, bytes: encodeUtf8(payload) }));
    this.note(`server ${id} proposes ${showEntries(entries)}`);
    server.proposed = entries.at(-1)?.zxid ?? first;
    this.give(server, { type: 'propose', entries });
    return entries.map((entry) => entry.zxid);
  }

  /** The leader proposes a configuration with these voters. */
  reconfigure(id: ServerId, voters: readonly ServerId[]): void {
    const server = this.server(id);
    assert(server.role.state === 'leading' && server.role.serving, `server ${id} does not lead`);
    const zxid = Math.max(this.#lastProposed(server), makeZxid(server.role.epoch, 0)) + 1;
    const header = { sessionId: 1n, cxid: 1, zxid, timeMs: 0, type: OpCode.reconfig };
    const data = encodeUtf8(configurationText(voters, zxid));
    const entry = encodeLogEntry(header, { type: OpCode.reconfig, path: '/zookeeper/config', data, version: -1 });
    this.note(`server ${id} proposes ${showEntry(entry)}`);
    server.proposed = zxid;
    this.give(server, { type: 'propose', entries: [entry] });
  }

  handOver(id: ServerId): void {
    this.note(`server ${id} is to hand over`);
    this.give(this.server(id), { type: 'handOver' });
  }

  #lastProposed(server: TestServer): Zxid {
    return Math.max(server.proposed, server.state.at(-1)?.zxid ?? 0);
  }

  /** Lets everything happen that can, moving the clock on, until it has reached a time. */
  runUntil(timeMs: number): void {
    for (;;) {
      this.settle();
      const nextMs = Math.min(...[...this.servers.values()].map((server) => server.peer?.nextDeadlineMs() ?? Infinity));
      if (nextMs > timeMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.tickDue();
    }
    this.nowMs = timeMs;
  }

  runFor(durationMs: number): void {
    this.runUntil(this.nowMs + durationMs);
  }

  /** Lets everything happen that can happen at this moment. */
  settle(): void {
    for (let steps = 0; ; steps++) {
      assert(steps < 100_000, 'the cluster does not come to rest');
      const event = this.events()[0];
      if (event === undefined) return;
      event.happen();
    }
  }

  tickDue(): void {
    for (const server of this.servers.values()) {
      if (server.peer !== undefined && server.peer.nextDeadlineMs() <= this.nowMs) this.give(server, { type: 'tick' });
    }
  }

  /** Everything that can happen now: dials, votes and packets that arrive, closed connections, disks that finish. */
  events(): ClusterEvent[] {
    const events: ClusterEvent[] = [];
    for (const server of this.servers.values()) {
      if (server.peer === undefined) continue;
      events.push(...this.#network.eventsOf(server));
      if (server.disk.pending > 0 && !server.diskHeld) {
        events.push({ server: server.id, happen: () => this.#workDisk(server) });
      }
    }
    events.push(...this.#network.connectionEvents());
    return events;
  }

  /** Leaves what went before out of the transcript. */
  forgetTrace(): void {
    this.trace.length = 0;
  }

  note(line: string): void {
    this.trace.push(`${String(this.nowMs).padStart(6)} ${line}`);
  }

  give(server: TestServer, input: ZabInput): void {
    const { peer, incarnation } = server;
    if (peer === undefined) return;
    for (const output of peer.step(input, this.nowMs)) {
      if (server.incarnation !== incarnation) return;
      this.#carryOut(server, output);
    }
  }

  #workDisk(server: TestServer): void {
    const ticket = server.disk.work();
    if (ticket !== undefined) this.give(server, { type: 'persisted', ticket });
  }

  /* what a peer wants done */

  #carryOut(server: TestServer, output: ZabOutput): void {
    switch (output.type) {
      case 'sendVote':
        this.#network.sendVote(server, output.to, output.notification);
        return;
      case 'connectLeader':
        this.#network.dial(server, output.leader);
        return;
      case 'disconnectLeader':
        this.#network.disconnect(server);
        return;
      case 'sendToLeader':
        this.#network.sendToLeader(server, output.packet);
        return;
      case 'sendToLearners':
        for (const id of output.connections) this.#network.sendToLearner(server, id, { packet: output.packet });
        return;
      case 'sendSnapshot':
        this.#network.sendToLearner(server, output.connection, { snapshot: [...server.state] });
        return;
      case 'closeLearner':
        this.#network.closeLearner(output.connection);
        return;
      case 'persist':
        this.note(`${server.id} persists ${output.operations.map(showOperation).join('; ')}`);
        server.disk.give(output.ticket, output.operations, [...server.state]);
        return;
      case 'truncateAndReload':
        this.#truncate(server, output.zxid);
        return;
      case 'deliver':
        this.#deliver(server, output.entry, output.committed);
        return;
      case 'configuration':
        this.note(`${server.id} activates ${showConfiguration(output.membership.text)}`);
        server.membership = output.membership;
        return;
      case 'role':
        this.#noteRole(server, output.role);
        return;
      case 'fromLeader':
        if (output.packet.type !== PacketType.ping) return;
        this.#network.sendToLeader(server, packet(PacketType.ping, output.packet.zxid, new Uint8Array(0)));
        return;
      case 'leadershipConfirmed':
        this.note(`${server.id} is confirmed as leader (${output.token})`);
        server.confirmed.push(output.token);
        return;
      case 'log':
        this.#noteLog(server, output);
        return;
      case 'nextConfiguration':
      case 'receiveSnapshot':
      case 'fromLearner':
        return;
    }
  }

  #noteLog(server: TestServer, { level, message, fields }: Extract<ZabOutput, { readonly type: 'log' }>): void {
    const { reason } = fields;
    const why = typeof reason === 'string' ? reason : '';
    if (level === 'warn') this.note(`${server.id} warns: ${message}${why === '' ? '' : ` (${why})`}`);
    else if (why !== '') this.note(`${server.id}: ${why}`);
  }

  #truncate(server: TestServer, zxid: Zxid): void {
    this.note(`${server.id} cuts its log at ${showZxid(zxid)}`);
    const tickets = server.disk.truncate(zxid);
    const { lastZxid, recentEntries, snapshotZxid } = server.disk.recover();
    server.state = [...server.disk.state];
    const configuration = newestConfiguration(server.state);
    this.give(server, { type: 'reloaded', lastZxid, recentEntries, snapshotZxid, configuration });
    for (const ticket of tickets) this.give(server, { type: 'persisted', ticket });
  }

  #deliver(server: TestServer, entry: LogEntry, committed: boolean): void {
    const last = server.state.at(-1)?.zxid ?? 0;
    assert(entry.zxid === last + 1 || counterOf(entry.zxid) === 1, `server ${server.id}: gap before ${entry.zxid}`);
    this.note(`${server.id} delivers ${showEntry(entry)}${committed ? '' : ' (not known to be committed)'}`);
    server.state.push(entry);
    if (!committed) return;
    server.committed.push(entry);
    this.#options.check?.(server, false);
  }

  #noteRole(server: TestServer, role: ZabRole): void {
    server.role = role;
    this.note(`${server.id} is ${showRole(role)}`);
    if (role.state === 'looking' || !role.serving) return;
    this.#options.check?.(server, true);
    if (role.state !== 'leading') return;
    const known = this.leaders.get(role.epoch);
    assert(known === undefined, `server ${server.id} leads epoch ${role.epoch}, which server ${known} has led`);
    this.leaders.set(role.epoch, server.id);
  }
}
