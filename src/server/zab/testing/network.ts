import type { ServerId } from '../../../common/types.ts';
import { PacketType, type QuorumPacket } from '../../protocol/quorum.ts';
import type { LearnerConnection, ZabInput } from '../types.ts';
import { newestConfiguration } from './configurations.ts';
import type { TestState } from './disk.ts';
import type { TestServer } from './test-server.ts';
import { showEntries, showPacket, showVote } from './trace.ts';

/** One thing that can happen next in the cluster. */
export interface ClusterEvent {
  readonly server: ServerId;
  readonly happen: () => void;
}

/** What the network does to the servers. */
export interface NetworkHooks {
  server(id: ServerId): TestServer;
  give(server: TestServer, input: ZabInput): void;
  note(line: string): void;
  /** False leaves pings and their echoes out of the transcript. */
  readonly tracePings: boolean;
}

/** What travels on a connection: packets, and behind SNAP the state itself. */
type Freight = { readonly packet: QuorumPacket } | { readonly snapshot: TestState };

/** A connection between a learner and the server that it takes for its leader. */
interface Connection {
  readonly id: LearnerConnection;
  readonly learner: TestServer;
  readonly leader: TestServer;
  readonly toLeader: QuorumPacket[];
  readonly toLearner: Freight[];
  /** Each side sees it as opened, then as closed; what the other side sent before is still read. */
  leaderOpen: boolean;
  learnerOpen: boolean;
}

/** Votes and connections between the servers of a test, as queues in memory. Nothing arrives before its event happens. */
export class TestNetwork {
  readonly #hooks: NetworkHooks;
  readonly #cut = new Set<string>();
  readonly #connections = new Set<Connection>();
  /** Where a learner dials, and the connection that it has. */
  readonly #dialing = new Map<TestServer, ServerId>();
  readonly #dialled = new Map<TestServer, Connection>();
  #nextConnection = 1;

  constructor(hooks: NetworkHooks) {
    this.#hooks = hooks;
  }

  /* what happens to the network */

