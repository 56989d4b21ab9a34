import { assert } from '../../../common/errors.ts';
import type { Random, ServerId } from '../../../common/types.ts';
import type { QuorumPacket } from '../../protocol/quorum.ts';
import { readMembership } from '../../config/reconfiguration.ts';
import { majorityMembership } from '../../zab/membership.ts';
import type { LearnerConnection, Membership, PeerMember } from '../../zab/types.ts';
import { createMember } from '../member.ts';
import type { ClientId, Member, MemberConfig, MemberInput, MemberOutput } from '../types.ts';
import { MemoryDisk, readAll } from './memory-disk.ts';
import { TestClient } from './test-client.ts';

/** Steps without time passing after which something goes round in circles. */
const ROUNDS_MAX = 10_000;

interface Link {
  readonly connection: LearnerConnection;
  readonly learner: ServerId;
  readonly leader: ServerId;
}

interface Node {
  readonly id: ServerId;
  readonly disk: MemoryDisk;
  member: Member | undefined;
  inbox: MemberInput[];
  /** The connection to its leader. */
  link: Link | undefined;
  readonly clients: Map<ClientId, TestClient>;
  readonly held: Set<ClientId>;
  readonly pauses: boolean[];
  persists: number;
  /** The last configuration that was in force; undefined while it is the first one. */
  configuration: string | undefined;
}

/**
 * Members in one process, joined by queues: time passes only when a test says so, every message arrives, every disk is
 * perfect. For the rules of the pipeline; faults are the simulator's.
 */
export class Ensemble {
  readonly #nodes = new Map<ServerId, Node>();
  readonly #paused = new Set<ServerId>();
  readonly #links = new Map<LearnerConnection, Link>();
  readonly #config: Omit<Partial<MemberConfig>, 'zab'>;
  readonly #random: Random;
  readonly logs: Extract<MemberOutput, { type: 'log' }>[] = [];
  nowMs = 1000;
  #nextConnection = 1;
  #nextClient = 1;

  constructor(size: number, config: Omit<Partial<MemberConfig>, 'zab'> = {}, random: Random = fixedRandom()) {
    this.#config = config;
    this.#random = random;
    for (let id = 1; id <= size; id++) {
      const node: Node = {
        id,
        disk: new MemoryDisk(),
        member: undefined,
        inbox: [],
        link: undefined,
        clients: new Map(),
        held: new Set(),
        pauses: [],
        persists: 0,
        configuration: undefined,
      };
      this.#nodes.set(id, node);
    }
  }

  /** Starts every member and waits until all of them serve. */
  static serving(size: number, config: Omit<Partial<MemberConfig>, 'zab'> = {}): Ensemble {
    const ensemble = new Ensemble(size, config);
    ensemble.startAll();
    ensemble.untilServing();
    return ensemble;
  }

