import type { ServerId } from '../common/types.ts';
import type { Zxid } from '../common/zxid.ts';
import type { Member, MemberConfig, MemberInput, MemberOutput, StateSnapshot } from '../server/pipeline/types.ts';
import { createMember } from '../server/pipeline/member.ts';
import type { LogEntry } from '../server/protocol/transactions.ts';
import type { Recovery } from '../server/storage/types.ts';
import type { SeenEntry } from './committed-log.ts';
import type { History } from './history.ts';
import { hostOf } from './network.ts';
import type { Host, Network, Stream, StreamEvents } from './network.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import type { SimulatedStorage } from './storage.ts';
import type { VoteLinks } from './votes.ts';

/** What one life of a server needs. */
export interface ServerParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly votes: VoteLinks;
  readonly random: SeededRandom;
  readonly history: History;
  readonly storage: SimulatedStorage;
  readonly clockSkewMs: number;
  /** Called when a configuration is in force; it is on the disk when this returns. */
  readonly configured: (text: string) => void;
  /** Called when the server ended itself (its disk failed, or an assertion of the code under test). */
  readonly ended: (reason: unknown) => void;
}

/** A piece of a snapshot on its way to a learner. */
interface SnapshotPiece {
  readonly snapshot: Uint8Array;
  readonly end: boolean;
}

const SNAPSHOT_PIECE_BYTES = 4096;

/**
 * One life of one server, from start to crash: the real member, driven as src/server/net drives it, but with simulated
 * connections, disk and clocks. Outputs are carried out strictly in order.
 */
export class SimulatedServer {
  readonly id: ServerId;
  private readonly parts: ServerParts;
  private readonly member: Member;
  private readonly pending: MemberInput[] = [];
  private readonly clients = new Map<number, Stream>();
  /** Clients that have asked for more than they take at once. */
  private readonly held = new Set<number>();
  private readonly learners = new Map<number, Stream>();
  private leader: Stream | undefined;
  private onStopped: () => void = () => {};
  private leaderDial = 0;
  private nextConnection = 1;
  private turn: Scheduled | undefined;
  private timer: Scheduled | undefined;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private alive = true;
  /** Until then it stands still. */
  pausedUntilMs = 0;
  private reloading = false;
  /** Entries of the state that are not known to be committed. */
  private readonly uncommitted = new Map<Zxid, SeenEntry>();
  /** How far this server's wall clock is ahead of the time; its other clock only moves forward, and at the right pace. */
  clockSkewMs: number;

  constructor(config: MemberConfig, parts: ServerParts) {
    this.id = config.zab.serverId;
    this.parts = parts;
    this.clockSkewMs = parts.clockSkewMs;
    this.member = createMember(config, parts.random, {
      applied: (entry, committed) => this.noteApplied(entry, committed),
      serves: () => this.noteCommitted(this.member.status().lastZxid),
    });
  }

  get status(): ReturnType<Member['status']> {
    return this.member.status();
  }

  start(mayVote: boolean): void {
    this.guard(() => {
      const recovery = this.recover();
      const { acceptedEpoch, currentEpoch } = recovery;
      this.listen();
      this.take({ type: 'start', acceptedEpoch, currentEpoch, mayVote });
    });
  }

  /** SIGTERM: the member finishes what it can; `stopped` is called when it has. */
  stop(stopped: () => void): void {
    this.onStopped = stopped;
    this.take({ type: 'stop' });
  }

  handOver(): void {
    this.take({ type: 'handOver' });
  }

  /** The process is gone: nothing of it happens any more. The disk keeps what it keeps. */
  crash(silently: boolean): void {
    this.alive = false;
    this.turn?.cancel();
    this.timer?.cancel();
    this.parts.votes.leave(this.id);
    this.parts.network.removeHost(hostOf(this.id), silently);
  }

  private listen(): void {
    const { network, votes } = this.parts;
    network.listen(hostOf(this.id), 'client', (from, stream) => this.acceptClient(from, stream));
    network.listen(hostOf(this.id), 'quorum', (_from, stream) => this.acceptLearner(stream));
    votes.join(this.id, (from, notification) => this.take({ type: 'vote', from, notification }));
  }