  /** What is on the way between two servers is lost, their connections end. */
  cut(a: TestServer, b: TestServer): void {
    this.#cut.add(`${a.id}-${b.id}`).add(`${b.id}-${a.id}`);
    a.votes.delete(b.id);
    b.votes.delete(a.id);
    for (const connection of this.#connections) {
      if (!this.#isCut(connection.leader.id, connection.learner.id)) continue;
      connection.toLeader.length = 0;
      connection.toLearner.length = 0;
      this.#closeAtLeader(connection);
      this.#closeAtLearner(connection, 'the network is cut');
    }
  }

  heal(): void {
    this.#cut.clear();
  }

  /** A server is gone: the others notice when they have read what it sent. */
  crash(server: TestServer): void {
    server.votes.clear();
    this.#dialing.delete(server);
    this.#dialled.delete(server);
    for (const connection of this.#connections) {
      if (connection.leader === server) connection.leaderOpen = false;
      if (connection.learner === server) connection.learnerOpen = false;
    }
  }

  /** What can arrive at this server next, but for what comes on connections. */
  eventsOf(server: TestServer): ClusterEvent[] {
    const events: ClusterEvent[] = [];
    const leader = this.#dialing.get(server);
    if (leader !== undefined) events.push({ server: server.id, happen: () => this.#connect(server, leader) });
    for (const from of server.votes.keys()) {
      events.push({ server: server.id, happen: () => this.#deliverVote(server, from) });
    }
    return events;
  }

  /** What can happen next on the connections. */
  connectionEvents(): ClusterEvent[] {
    const events: ClusterEvent[] = [];
    for (const connection of this.#connections) this.#addEvents(connection, events);
    return events;
  }

  /* what a server does */

  sendVote(from: TestServer, to: ServerId, notification: Parameters<TestServer['votes']['set']>[1]): void {
    if (!this.#isCut(from.id, to)) this.#hooks.server(to).votes.set(from.id, notification);
  }

  dial(server: TestServer, leader: ServerId): void {
    this.#dialing.set(server, leader);
  }

  disconnect(server: TestServer): void {
    this.#dialing.delete(server);
    const connection = this.#dialled.get(server);
    if (connection !== undefined) connection.learnerOpen = false;
    this.#dialled.delete(server);
  }

  sendToLeader(server: TestServer, packet: QuorumPacket): void {
    this.#dialled.get(server)?.toLeader.push(packet);
  }

  sendToLearner(leader: TestServer, id: LearnerConnection, freight: Freight): void {
    for (const connection of this.#connections) {
      if (connection.id === id && connection.leader === leader && connection.leaderOpen)
        connection.toLearner.push(freight);
    }
  }

  closeLearner(id: LearnerConnection): void {
    for (const connection of this.#connections) if (connection.id === id) connection.leaderOpen = false;
  }

  #isCut(a: ServerId, b: ServerId): boolean {
    return this.#cut.has(`${a}-${b}`);
  }

  #connect(learner: TestServer, leaderId: ServerId): void {
    this.#dialing.delete(learner);
    const leader = this.#hooks.server(leaderId);
    if (leader.peer === undefined || this.#isCut(learner.id, leaderId)) {
      this.#hooks.give(learner, { type: 'leaderClosed', reason: 'connection refused' });
      return;
    }
    const id = this.#nextConnection++;
    const connection = { id, learner, leader, toLeader: [], toLearner: [], leaderOpen: true, learnerOpen: true };
    this.#connections.add(connection);
    this.#dialled.set(learner, connection);
    this.#hooks.give(leader, { type: 'learnerConnected', connection: id });
    this.#hooks.give(learner, { type: 'leaderConnected' });
  }

  #deliverVote(server: TestServer, from: ServerId): void {
    const notification = server.votes.get(from);
    if (notification === undefined) return;
    server.votes.delete(from);
    this.#hooks.note(`${from} -> ${server.id} ${showVote(notification)}`);
    this.#hooks.give(server, { type: 'vote', from, notification });
  }

  #addEvents(connection: Connection, events: ClusterEvent[]): void {
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

  #deliverToLeader({ id, leader, learner, toLeader }: Connection): void {
    const packet = toLeader.shift();
    if (packet === undefined) return;
    this.#notePacket(learner, leader, packet);
    this.#hooks.give(leader, { type: 'learnerPacket', connection: id, packet });
  }

  #deliverToLearner({ leader, learner, toLearner }: Connection): void {
    const freight = toLearner.shift();
    if (freight === undefined) return;
    if ('packet' in freight) {
      this.#notePacket(leader, learner, freight.packet);
      this.#hooks.give(learner, { type: 'leaderPacket', packet: freight.packet });
      return;
    }
    this.#hooks.note(`${leader.id} -> ${learner.id} the state: ${showEntries(freight.snapshot)}`);
    learner.state = [...freight.snapshot];
    this.#hooks.give(learner, { type: 'snapshotReceived', configuration: newestConfiguration(learner.state) });
  }

  #closeAtLeader(connection: Connection): void {
    if (!connection.leaderOpen) return;
    connection.leaderOpen = false;
    this.#hooks.give(connection.leader, { type: 'learnerClosed', connection: connection.id });
  }

  #closeAtLearner(connection: Connection, reason: string): void {
    if (!connection.learnerOpen) return;
    connection.learnerOpen = false;
    this.#dialled.delete(connection.learner);
    this.#hooks.give(connection.learner, { type: 'leaderClosed', reason });
  }

  #notePacket(from: TestServer, to: TestServer, packet: QuorumPacket): void {
    if (packet.type === PacketType.ping && !this.#hooks.tracePings) return;
    this.#hooks.note(`${from.id} -> ${to.id} ${showPacket(packet)}`);
  }
}
