import type { ServerId } from '../common/types.ts';
import type { MemberConfig } from '../server/pipeline/types.ts';
import { changeMembership, readMembership } from '../server/config/reconfiguration.ts';
import { votersOf } from '../server/zab/membership.ts';
import type { PeerRole } from '../server/zab/types.ts';
import type { History } from './history.ts';
import { groupLines } from './groups.ts';
import { hostOf } from './network.ts';
import type { Network } from './network.ts';
import type { SeededRandom } from './random.ts';
import { restoredState } from './restored-state.ts';
import type { Scheduler } from './scheduler.ts';
import { SimulatedServer } from './server.ts';
import { isFault, SimulatedDisk, SimulatedStorage } from './storage.ts';
import { VoteLinks } from './votes.ts';

/** How many servers there are of each kind. */
export interface ClusterPlan {
  readonly voters: number;
  readonly observers: number;
  /** Servers that are in no configuration until an administrator lets them join. */
  readonly spares: number;
  /** How long the disks take at most: a slow one has more that a crash can lose. */
  readonly diskLatencyMs: number;
  /** db.autocreate: an empty disk is taken for a new one. */
  readonly votesWithoutData: boolean;
  /** After how many zxids an epoch makes room for the next. */
  readonly zxidsPerEpoch: number;
  /** The first voters begin with the state of a backup. */
  readonly isRestored: boolean;
  /** Voters are in groups, and weigh differently. */
  readonly inGroups: boolean;
}

/** The line of a server in a configuration. */
export function serverLine(id: ServerId, role: PeerRole): string {
  return `server.${id}=server-${id}:2888:3888:${role};2181`;
}

/** Whatever a change may lead to. */
const RULES = { votersMin: 1, severalAddresses: false };

/** One read, or two: a client that sends more at once is held. */
const ANSWER_BYTES_PER_STEP = 150;

/** Of the simulated servers. */
export const TICK_TIME_MS = 500;

/** How often a leader looks for boxes to take away. */
export const REAP_INTERVAL_MS = 1_000;

/** How the members of a simulated ensemble are configured. Small limits make rare things frequent. */
function configOf(
  serverId: ServerId,
  zxidsPerEpoch: number,
  random: SeededRandom,
): Omit<MemberConfig, 'zab'> & { readonly zab: ZabSettings } {
  return {
    zab: {
      serverId,
      tickTimeMs: TICK_TIME_MS,
      initLimitTicks: 10,
      syncLimitTicks: 4,
      committedLogEntries: random.pick([1, 3, 20, 500]),
      readMembership,
    },
    changeMembership: (current, request, version) => changeMembership(current, request, version, RULES),
    minSessionTimeoutMs: 1_000,
    maxSessionTimeoutMs: 10_000,
    maxFrameBytes: 0xfffff,
    outstandingRequestsMax: 1_000,
    snapshotEveryTransactions: random.pick([15, 100, 100_000]),
    // Its administrator is anybody.
    skipAcl: true,
    superDigest: undefined,
    extendedTypesEnabled: true,
    zxidsPerEpoch,
    reapIntervalMs: REAP_INTERVAL_MS,
    answerBytesPerStep: ANSWER_BYTES_PER_STEP,
  };
}

type ZabSettings = Omit<MemberConfig['zab'], 'membership'>;

interface Seat {
  readonly config: ReturnType<typeof configOf>;
  /** The text of the configuration that it starts with: its own at first, then the last one that was in force. */
  configuration: string;
  readonly firstConfiguration: string;
  disk: SimulatedDisk;
  clockSkewMs: number;
  /** Whether it may vote with an empty disk: the bootstrap says so to the first voters (`initialize`). */
  mayBegin: boolean;
  server: SimulatedServer | undefined;
  storage: SimulatedStorage | undefined;
  /** The faults are over: whatever ends still is started again. */
  mended: boolean;
}

/** All servers of one simulated ensemble, with their disks, which outlive them. */
export class Cluster {
  readonly ids: readonly ServerId[];
  readonly network: Network;
  /** Exceptions of the code under test that no fault explains. */
  readonly flaws: string[] = [];
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly history: History;
  private readonly votes: VoteLinks;
  private readonly diskLatencyMs: number;
  readonly votesWithoutData: boolean;
  readonly inGroups: boolean;
  private readonly seats = new Map<ServerId, Seat>();
  /** How far wall clocks have been ahead of the time. */
  private readonly clockSkewsMs: number[] = [];

