import type { ServerId } from '../common/types.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedClient } from './client.ts';
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

/** Does harm at random, and undoes it after a while, until it is told to stop. */
export class Nemesis {
  private readonly cluster: Cluster;
  private readonly clients: readonly SimulatedClient[];
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly note: (what: string) => void;
  private active = true;

  constructor(
    cluster: Cluster,
    clients: readonly SimulatedClient[],
    parts: { scheduler: Scheduler; random: SeededRandom; note: (what: string) => void },
  ) {
    this.cluster = cluster;
    this.clients = clients;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.note = parts.note;
  }

  start(): void {
    // Often one blow follows close upon another: what is only wrong for a moment shows when the next falls into it.
    const pauseMs = this.random.chance(0.4) ? this.random.between(0, 250) : this.random.between(250, 3_000);
    this.scheduler.after(pauseMs, () => {
      if (!this.active) return;
      this.strike();
      this.start();
    });
  }

  stop(): void {
    this.active = false;
  }

  /** Often while a reconfiguration is under way the servers part, and the leader of that moment is lost before they meet again. */
  strikeAtReconfiguration(): void {
    if (!this.active || this.random.chance(0.7)) return;
    const leader = this.cluster.leader();
    const partsMs = this.random.between(0, this.random.pick([8, 60]));
    this.scheduler.after(partsMs, () => {
      if (this.active) this.split();
    });
    this.scheduler.after(partsMs + this.random.between(50, 4_500), () => {
      if (!this.active) return;
      if (leader !== undefined && this.random.chance(0.7)) this.crash(leader);
      this.note('the network heals');
      this.cluster.network.heal();
    });
  }

  private strike(): void {
    const dice = this.random.between(0, 99);
    if (dice < 12) this.crash(this.victim());
    else if (dice < 18) this.crashDuringElection();
    else if (dice < 22) this.leaveBehind();
    else if (dice < 25) this.stopProcess(this.victim());
    else if (dice < 28) this.crashAll();
    else if (dice < 38) this.crashInTheMiddleOfAWrite(this.victim());
    else if (dice < 44) this.failDisk(this.victim());
    else if (dice < 52) this.slowDisk(this.victim());
    else if (dice < 60) this.pause(this.victim());
    else if (dice < 72) this.isolate(this.victim());
    else if (dice < 78) this.blockOneWay();
    else if (dice < 82) this.split();
    else if (dice < 88) this.passOn();
    else if (dice < 91) this.loseDisk(this.victim());
    else if (dice < 96) this.changeWeather();
    else this.random.pick(this.clients).drop();
  }

  /** Any server, but often the leader: there it hurts most. */
  private victim(): ServerId {
    const leader = this.cluster.leader();
    return leader !== undefined && this.random.chance(0.5) ? leader : this.random.pick(this.cluster.ids);
  }

  /** All at once, as when a whole rack loses its power: what was acknowledged must be on a quorum's disks. */
  private crashAll(): void {
    const powerLoss = this.random.chance(0.8);
    for (const server of this.cluster.ids) this.crash(server, powerLoss);
  }

  private crash(server: ServerId, powerLoss = this.random.chance(0.7), backAfterMs?: number): void {
    this.note(`crash of server ${server}${powerLoss ? ', its machine loses power' : ''}`);
    this.cluster.crash(server, powerLoss);
    this.restartLater(server, backAfterMs);
  }

  private stopProcess(server: ServerId): void {
    if (this.random.chance(0.3)) {
      this.note(`server ${server} is asked to hand over`);
      this.cluster.handOver(server);
      return;
    }
    this.note(`server ${server} is told to stop`);
    this.cluster.stop(server);
    this.restartLater(server);
  }

  private crashInTheMiddleOfAWrite(server: ServerId, operationsMax = 12, backAfterMs?: number): void {
    this.note(`server ${server} will lose power within its next disk operations`);
    this.cluster.crashAfterDiskOperations(server, this.random.between(1, operationsMax));
    this.restartLater(server, backAfterMs);
  }

  /** The leader goes, and others in the middle of what they write to elect the next; they are back before long. */
  private crashDuringElection(): void {
    const leader = this.victim();
    this.crash(leader);
    for (const server of this.cluster.ids) {
      if (server === leader || this.random.chance(0.4)) continue;
      this.note(`server ${server} will lose power while it elects`);
      this.cluster.crashAfterDiskOperations(server, this.random.between(1, 24));
      this.restartLater(server, 1_500);
    }
  }

  /** A leader stands still, cut off, while the others go on: it wakes up in the belief that it still leads. */
  private leaveBehind(): void {
    const server = this.victim();
    this.isolate(server, 0);
    this.pause(server, this.random.between(2_000, 7_000));
  }