  private acceptClient(from: Host, stream: Stream): StreamEvents {
    const client = this.nextConnection++;
    this.clients.set(client, stream);
    this.take({ type: 'clientConnected', client, address: from });
    return {
      message: (message) => this.take({ type: 'clientFrame', client, frame: message as Uint8Array }),
      closed: () => {
        if (this.clients.delete(client)) this.take({ type: 'clientClosed', client });
      },
    };
  }

  private acceptLearner(stream: Stream): StreamEvents {
    const connection = this.nextConnection++;
    this.learners.set(connection, stream);
    this.take({ type: 'learnerConnected', connection });
    return {
      message: (message) => {
        if (this.learners.has(connection)) this.take({ type: 'learnerPacket', connection, packet: message as never });
      },
      closed: () => {
        if (this.learners.delete(connection)) this.take({ type: 'learnerClosed', connection });
      },
    };
  }

  /** Queues an input for this server's next turn, which comes a moment later and takes all that has come until then. */
  private take(input: MemberInput): void {
    if (!this.alive) return;
    this.pending.push(input);
    if (this.reloading) return;
    const pausedMs = Math.max(0, this.pausedUntilMs - this.parts.scheduler.nowMs);
    this.turn ??= this.parts.scheduler.after(pausedMs + this.parts.random.between(0, 2), () => {
      this.turn = undefined;
      if (this.reloading) return;
      this.step(this.pending.splice(0));
    });
  }