  /** Voters have the smallest ids, then come observers, then spares. */
  constructor(
    plan: ClusterPlan,
    parts: { scheduler: Scheduler; network: Network; random: SeededRandom; history: History },
  ) {
    this.scheduler = parts.scheduler;
    this.network = parts.network;
    this.random = parts.random;
    this.history = parts.history;
    this.votes = new VoteLinks(parts.scheduler, parts.network, parts.random.fork());
    const { voters, observers, spares } = plan;
    this.diskLatencyMs = plan.diskLatencyMs;
    this.votesWithoutData = plan.votesWithoutData;
    this.inGroups = plan.inGroups;
    this.ids = Array.from({ length: voters + observers + spares }, (_, index) => index + 1);
    const lines = this.ids
      .slice(0, voters + observers)
      .map((id) => serverLine(id, id <= voters ? 'participant' : 'observer'));
    const groups = plan.inGroups ? groupLines(this.ids.slice(0, voters), this.random) : [];
    for (const id of this.ids) {
      const config = configOf(id, plan.zxidsPerEpoch, this.random);
      const own =
        id > voters + observers ? [serverLine(id, 'participant'), ...(plan.inGroups ? [`group.${id}=${id}`] : [])] : [];
      const configuration = [...lines, ...groups, ...own, 'version=0'].join('\n');
      const disk = new SimulatedDisk(this.random.fork());
      const clockSkewMs = this.random.between(-2_000, 2_000);
      this.clockSkewsMs.push(clockSkewMs);
      if (plan.isRestored && id <= voters) disk.restore(restoredState());
      this.seats.set(id, {
        config,
        configuration,
        firstConfiguration: configuration,
        disk,
        clockSkewMs,
        mayBegin: id <= voters,
        server: undefined,
        storage: undefined,
        mended: false,
      });
    }
  }

  /** Starts the server unless it runs. */
  restart(id: ServerId): void {
    const seat = this.seat(id);
    if (seat.server !== undefined) return;
    seat.disk.repair();
    const random = this.random.fork();
    const config = { ...seat.config, zab: { ...seat.config.zab, membership: readMembership(seat.configuration) } };
    const storage = new SimulatedStorage(seat.disk, this.scheduler, random.fork(), this.diskLatencyMs);
    const server: SimulatedServer = new SimulatedServer(config, {
      configured: (text) => {
        this.noteConfiguration(id, seat.configuration, text);
        seat.configuration = text;
      },
      scheduler: this.scheduler,
      network: this.network,
      votes: this.votes,
      random,
      history: this.history,
      storage,
      clockSkewMs: seat.clockSkewMs,
      ended: (reason) => this.ended(seat, server, reason),
    });
    seat.server = server;
    seat.storage = storage;
    storage.onFailure = (reason) => {
      server.crash(false);
      this.ended(seat, server, reason);
    };
    server.start(this.votesWithoutData || seat.mayBegin || hasSynchronized(seat));
  }

  /**
   * A machine comes back with an empty disk. Only while all others have their data, as an operator does it, and where such
   * a server has no vote (db.autocreate=false): otherwise acknowledged writes may be lost. Whatever is in force or under way
   * has a quorum of the others then, since the administrator leaves three voters. Returns whether it was done.
   */
  loseDisk(id: ServerId): boolean {
    const seat = this.seat(id);
    const areOthersWhole = [...this.seats.values()].every((other) => other === seat || hasSynchronized(other));
    if (this.votesWithoutData || !areOthersWhole) return false;
    this.crash(id, true);
    seat.disk = new SimulatedDisk(this.random.fork());
    seat.mayBegin = false;
    seat.configuration = seat.firstConfiguration;
    return true;
  }

  /** Ends the process; with `powerLoss` the disk forgets what was not synced and the network hears nothing of it. */
  crash(id: ServerId, powerLoss: boolean): void {
    const seat = this.seat(id);
    seat.storage?.abandon();
    seat.server?.crash(powerLoss);
    seat.server = undefined;
    seat.storage = undefined;
    if (powerLoss) seat.disk.losePower();
  }

  /** Tells the process to stop, as a rolling update does. It ends when it has finished what it can. */
  stop(id: ServerId): void {
    const { server } = this.seat(id);
    server?.stop(() => {
      const seat = this.seat(id);
      if (seat.server === server) this.crash(id, false);
      if (seat.mended) this.restart(id);
    });
  }

  /** The admin command: another is to lead, if this one does. */
  handOver(id: ServerId): void {
    this.seat(id).server?.handOver();
  }