  /**
   * Only the smallest majorities that there are, one after the other, each with a server of the one before that loses its
   * power in the middle of it, or as they part: it alone brings to the next what the first has committed.
   */
  private passOn(): void {
    const order = this.shuffled(this.cluster.voters());
    const size = Math.floor(order.length / 2) + 1;
    let atMs = 0;
    for (let round = 0; round < 4; round++) {
      const first = round * (size - 1);
      const together = Array.from({ length: size }, (_, index) => order[(first + index) % order.length] ?? 0);
      const beginsMs = atMs;
      atMs += this.random.between(300, 3_500);
      this.scheduler.after(beginsMs, () => this.leaveAlone(together));
      this.scheduler.after(atMs - 1, () => {
        if (this.active) this.takeAway(together.at(-1) ?? 0);
      });
    }
    this.scheduler.after(atMs, () => this.cluster.network.heal());
  }

  private takeAway(server: ServerId): void {
    const dice = this.random.next();
    if (dice < 0.3) this.loseDisk(server, 300);
    else if (dice < 0.7) this.crash(server, true, 300);
  }

  /** Nobody reaches anybody but these each other; the last of them may fail while it writes. */
  private leaveAlone(together: readonly ServerId[]): void {
    if (!this.active) return;
    this.note(`only servers ${together.join(' ')} reach each other`);
    this.cluster.network.heal();
    for (const a of this.cluster.ids) {
      for (const b of this.cluster.ids) {
        if (a < b && !(together.includes(a) && together.includes(b))) this.block(a, b, true);
      }
    }
    for (const server of together) this.cluster.restart(server);
    if (this.random.chance(0.7)) this.crashInTheMiddleOfAWrite(together.at(-1) ?? 0, 16, 5_000);
  }

  private shuffled(ids: readonly ServerId[]): readonly ServerId[] {
    return ids
      .map((id) => ({ id, key: this.random.next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ id }) => id);
  }

  private loseDisk(server: ServerId, backAfterMs?: number): void {
    if (!this.cluster.loseDisk(server)) return;
    this.note(`server ${server} loses its disk`);
    this.restartLater(server, backAfterMs);
  }

  private failDisk(server: ServerId): void {
    this.note(`the disk of server ${server} refuses`);
    this.cluster.failDisk(server);
    this.restartLater(server);
  }

  private restartLater(server: ServerId, latestMs = 6_000): void {
    this.scheduler.after(this.random.between(5, latestMs), () => {
      if (!this.active) return;
      this.note(`restart of server ${server}`);
      this.cluster.restart(server);
    });
  }

  private slowDisk(server: ServerId): void {
    const latencyMs = this.random.between(50, 3_000);
    this.note(`the disk of server ${server} takes ${latencyMs} ms`);
    this.cluster.setDiskLatency(server, latencyMs);
    this.scheduler.after(this.random.between(500, 8_000), () => this.cluster.setDiskLatency(server, undefined));
  }

  private pause(server: ServerId, pauseMs = this.random.between(100, 12_000)): void {
    this.note(`server ${server} stands still for ${pauseMs} ms`);
    this.cluster.pause(server, pauseMs);
  }

  private isolate(server: ServerId, cutFromClientsChance = 0.3): void {
    this.note(`server ${server} is cut off`);
    const others = this.cluster.ids.filter((id) => id !== server);
    const cutFromClients = this.random.chance(cutFromClientsChance);
    for (const other of others) this.block(server, other, true);
    if (cutFromClients) for (const { host } of this.clients) this.blockHosts(`server-${server}`, host, true);
    this.healLater();
  }

  private blockOneWay(): void {
    const from = this.victim();
    const to = this.random.pick(this.cluster.ids);
    if (from === to) return;
    this.note(`nothing gets through from server ${from} to server ${to}`);
    this.cluster.network.setBlocked(`server-${from}`, `server-${to}`, true);
    this.healLater();
  }

  private split(): void {
    const [left, right]: [ServerId[], ServerId[]] = [[], []];
    for (const id of this.cluster.ids) (this.random.chance(0.5) ? left : right).push(id);
    this.note(`partition: ${left.join(' ')} | ${right.join(' ')}`);
    for (const a of left) for (const b of right) this.block(a, b, true);
    this.healLater();
  }

  private healLater(): void {
    this.scheduler.after(this.random.between(200, 15_000), () => {
      this.note('the network heals');
      this.cluster.network.heal();
    });
  }

  private block(a: ServerId, b: ServerId, blocked: boolean): void {
    this.blockHosts(`server-${a}`, `server-${b}`, blocked);
  }

  private blockHosts(a: string, b: string, blocked: boolean): void {
    this.cluster.network.setBlocked(a, b, blocked);
    this.cluster.network.setBlocked(b, a, blocked);
  }

  private changeWeather(): void {
    const weather = this.random.pick(WEATHERS);
    this.note(`weather: ${JSON.stringify(weather)}`);
    this.cluster.network.weather = weather;
  }
}