  /** Stands still, as under SIGSTOP: everything that happens meanwhile is seen in one turn afterwards. */
  pause(pauseMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.parts.scheduler.nowMs + pauseMs);
  }

  private step(inputs: readonly MemberInput[]): void {
    this.guard(() => {
      const { nowMs } = this.parts.scheduler;
      const now = { monotonicMs: nowMs, wallMs: 1_700_000_000_000 + nowMs + this.clockSkewMs };
      for (const output of this.member.step(inputs, now)) {
        if (!this.alive) return;
        this.carryOut(output);
      }
      this.armTimer();
    });
  }

  /** An exception of the member or the disk ends the process, as it does in production. */
  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.crash(false);
      this.parts.ended(error);
    }
  }

  private armTimer(): void {
    if (!this.alive) return;
    const atMs = this.member.nextDeadlineMs();
    if (atMs === this.timerAtMs) return;
    this.timer?.cancel();
    this.timerAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.timer = this.parts.scheduler.after(Math.max(0, atMs - this.parts.scheduler.nowMs), () => {
      this.timerAtMs = Number.POSITIVE_INFINITY;
      this.take({ type: 'tick' });
    });
  }

  private carryOut(output: MemberOutput): void {
    switch (output.type) {
      case 'toClient':
        this.clients.get(output.client)?.send(output.bytes);
        if (this.held.has(output.client)) this.take({ type: 'clientDrained', client: output.client });
        return;
      case 'holdClient':
        if (output.held) this.held.add(output.client);
        else this.held.delete(output.client);
        return;
      case 'closeClient':
        this.clients.get(output.client)?.close();
        this.clients.delete(output.client);
        return;
      case 'sendVote':
        this.parts.votes.send(this.id, output.to, output.notification);
        return;
      case 'connectLeader':
        this.connectLeader(output.leader);
        return;
      case 'disconnectLeader':
        this.leaderDial++;
        this.leader?.close();
        this.leader = undefined;
        return;
      case 'sendToLeader':
        this.leader?.send(output.packet);
        return;
      case 'sendToLearners':
        for (const connection of output.connections) this.learners.get(connection)?.send(output.packet);
        return;
      case 'sendSnapshot':
        this.sendSnapshot(this.learners.get(output.connection), output.source);
        return;
      case 'closeLearner':
        this.learners.get(output.connection)?.close();
        this.learners.delete(output.connection);
        return;
      case 'persist': {
        const { ticket } = output;
        this.parts.storage.persist(output.operations, () => this.take({ type: 'persisted', ticket }));
        return;
      }
      case 'saveSnapshot': {
        const { zxid } = output.source;
        this.parts.storage.saveSnapshot(output.source, () => this.take({ type: 'snapshotSaved', zxid }));
        return;
      }
      case 'truncateAndReload':
        this.truncateAndReload(output.zxid);
        return;
      case 'role':
        this.noteRole(output.role);
        return;
      case 'stopped':
        this.onStopped();
        return;
      case 'configuration':
        this.parts.configured(output.text);
        return;
      case 'nextConfiguration':
      case 'pauseClients':
      case 'log':
        return;
    }
  }

  private truncateAndReload(zxid: number): void {
    this.reloading = true;
    this.parts.storage.persist([{ type: 'truncate', zxid }], () => {
      if (!this.alive) return;
      this.recover();
      this.reloading = false;
      this.step([{ type: 'reloaded' }, ...this.pending.splice(0)]);
    });
  }

  private connectLeader(leader: ServerId): void {
    const dial = ++this.leaderDial;
    const isCurrent = (): boolean => this.alive && dial === this.leaderDial;
    const closed = (reason: string): void => {
      if (!isCurrent()) return;
      this.leader = undefined;
      this.take({ type: 'leaderClosed', reason });
    };
    const opened = (stream: Stream): StreamEvents => {
      if (!isCurrent()) {
        stream.close();
        return { message: () => {}, closed: () => {} };
      }
      this.leader = stream;
      this.take({ type: 'leaderConnected' });
      return {
        message: (message) => {
          if (isCurrent()) this.take(fromLeader(message));
        },
        closed: () => closed('the connection ended'),
      };
    };
    this.parts.network.dial(hostOf(this.id), hostOf(leader), 'quorum', opened, () => closed('connection refused'));
  }

  private sendSnapshot(stream: Stream | undefined, source: StateSnapshot): void {
    if (stream === undefined) return;
    for (
      let piece = source.next(SNAPSHOT_PIECE_BYTES);
      piece !== undefined;
      piece = source.next(SNAPSHOT_PIECE_BYTES)
    ) {
      stream.send({ snapshot: Uint8Array.from(piece), end: false } satisfies SnapshotPiece);
    }
    stream.send({ snapshot: new Uint8Array(0), end: true } satisfies SnapshotPiece);
  }

  private noteRole(role: ReturnType<Member['status']>['role']): void {
    if (role.state !== 'leading' || !role.serving) return;
    this.parts.history.leaders.push({ server: this.id, epoch: role.epoch, atMs: this.parts.scheduler.nowMs });
  }

  /** An entry became part of the state: at a start, at the end of a leadership, or because it is committed. */
  private noteApplied(entry: LogEntry, committed: boolean): void {
    const seen = { zxid: entry.zxid, after: this.member.status().lastZxid, checksum: checksumOf(entry.bytes) };
    this.uncommitted.set(entry.zxid, seen);
    if (committed) this.noteCommitted(entry.zxid);
  }

  /** With an entry everything before it is committed. */
  private noteCommitted(through: Zxid): void {
    const { history } = this.parts;
    const chain: SeenEntry[] = [];
    for (let entry = this.uncommitted.get(through); entry; entry = this.uncommitted.get(entry.after)) {
      if (chain.length > 0 && history.committed.has(entry.zxid)) break;
      chain.push(entry);
    }
    this.uncommitted.clear();
    for (const each of chain.toReversed()) {
      const contradiction = history.committed.note(this.id, each);
      if (contradiction !== undefined) history.contradictions.push(contradiction);
    }
  }

  /** Recovery, with a look at the entries that the disk still has: they may turn out to be committed. */
  private recover(): Recovery {
    this.uncommitted.clear();
    const { recovery } = this.member;
    return this.parts.storage.recover({
      begin: () => recovery.begin(),
      snapshotChunk: (bytes) => recovery.snapshotChunk(bytes),
      snapshotEnd: (zxid, digest) => recovery.snapshotEnd(zxid, digest),
      entry: (entry) => {
        this.noteApplied(entry, false);
        recovery.entry(entry);
      },
    });
  }
}

function fromLeader(message: unknown): MemberInput {
  const piece = message as Partial<SnapshotPiece>;
  if (piece.snapshot !== undefined) return { type: 'leaderSnapshot', bytes: piece.snapshot, end: piece.end === true };
  return { type: 'leaderPacket', packet: message as never };
}

/** FNV-1a: enough to tell two entries apart. */
function checksumOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
