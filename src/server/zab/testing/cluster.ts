import { assert } from '../../../common/errors.ts';
import type { ServerId } from '../../../common/types.ts';
import { encodeUtf8 } from '../../../common/utf8.ts';
import { counterOf, makeZxid, type Zxid } from '../../../common/zxid.ts';
import { PacketType, type Notification, type QuorumPacket } from '../../protocol/quorum.ts';
import { OpCode } from '../../protocol/opcodes.ts';
import { encodeLogEntry } from '../../protocol/transaction-codec.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { configurationIn } from '../configuration-entry.ts';
import { packet } from '../messages.ts';
import { createZabPeer } from '../peer.ts';
import type { Membership, ZabConfig, ZabInput, ZabOutput, ZabPeer, ZabRole } from '../types.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { TestDisk, type TestState } from './disk.ts';
import {
  showEntries,
  showConfiguration,
  showEntry,
  showOperation,
  showPacket,
  showRole,
  showVote,
  showZxid,
} from './trace.ts';

/** What travels on a connection: packets, and behind SNAP the state itself. */
type Freight = { readonly packet: QuorumPacket } | { readonly snapshot: TestState };

/** A connection between a learner and the server that it takes for its leader. */
interface Connection {
  readonly id: number;
  readonly learner: TestServer;
  readonly leader: TestServer;
  readonly toLeader: QuorumPacket[];
  readonly toLearner: Freight[];
  /** Each side sees it as opened, then as closed; what the other side sent before is still read. */
  leaderOpen: boolean;
  learnerOpen: boolean;
}

/** One server: a pure peer, a disk that survives crashes, and a state made of what was delivered. */
export class TestServer {
  readonly id: ServerId;
  readonly disk = new TestDisk();
  /** Undefined while the server is down. */
  peer: ZabPeer | undefined;
  role: ZabRole = { state: 'looking' };
  state: LogEntry[] = [];
  /** What was delivered as committed, over all lives. */
  readonly committed: LogEntry[] = [];
  readonly confirmed: number[] = [];
  /** While true the disk does nothing. */
  diskHeld = false;
  connection: Connection | undefined;
  dialing: ServerId | undefined;
  readonly votes = new Map<ServerId, Notification>();
  incarnation = 0;
  /** The configuration in force, which outlives a crash. */
  membership: Membership;

  constructor(id: ServerId, membership: Membership) {
    this.membership = membership;
    this.id = id;
  }
}

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

/** A configuration with these voters and observers. */
export function configurationText(
  voters: readonly ServerId[],
  version: Zxid,
  observers: readonly ServerId[] = [],
): string {
  const lines = [
    ...voters.map((id) => `server.${id}=server-${id}:2888:3888:participant;0.0.0.0:2181`),
    ...observers.map((id) => `server.${id}=server-${id}:2888:3888:observer;0.0.0.0:2181`),
  ];
  return [...lines, `version=${version.toString(16)}`].join('\n');
}

function newestConfiguration(state: readonly LogEntry[]): string | undefined {
  return state.map(configurationIn).findLast((text) => text !== undefined);
}