  crashAfterDiskOperations(id: ServerId, operations: number): void {
    this.seat(id).disk.crashAfter(operations);
  }

  failDisk(id: ServerId): void {
    this.seat(id).disk.refuse();
  }

  failDiskOnce(id: ServerId, operations: number): void {
    this.seat(id).disk.refuseOnce(operations);
  }

  fillDisk(id: ServerId): void {
    this.seat(id).disk.fill();
  }

  /** Sets the wall clock of a machine, forward or back; a restart does not set it right. */
  setClock(id: ServerId, byMs: number): void {
    const seat = this.seat(id);
    seat.clockSkewMs += byMs;
    this.clockSkewsMs.push(seat.clockSkewMs);
    if (seat.server !== undefined) seat.server.clockSkewMs = seat.clockSkewMs;
  }

  /** After the last fault: the disk works again, and the server runs. */
  mend(id: ServerId): void {
    const seat = this.seat(id);
    seat.mended = true;
    seat.disk.repair();
    this.restart(id);
  }

  setDiskLatency(id: ServerId, latencyMs: number | undefined): void {
    const { storage } = this.seat(id);
    if (storage !== undefined) storage.latencyMs = latencyMs ?? this.diskLatencyMs;
  }

  /** A disk that stands still, while everything else goes on, or that goes on again. */
  stallDisk(id: ServerId, stalls: boolean): void {
    const { storage } = this.seat(id);
    if (stalls) storage?.stall();
    else storage?.goOn();
  }

  pause(id: ServerId, pauseMs: number): void {
    this.seat(id).server?.pause(pauseMs);
  }

  /** How far two readings of wall clocks, at the same moment or later, have been apart beyond the time between them. */
  get clockSpreadMs(): number {
    return Math.max(...this.clockSkewsMs) - Math.min(...this.clockSkewsMs);
  }

  /** When the last of the servers goes on that stand still; now or before if none does. */
  get awakeAtMs(): number {
    return Math.max(...this.ids.map((id) => this.seat(id).server?.pausedUntilMs ?? 0));
  }

  /** The server that leads and serves now, if one does. */
  leader(): ServerId | undefined {
    return this.ids.find((id) => {
      const role = this.seat(id).server?.status.role;
      return role?.state === 'leading' && role.serving;
    });
  }

  /** Who votes, as the leader knows it, or else the first server. */
  voters(): readonly ServerId[] {
    const { configuration } = this.seat(this.leader() ?? 1);
    return votersOf(readMembership(configuration));
  }

  /** True if every server serves and all stand at the same zxid. */
  isWhole(): boolean {
    const statuses = this.ids.map((id) => this.seat(id).server?.status);
    const [first] = statuses;
    return statuses.every(
      (status) =>
        status !== undefined &&
        status.role.state !== 'looking' &&
        status.role.serving &&
        status.lastZxid === first?.lastZxid,
    );
  }

  describe(): string {
    return this.ids
      .map((id) => {
        const status = this.seat(id).server?.status;
        if (status === undefined) return `${hostOf(id)} down`;
        const serving = status.role.state !== 'looking' && status.role.serving ? ' serving' : '';
        return `${hostOf(id)} ${status.role.state}${serving} at 0x${status.lastZxid.toString(16)}`;
      })
      .join(', ');
  }

  /** In its place on a disk, a configuration is only followed by newer ones. */
  private noteConfiguration(server: ServerId, before: string, text: string): void {
    const { configurations, contradictions } = this.history;
    configurations.push({ server, text });
    if (readMembership(text).version > readMembership(before).version) return;
    contradictions.push(`server ${server} went from one configuration back to another: ${before}, then ${text}`);
  }

  private ended(seat: Seat, server: SimulatedServer, reason: unknown): void {
    if (seat.server !== server) return;
    seat.storage?.abandon();
    seat.server = undefined;
    seat.storage = undefined;
    if (!isFault(reason)) {
      const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
      this.flaws.push(`server ${server.id} ended at ${this.scheduler.nowMs} ms: ${text}`);
    }
  }

  private seat(id: ServerId): Seat {
    const seat = this.seats.get(id);
    if (seat === undefined) throw new RangeError(`there is no server ${id}`);
    return seat;
  }
}

/** As `mayVote` in src/server/net: a part of a first synchronization is not enough. */
function hasSynchronized({ disk }: Seat): boolean {
  return disk.disk.exists('currentEpoch');
}
