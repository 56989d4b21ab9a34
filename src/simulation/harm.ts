import type { ServerId } from '../common/types.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedClient } from './client.ts';
import { hostOf } from './network.ts';
import type { NetworkWeather } from './network.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** A network that does nothing unkind. */
export const CALM: NetworkWeather = { delayMinMs: 0, delayMaxMs: 3, breakChance: 0, slowChance: 0 };

const WEATHERS: readonly NetworkWeather[] = [
  CALM,
  { delayMinMs: 1, delayMaxMs: 40, breakChance: 0, slowChance: 0.02 },
  { delayMinMs: 0, delayMaxMs: 10, breakChance: 0.01, slowChance: 0.01 },
  { delayMinMs: 20, delayMaxMs: 200, breakChance: 0.002, slowChance: 0 },
];

/** How far a wall clock is set at most: somebody corrects it, or a machine comes back with another idea of the time. */
const CLOCK_JUMPS_MAX_MS = [2_000, 3_600_000] as const;

/** What harm needs. */
export interface HarmParts {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  /** Tells the reader of a life what happened. */
  readonly note: (what: string) => void;
}

/** Each single harm that can be done to servers, disks, network and clocks; it is undone after a while, or at the life's end. */
export class Harm {
  readonly cluster: Cluster;
  readonly clients: readonly SimulatedClient[];
  protected readonly scheduler: Scheduler;
  protected readonly random: SeededRandom;
  protected readonly note: (what: string) => void;
  protected active = true;

  constructor(cluster: Cluster, clients: readonly SimulatedClient[], parts: HarmParts) {
    this.cluster = cluster;
    this.clients = clients;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.note = parts.note;
  }

  /** Nothing more is done, and nothing more undone: who ends the faults mends everything. */
  stop(): void {
    this.active = false;
  }

  protected later(delayMs: number, action: () => void): void {
    this.scheduler.after(delayMs, () => {
      if (this.active) action();
    });
  }

  /** Any server, but often the leader: there it hurts most. */
  protected victim(): ServerId {
    const leader = this.cluster.leader();
    return leader !== undefined && this.random.chance(0.5) ? leader : this.random.pick(this.cluster.ids);
  }

  /* processes */

  protected crash(server: ServerId, powerLoss = this.random.chance(0.7), backAfterMs?: number): void {
    this.note(`crash of server ${server}${powerLoss ? ', its machine loses power' : ''}`);
    this.cluster.crash(server, powerLoss);
    this.restartLater(server, backAfterMs);
  }

  protected stopProcess(server: ServerId, backAfterMs?: number): void {
    this.note(`server ${server} is told to stop`);
    this.cluster.stop(server);
    this.restartLater(server, backAfterMs);
  }

  protected handOver(server: ServerId): void {
    this.note(`server ${server} is asked to hand over`);
    this.cluster.handOver(server);
  }

  protected restartLater(server: ServerId, latestMs = 6_000): void {
    this.later(this.random.between(5, latestMs), () => this.restart(server));
  }

  protected restart(server: ServerId): void {
    this.note(`restart of server ${server}`);
    this.cluster.restart(server);
  }

  protected pause(server: ServerId, pauseMs = this.random.between(100, 12_000)): void {
    this.note(`server ${server} stands still for ${pauseMs} ms`);
    this.cluster.pause(server, pauseMs);
  }

  protected setClock(server: ServerId): void {
    const maxMs = this.random.pick(CLOCK_JUMPS_MAX_MS);
    const byMs = this.random.between(-maxMs, maxMs);
    this.note(`the clock of server ${server} is set by ${byMs} ms`);
    this.cluster.setClock(server, byMs);
  }

  /* disks */

  protected crashInTheMiddleOfAWrite(server: ServerId, operationsMax = 12, backAfterMs?: number): void {
    this.note(`server ${server} will lose power within its next disk operations`);
    this.cluster.crashAfterDiskOperations(server, this.random.between(1, operationsMax));
    this.restartLater(server, backAfterMs);
  }

  protected loseDisk(server: ServerId, backAfterMs?: number): void {
    if (!this.cluster.loseDisk(server)) return;
    this.note(`server ${server} loses its disk`);
    this.restartLater(server, backAfterMs);
  }

  /** The disk refuses everything, or a single operation, or has no room for anything new. */
  protected failDisk(server: ServerId): void {
    const failure = this.random.pick(['everything', 'one operation', 'new files'] as const);
    this.note(`the disk of server ${server} refuses ${failure}`);
    if (failure === 'everything') this.cluster.failDisk(server);
    else if (failure === 'one operation') this.cluster.failDiskOnce(server, this.random.between(1, 12));
    else this.cluster.fillDisk(server);
    this.restartLater(server);
  }