  startAll(): void {
    for (const id of this.#nodes.keys()) this.start(id);
  }

  start(id: ServerId): void {
    const node = this.#node(id);
    const member = createMember(this.#memberConfig(id), this.#random);
    node.member = member;
    node.inbox = [];
    node.disk.recover(member.recovery);
    const { acceptedEpoch, currentEpoch } = node.disk;
    node.inbox.push({ type: 'start', acceptedEpoch, currentEpoch, mayVote: true });
  }

  /** The process ends: connections break, the disk stays. */
  crash(id: ServerId): void {
    const node = this.#node(id);
    node.member = undefined;
    node.inbox = [];
    for (const link of this.#links.values()) {
      if (link.learner === id) this.#breakLink(link, 'learner');
      else if (link.leader === id) this.#breakLink(link, 'leader');
    }
    for (const client of node.clients.values()) client.closedBecause ??= 'the server crashed';
    node.clients.clear();
  }

  member(id: ServerId): Member {
    const { member } = this.#node(id);
    assert(member !== undefined, `server ${id} does not run`);
    return member;
  }

  disk(id: ServerId): MemoryDisk {
    return this.#node(id).disk;
  }

  /** How reading from clients was paused and taken up again. */
  pauses(id: ServerId): readonly boolean[] {
    return this.#node(id).pauses;
  }

  /** How often a server asks its disk for something while `act` runs. */
  countPersists(id: ServerId, act: () => void): number {
    const node = this.#node(id);
    const before = node.persists;
    act();
    return node.persists - before;
  }

  get leader(): ServerId {
    const leader = this.running.find((id) => this.#stateOf(id) === 'leading');
    assert(leader !== undefined, 'nobody leads');
    return leader;
  }

  get followers(): ServerId[] {
    return this.running.filter((id) => this.#stateOf(id) === 'following');
  }

  /** A new connection to a server, without a word said. */
  client(id: ServerId, address = '127.0.0.1'): TestClient {
    const node = this.#node(id);
    const client = new TestClient(
      this.#nextClient++,
      (frame) => node.clients.has(client.id) && node.inbox.push({ type: 'clientFrame', client: client.id, frame }),
      () => node.clients.delete(client.id) && node.inbox.push({ type: 'clientClosed', client: client.id }),
    );
    node.clients.set(client.id, client);
    node.inbox.push({ type: 'clientConnected', client: client.id, address });
    return client;
  }

  /** A client with an open session. */
  connected(id: ServerId, options: Parameters<TestClient['connect']>[0] = {}): TestClient {
    const client = this.client(id);
    client.connect(options);
    this.run();
    assert(client.sessionId !== 0n, `server ${id} opened no session: ${client.closedBecause ?? 'it is silent'}`);
    return client;
  }

  /** Gives one server an input of any kind. */
  input(id: ServerId, input: MemberInput): void {
    this.#node(id).inbox.push(input);
  }

  /** Gives a learner's leader a packet, as if the learner had sent it. */
  inputFromLearner(id: ServerId, packet: QuorumPacket): void {
    const { link } = this.#node(id);
    assert(link !== undefined, `server ${id} follows nobody`);
    this.input(link.leader, { type: 'learnerPacket', connection: link.connection, packet });
  }

  /** The process stands still, as under SIGSTOP: what comes waits. */
  pause(id: ServerId): void {
    this.#paused.add(id);
  }

  resume(id: ServerId): void {
    this.#paused.delete(id);
  }

  /** Lets everything happen that needs no time. */
  run(): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (!this.turn()) return;
    }
    throw new Error('the ensemble does not come to rest');
  }

  /** One step of each member that has something to do; false if none has. */
  turn(): boolean {
    const busy = [...this.#nodes.values()].filter(({ id, inbox }) => inbox.length > 0 && !this.#paused.has(id));
    for (const node of busy) this.#step(node);
    return busy.length > 0;
  }

  /** Lets time pass, from one deadline to the next. */
  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    this.run();
    for (;;) {
      const running = [...this.#nodes.values()].filter(
        (node) => node.member !== undefined && !this.#paused.has(node.id),
      );
      const nextMs = Math.min(...running.map((node) => node.member?.nextDeadlineMs() ?? Infinity));
      if (nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      for (const node of running) {
        if ((node.member?.nextDeadlineMs() ?? Infinity) <= this.nowMs) node.inbox.push({ type: 'tick' });
      }
      this.run();
    }
    this.nowMs = endMs;
  }

  /** Lets time pass until the condition holds. */
  until(what: string, condition: () => boolean, limitMs = 120_000): void {
    const endMs = this.nowMs + limitMs;
    this.run();
    while (!condition()) {
      if (this.nowMs >= endMs) throw new Error(`after ${limitMs} ms: ${what}`);
      this.advance(100);
    }
  }

  untilServing(): void {
    this.until('not all members serve', () =>
      this.running.every((id) => {
        const { role } = this.member(id).status();
        return role.state !== 'looking' && role.serving;
      }),
    );
  }

  #step(node: Node): void {
    const inputs = node.inbox;
    node.inbox = [];
    if (node.member === undefined) return;
    const outputs = node.member.step(inputs, { monotonicMs: this.nowMs, wallMs: 1_700_000_000_000 + this.nowMs });
    for (const output of outputs) this.#carryOut(node, output);
  }

  #carryOut(node: Node, output: MemberOutput): void {
    switch (output.type) {
      case 'toClient':
        node.clients.get(output.client)?.receive(output.bytes);
        if (node.held.has(output.client)) node.inbox.push({ type: 'clientDrained', client: output.client });
        break;
      case 'holdClient':
        if (output.held) node.held.add(output.client);
        else node.held.delete(output.client);
        break;
      case 'closeClient': {
        const client = node.clients.get(output.client);
        if (client !== undefined) client.closedBecause = output.reason;
        node.clients.delete(output.client);
        break;
      }
      case 'pauseClients':
        node.pauses.push(output.paused);
        break;
      case 'sendVote':
        this.#node(output.to).inbox.push({ type: 'vote', from: node.id, notification: output.notification });
        break;
      case 'connectLeader':
        this.#connect(node, this.#node(output.leader));
        break;
      case 'disconnectLeader':
        if (node.link !== undefined) this.#breakLink(node.link, 'learner');
        break;
      case 'sendToLeader':
        if (node.link !== undefined) {
          const { connection, leader } = node.link;
          this.#node(leader).inbox.push({ type: 'learnerPacket', connection, packet: output.packet });
        }
        break;
      case 'sendToLearners':
        for (const connection of output.connections) {
          const link = this.#links.get(connection);
          if (link !== undefined) this.#node(link.learner).inbox.push({ type: 'leaderPacket', packet: output.packet });
        }
        break;
      case 'sendSnapshot': {
        const link = this.#links.get(output.connection);
        const chunks = readAll(output.source);
        const inbox = link === undefined ? [] : this.#node(link.learner).inbox;
        for (const bytes of chunks) inbox.push({ type: 'leaderSnapshot', bytes, end: false });
        inbox.push({ type: 'leaderSnapshot', bytes: new Uint8Array(0), end: true });
        break;
      }
      case 'closeLearner': {
        const link = this.#links.get(output.connection);
        if (link !== undefined) this.#breakLink(link, 'leader');
        break;
      }
      case 'persist':
        node.persists++;
        for (const operation of output.operations) node.disk.persist(operation);
        node.inbox.push({ type: 'persisted', ticket: output.ticket });
        break;
      case 'saveSnapshot':
        node.disk.save(output.source);
        node.inbox.push({ type: 'snapshotSaved', zxid: output.source.zxid });
        break;
      case 'truncateAndReload':
        node.disk.truncate(output.zxid);
        node.disk.recover(this.member(node.id).recovery);
        node.inbox.unshift({ type: 'reloaded' });
        break;
      case 'log':
        this.logs.push(output);
        break;
      case 'stopped':
        this.crash(node.id);
        break;
      case 'configuration':
        node.configuration = output.text;
        break;
      case 'role':
      case 'nextConfiguration':
        break;
    }
  }

  #connect(learner: Node, leader: Node): void {
    if (leader.member === undefined) {
      learner.inbox.push({ type: 'leaderClosed', reason: 'connection refused' });
      return;
    }
    const link: Link = { connection: this.#nextConnection++, learner: learner.id, leader: leader.id };
    this.#links.set(link.connection, link);
    learner.link = link;
    leader.inbox.push({ type: 'learnerConnected', connection: link.connection });
    learner.inbox.push({ type: 'leaderConnected' });
  }

  /** @param by Who ended it: the other side is told. */
  #breakLink(link: Link, by: 'learner' | 'leader'): void {
    this.#links.delete(link.connection);
    const learner = this.#node(link.learner);
    if (learner.link === link) learner.link = undefined;
    if (by === 'leader') learner.inbox.push({ type: 'leaderClosed', reason: 'the leader closed the connection' });
    else this.#node(link.leader).inbox.push({ type: 'learnerClosed', connection: link.connection });
  }