/** One thing that can happen next in the cluster. */
export interface ClusterEvent {
  readonly server: ServerId;
  readonly happen: () => void;
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
  readonly #cut = new Set<string>();
  readonly #connections = new Set<Connection>();
  #nextConnection = 1;
  nowMs = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
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
    server.dialing = undefined;
    server.connection = undefined;
    server.votes.clear();
    server.disk.crash(survivingOperations, survivingEntries);
    for (const connection of this.#connections) {
      if (connection.leader === server) connection.leaderOpen = false;
      if (connection.learner === server) connection.learnerOpen = false;
    }
  }

  /** Takes a server away and gives it an empty disk. */
  wipe(id: ServerId): void {
    if (this.server(id).peer !== undefined) this.crash(id);
    this.note(`server ${id} loses its disk`);
    this.server(id).disk.wipe();
  }

  /** Cuts the network between two servers: what is on the way between them is lost, connections end. */
  cut(a: ServerId, b: ServerId): void {
    this.#cut.add(`${a}-${b}`).add(`${b}-${a}`);
    this.note(`the network is cut between ${a} and ${b}`);
    this.server(a).votes.delete(b);
    this.server(b).votes.delete(a);
    for (const connection of this.#connections) {
      if (!this.isCut(connection.leader.id, connection.learner.id)) continue;
      connection.toLeader.length = 0;
      connection.toLearner.length = 0;
      this.#closeAtLeader(connection);
      this.#closeAtLearner(connection, 'the network is cut');
    }
  }

  /** Cuts one server off from all others. */
  isolate(id: ServerId): void {
    for (const other of this.servers.keys()) if (other !== id) this.cut(id, other);
  }

  heal(): void {
    this.note('the network is healed');
    this.#cut.clear();
  }

  isCut(a: ServerId, b: ServerId): boolean {
    return this.#cut.has(`${a}-${b}`);
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
    this.#proposed.set(server, entries.at(-1)?.zxid ?? first);
    this.give(server, { type: 'propose', entries });
    return entries.map((entry) => entry.zxid);
  }

  readonly #proposed = new WeakMap<TestServer, Zxid>();

  /** The leader proposes a configuration with these voters. */
  reconfigure(id: ServerId, voters: readonly ServerId[]): void {
    const server = this.server(id);
    assert(server.role.state === 'leading' && server.role.serving, `server ${id} does not lead`);
    const zxid = Math.max(this.#lastProposed(server), makeZxid(server.role.epoch, 0)) + 1;
    const header = { sessionId: 1n, cxid: 1, zxid, timeMs: 0, type: OpCode.reconfig };
    const data = encodeUtf8(configurationText(voters, zxid));
    const entry = encodeLogEntry(header, { type: OpCode.reconfig, path: '/zookeeper/config', data, version: -1 });
    this.note(`server ${id} proposes ${showEntry(entry)}`);
    this.#proposed.set(server, zxid);
    this.give(server, { type: 'propose', entries: [entry] });
  }

  handOver(id: ServerId): void {
    this.note(`server ${id} is to hand over`);
    this.give(this.server(id), { type: 'handOver' });
  }

  #lastProposed(server: TestServer): Zxid {
    return Math.max(this.#proposed.get(server) ?? 0, server.state.at(-1)?.zxid ?? 0);
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
      const add = (happen: () => void): number => events.push({ server: server.id, happen });
      if (server.dialing !== undefined) add(() => this.#dial(server));
      for (const [from, vote] of server.votes) add(() => this.#deliverVote(server, from, vote));
      if (server.disk.pending > 0 && !server.diskHeld) add(() => this.#workDisk(server));
    }
    for (const connection of this.#connections) this.#addConnectionEvents(connection, events);
    return events;
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

  /* the network */

  #dial(server: TestServer): void {
    const leaderId = server.dialing;
    server.dialing = undefined;
    if (leaderId === undefined) return;
    const leader = this.server(leaderId);
    if (leader.peer === undefined || this.isCut(server.id, leaderId)) {
      this.give(server, { type: 'leaderClosed', reason: 'connection refused' });
      return;
    }
    const connection: Connection = {
      id: this.#nextConnection++,
      learner: server,
      leader,
      toLeader: [],
      toLearner: [],
      leaderOpen: true,
      learnerOpen: true,
    };
    this.#connections.add(connection);
    server.connection = connection;
    this.give(leader, { type: 'learnerConnected', connection: connection.id });
    this.give(server, { type: 'leaderConnected' });
  }

  #deliverVote(server: TestServer, from: ServerId, notification: Notification): void {
    server.votes.delete(from);
    this.note(`${from} -> ${server.id} ${showVote(notification)}`);
    this.give(server, { type: 'vote', from, notification });
  }

  #addConnectionEvents(connection: Connection, events: ClusterEvent[]): void {
    const { leader, learner, toLeader, toLearner } = connection;
    if (connection.leaderOpen) {
      if (toLeader.length > 0) events.push({ server: leader.id, happen: () => this.#deliverToLeader(connection) });
      else if (!connection.learnerOpen)
        events.push({ server: leader.id, happen: () => this.#closeAtLeader(connection) });
    }
    if (connection.learnerOpen) {
      if (toLearner.length > 0) events.push({ server: learner.id, happen: () => this.#deliverToLearner(connection) });
      else if (!connection.leaderOpen) {
        events.push({ server: learner.id, happen: () => this.#closeAtLearner(connection, 'the connection ended') });
      }
    }
    if (!connection.leaderOpen && !connection.learnerOpen) this.#connections.delete(connection);
  }

  #deliverToLeader(connection: Connection): void {
    const { id, leader, learner, toLeader } = connection;
    const packet = toLeader.shift();
    if (packet === undefined) return;
    this.#notePacket(learner, leader, packet);
    this.give(leader, { type: 'learnerPacket', connection: id, packet });
  }

  #deliverToLearner(connection: Connection): void {
    const { leader, learner, toLearner } = connection;
    const freight = toLearner.shift();
    if (freight === undefined) return;
    if ('packet' in freight) {
      this.#notePacket(leader, learner, freight.packet);
      this.give(learner, { type: 'leaderPacket', packet: freight.packet });
      return;
    }
    this.note(`${leader.id} -> ${learner.id} the state: ${showEntries(freight.snapshot)}`);
    learner.state = [...freight.snapshot];
    this.give(learner, { type: 'snapshotReceived', configuration: newestConfiguration(learner.state) });
  }

  #closeAtLeader(connection: Connection): void {
    if (!connection.leaderOpen) return;
    connection.leaderOpen = false;
    this.give(connection.leader, { type: 'learnerClosed', connection: connection.id });
  }

  #closeAtLearner(connection: Connection, reason: string): void {
    if (!connection.learnerOpen) return;
    connection.learnerOpen = false;
    connection.learner.connection = undefined;
    this.give(connection.learner, { type: 'leaderClosed', reason });
  }

  #notePacket(from: TestServer, to: TestServer, packet: QuorumPacket): void {
    if (packet.type === PacketType.ping && this.#options.tracePings !== true) return;
    this.note(`${from.id} -> ${to.id} ${showPacket(packet)}`);
  }

  #workDisk(server: TestServer): void {
    const ticket = server.disk.work();
    if (ticket !== undefined) this.give(server, { type: 'persisted', ticket });
  }

  /* what a peer wants done */

  #carryOut(server: TestServer, output: ZabOutput): void {
    switch (output.type) {
      case 'sendVote':
        if (!this.isCut(server.id, output.to)) this.server(output.to).votes.set(server.id, output.notification);
        return;
      case 'connectLeader':
        server.dialing = output.leader;
        return;
      case 'disconnectLeader':
        server.dialing = undefined;
        if (server.connection !== undefined) server.connection.learnerOpen = false;
        server.connection = undefined;
        return;
      case 'sendToLeader':
        server.connection?.toLeader.push(output.packet);
        return;
      case 'sendToLearners':
        for (const id of output.connections) this.#toLearner(server, id, { packet: output.packet });
        return;
      case 'sendSnapshot':
        this.#toLearner(server, output.connection, { snapshot: [...server.state] });
        return;
      case 'closeLearner':
        for (const connection of this.#connections)
          if (connection.id === output.connection) connection.leaderOpen = false;
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
        server.connection?.toLeader.push(packet(PacketType.ping, output.packet.zxid, new Uint8Array(0)));
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

  #toLearner(server: TestServer, id: number, freight: Freight): void {
    for (const connection of this.#connections) {
      if (connection.id === id && connection.leader === server && connection.leaderOpen)
        connection.toLearner.push(freight);
    }
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
