import type { ServerId } from '../common/types.ts';
import { Harm } from './harm.ts';
import type { HarmParts } from './harm.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedClient } from './client.ts';

/** The kinds of blow, with how often each falls in proportion to the others. */
export type Blows = Readonly<Record<Blow, number>>;

export type Blow =
  | 'crash'
  | 'crash during an election'
  | 'a leader left behind'
  | 'stop'
  | 'hand-over'
  | 'rolling restart'
  | 'power failure everywhere'
  | 'crash in the middle of a write'
  | 'a server far behind'
  | 'disk failure'
  | 'slow disk'
  | 'disk stands still'
  | 'restart storm'
  | 'pause'
  | 'clock'
  | 'isolation'
  | 'one-way partition'
  | 'partition'
  | 'majorities in turn'
  | 'lost disk'
  | 'weather'
  | 'slow link'
  | 'client cut off'
  | 'client on the run'
  | 'client reconnects';

/** Does harm at random until it is told to stop: the blows that its scenario names, and some at moments that hurt most. */
export class Nemesis extends Harm {
  private readonly deck: readonly Blow[];
  private readonly closeBlows: number;
  private readonly strikes: Readonly<Record<Blow, () => void>> = {
    crash: () => this.crash(this.victim()),
    'crash during an election': () => this.crashDuringElection(),
    'a leader left behind': () => this.leaveBehind(),
    stop: () => this.stopProcess(this.victim()),
    'hand-over': () => this.handOver(this.victim()),
    'rolling restart': () => this.restartInTurn(),
    'power failure everywhere': () => this.crashAll(),
    'crash in the middle of a write': () => this.crashInTheMiddleOfAWrite(this.victim()),
    'a server far behind': () => this.bringBackFromFarBehind(),
    'disk failure': () => this.failDisk(this.victim()),
    'slow disk': () => this.slowDisk(this.victim()),
    'disk stands still': () => this.stallDisk(this.victim()),
    'restart storm': () => this.crashAgainAndAgain(),
    pause: () => this.pause(this.victim()),
    clock: () => this.setClock(this.victim()),
    isolation: () => this.isolate(this.victim()),
    'one-way partition': () => this.blockOneWay(),
    partition: () => this.split(),
    'majorities in turn': () => this.passOn(),
    'lost disk': () => this.loseDisk(this.victim()),
    weather: () => this.changeWeather(),
    'slow link': () => this.slowLink(),
    'client cut off': () => this.cutClient(),
    'client on the run': () => this.chaseClient(),
    'client reconnects': () => this.random.pick(this.clients).drop(),
  };

  /** @param closeBlows How often one blow follows close upon another: what is only wrong for a moment shows when the next falls into it. */
  constructor(
    cluster: Cluster,
    clients: readonly SimulatedClient[],
    blows: Partial<Blows>,
    closeBlows: number,
    parts: HarmParts,
  ) {
    super(cluster, clients, parts);
    this.closeBlows = closeBlows;
    this.deck = Object.entries(blows).flatMap(([blow, weight]) => Array.from({ length: weight }, () => blow as Blow));
  }

  start(): void {
    if (this.deck.length === 0) return;
    const pauseMs = this.random.chance(this.closeBlows) ? this.random.between(0, 250) : this.random.between(250, 3_000);
    this.later(pauseMs, () => {
      this.strikes[this.random.pick(this.deck)]();
      this.start();
    });
  }

  /** Often while a reconfiguration is under way the servers part, and the leader of that moment is lost before they meet again. */
  strikeAtReconfiguration(): void {
    if (!this.active || this.random.chance(0.7)) return;
    const leader = this.cluster.leader();
    const partsMs = this.random.between(0, this.random.pick([8, 60]));
    this.later(partsMs, () => this.split());
    this.later(partsMs + this.random.between(50, 4_500), () => {
      if (leader !== undefined && this.random.chance(0.7)) this.crash(leader);
      this.heal();
    });
  }

  /** All at once, as when a whole rack loses its power: what was acknowledged must be on a quorum's disks. */
  private crashAll(): void {
    const powerLoss = this.random.chance(0.8);
    for (const server of this.cluster.ids) this.crash(server, powerLoss);
  }

  /** Some servers go down as soon as they are up, as under a probe that is too strict, one with its power now and then. */
  private crashAgainAndAgain(): void {
    const servers = this.cluster.ids.filter(() => this.random.chance(0.4));
    const endsMs = this.random.between(1_000, 5_000);
    for (const server of servers) {
      for (let atMs = 0; atMs < endsMs; atMs += this.random.between(20, 700)) {
        this.later(atMs, () => this.crash(server, this.random.chance(0.3), 100));
      }
    }
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
    const server = this.cluster.leader() ?? this.victim();
    const pauseMs = this.random.between(2_500, 6_500);
    this.note(`server ${server} is left behind`);
    for (const other of this.cluster.ids) if (other !== server) this.block(server, other);
    this.pause(server, pauseMs);
    this.later(pauseMs + this.random.between(0, 1_000), () => this.heal());
  }

  /** What an upgrade does: one server after the other is told to stop and comes back, the leader last. */
  private restartInTurn(): void {
    const leader = this.cluster.leader();
    const servers = this.cluster.ids.filter((id) => id !== leader);
    if (leader !== undefined) servers.push(leader);
    let atMs = 0;
    for (const server of servers) {
      this.later(atMs, () => this.stopProcess(server, 600));
      atMs += this.random.between(200, 1_500);
    }
  }

  /** A server was away for so long that it needs the whole state, and loses its power while it takes that in. */
  private bringBackFromFarBehind(): void {
    const server = this.victim();
    this.note(`server ${server} is away for a while`);
    this.cluster.crash(server, this.random.chance(0.5));
    const rounds = this.random.between(1, 3);
    let atMs = this.random.between(1_500, 5_000);
    for (let round = 0; round < rounds; round++) {
      this.later(atMs, () => {
        this.restart(server);
        this.note(`server ${server} will lose power while it catches up`);
        this.cluster.crashAfterDiskOperations(server, this.random.between(1, 40));
      });
      atMs += this.random.between(200, 1_500);
    }
    this.later(atMs, () => this.restart(server));
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
      this.later(beginsMs, () => this.leaveAlone(together));
      this.later(atMs - 1, () => this.takeAway(together.at(-1) ?? 0));
    }
    this.later(atMs, () => this.cluster.network.heal());
  }

  private takeAway(server: ServerId): void {
    const dice = this.random.next();
    if (dice < 0.3) this.loseDisk(server, 300);
    else if (dice < 0.7) this.crash(server, true, 300);
  }

  /** Nobody reaches anybody but these each other; the last of them may fail while it writes. */
  private leaveAlone(together: readonly ServerId[]): void {
    this.note(`only servers ${together.join(' ')} reach each other`);
    this.cluster.network.heal();
    for (const a of this.cluster.ids) {
      for (const b of this.cluster.ids) {
        if (a < b && !(together.includes(a) && together.includes(b))) this.block(a, b);
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
}