  #membership(serverId: ServerId): Membership {
    const ids = [...this.#nodes.keys()];
    if (this.#config.changeMembership === undefined) {
      const members = ids.map((id): PeerMember => ({ id, role: 'participant' }));
      return majorityMembership({ members, version: 0, text: '' });
    }
    const lines = ids.map((id) => `server.${id}=server-${id}:2888:3888:participant;0.0.0.0:2181`);
    return readMembership(this.#node(serverId).configuration ?? [...lines, 'version=0'].join('\n'));
  }

  #memberConfig(serverId: ServerId): MemberConfig {
    return {
      minSessionTimeoutMs: 4000,
      maxSessionTimeoutMs: 40_000,
      maxFrameBytes: 0xfffff,
      outstandingRequestsMax: 1000,
      snapshotEveryTransactions: 100_000,
      skipAcl: false,
      superDigest: undefined,
      extendedTypesEnabled: false,
      ...this.#config,
      zab: {
        serverId,
        membership: this.#membership(serverId),
        readMembership: this.#config.changeMembership === undefined ? undefined : readMembership,
        tickTimeMs: 2000,
        initLimitTicks: 10,
        syncLimitTicks: 5,
        committedLogEntries: 500,
      },
    };
  }

  /** The servers whose process runs. */
  get running(): ServerId[] {
    return [...this.#nodes.values()].filter((node) => node.member !== undefined).map((node) => node.id);
  }

  #stateOf(id: ServerId): string {
    return this.member(id).status().role.state;
  }

  #node(id: ServerId): Node {
    const node = this.#nodes.get(id);
    assert(node !== undefined, `there is no server ${id}`);
    return node;
  }
}

/** Not random at all: the same test does the same every time. */
function fixedRandom(): Random {
  return { next: () => 0.5, fill: (bytes) => void bytes.fill(7) };
}