  protected slowDisk(server: ServerId): void {
    const latencyMs = this.random.between(50, 3_000);
    this.note(`the disk of server ${server} takes ${latencyMs} ms`);
    this.cluster.setDiskLatency(server, latencyMs);
    this.later(this.random.between(500, 8_000), () => this.cluster.setDiskLatency(server, undefined));
  }

  /** As of a volume that is moved, or whose network is lost: what was asked of it is done all at once when it is back. */
  protected stallDisk(server: ServerId): void {
    const stallMs = this.random.between(500, this.random.pick([4_000, 25_000]));
    this.note(`the disk of server ${server} stands still for ${stallMs} ms`);
    this.cluster.stallDisk(server, true);
    this.later(stallMs, () => this.cluster.stallDisk(server, false));
  }

  /* the network */

  protected isolate(server: ServerId, cutFromClientsChance = 0.3): void {
    this.note(`server ${server} is cut off`);
    const others = this.cluster.ids.filter((id) => id !== server);
    const cutFromClients = this.random.chance(cutFromClientsChance);
    for (const other of others) this.block(server, other);
    if (cutFromClients) for (const { host } of this.clients) this.blockHosts(hostOf(server), host);
    this.healLater();
  }

  protected blockOneWay(): void {
    const from = this.victim();
    const to = this.random.pick(this.cluster.ids);
    if (from === to) return;
    this.note(`nothing gets through from server ${from} to server ${to}`);
    this.cluster.network.setBlocked(hostOf(from), hostOf(to), true);
    this.healLater();
  }

  /** A client no longer reaches some servers, or does not hear them. */
  protected cutClient(): void {
    const { host } = this.random.pick(this.clients);
    const ways = this.random.pick(['both ways', 'to', 'from'] as const);
    const servers = this.cluster.ids.filter(() => this.random.chance(0.6));
    this.note(`${host} is cut off from servers ${servers.join(' ')} (${ways})`);
    for (const server of servers) {
      if (ways !== 'from') this.cluster.network.setBlocked(host, hostOf(server), true);
      if (ways !== 'to') this.cluster.network.setBlocked(hostOf(server), host, true);
    }
    this.healLater();
  }

  /** A client reaches one server only, and goes there: what it has sent to another arrives when it has long sent more. */
  protected chaseClient(): void {
    const client = this.random.pick(this.clients);
    const refuge = this.random.pick(this.cluster.ids);
    const leavesMs = this.random.between(100, 600);
    this.note(`${client.host} reaches server ${refuge} only`);
    for (const server of this.cluster.ids) {
      if (server !== refuge) this.cluster.network.setBlocked(client.host, hostOf(server), true);
    }
    this.later(leavesMs, () => client.drop());
    this.later(leavesMs + this.random.between(300, 2_500), () => this.heal());
  }

  /** What one server hears from the others, or what they hear from it, takes its time; clients reach all of them at once. */
  protected slowLink(): void {
    const server = this.victim();
    const delayMs = this.random.between(20, 1_500);
    const ways = this.random.pick(['from', 'to', 'from and to'] as const);
    this.note(`messages ${ways} server ${server} take up to ${delayMs} ms more`);
    const set = (ms: number): void => {
      for (const other of this.cluster.ids) {
        if (ways !== 'to') this.cluster.network.setSlow(hostOf(server), hostOf(other), ms);
        if (ways !== 'from') this.cluster.network.setSlow(hostOf(other), hostOf(server), ms);
      }
    };
    set(delayMs);
    this.later(this.random.between(500, 8_000), () => set(0));
  }

  protected split(): void {
    const [left, right]: [ServerId[], ServerId[]] = [[], []];
    for (const id of this.cluster.ids) (this.random.chance(0.5) ? left : right).push(id);
    this.note(`partition: ${left.join(' ')} | ${right.join(' ')}`);
    for (const a of left) for (const b of right) this.block(a, b);
    this.healLater();
  }

  protected changeWeather(): void {
    const weather = this.random.pick(WEATHERS);
    this.note(`weather: ${JSON.stringify(weather)}`);
    this.cluster.network.weather = weather;
  }

  protected healLater(): void {
    this.later(this.random.between(200, 15_000), () => this.heal());
  }

  protected heal(): void {
    this.note('the network heals');
    this.cluster.network.heal();
  }

  protected block(a: ServerId, b: ServerId): void {
    this.blockHosts(hostOf(a), hostOf(b));
  }

  private blockHosts(a: string, b: string): void {
    this.cluster.network.setBlocked(a, b, true);
    this.cluster.network.setBlocked(b, a, true);
  }
}
