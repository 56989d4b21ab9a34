import type { ServerId } from '../common/types.ts';
import type { Notification } from '../server/protocol/quorum.ts';
import { hostOf } from './network.ts';
import type { Network } from './network.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** How long a link needs to come back after a break, and to look again behind a partition. */
const RELINK_MS = 150;

interface Link {
  /** What waits to be sent: only the newest message survives a break, as in ZooKeeper's QuorumCnxManager. */
  newest: Notification | undefined;
  /** The last that was sent: a new connection begins with it, be it old by then or known. */
  last: Notification | undefined;
  lastDeliveryMs: number;
}

/** The election links between servers: in order between two servers, and of what cannot be sent the newest is kept. */
export class VoteLinks {
  private readonly scheduler: Scheduler;
  private readonly network: Network;
  private readonly random: SeededRandom;
  private readonly receivers = new Map<ServerId, (from: ServerId, notification: Notification) => void>();
  private readonly links = new Map<string, Link>();

  constructor(scheduler: Scheduler, network: Network, random: SeededRandom) {
    this.scheduler = scheduler;
    this.network = network;
    this.random = random;
  }

  join(server: ServerId, receive: (from: ServerId, notification: Notification) => void): void {
    this.receivers.set(server, receive);
    for (const [key, link] of this.links) {
      const [from, to] = key.split('>').map(Number);
      if (to !== server || from === undefined || link.last === undefined || link.newest !== undefined) continue;
      link.newest = link.last;
      this.tryAgain(from, to, link);
    }
  }

  leave(server: ServerId): void {
    this.receivers.delete(server);
    // Its connections end with it, and what the next ones carry does not wait behind what these had yet to deliver (seed 5567).
    for (const [key, link] of this.links) {
      if (key.startsWith(`${server}>`)) {
        link.newest = undefined;
        link.last = undefined;
      }
      if (key.split('>').includes(String(server))) link.lastDeliveryMs = 0;
    }
  }

  send(from: ServerId, to: ServerId, notification: Notification): void {
    const key = `${from}>${to}`;
    const link = this.links.get(key) ?? { newest: undefined, last: undefined, lastDeliveryMs: 0 };
    this.links.set(key, link);
    link.last = notification;
    if (this.random.chance(this.network.weather.breakChance) || !this.canReach(from, to)) {
      const waits = link.newest !== undefined;
      link.newest = notification;
      if (!waits) this.tryAgain(from, to, link);
      return;
    }
    link.newest = undefined;
    const atMs = Math.max(link.lastDeliveryMs, this.scheduler.nowMs + this.network.delayMs(hostOf(from), hostOf(to)));
    link.lastDeliveryMs = atMs;
    this.scheduler.after(atMs - this.scheduler.nowMs, () => this.receivers.get(to)?.(from, notification));
  }

  private tryAgain(from: ServerId, to: ServerId, link: Link): void {
    this.scheduler.after(RELINK_MS, () => {
      const { newest } = link;
      if (newest === undefined || !this.receivers.has(from)) return;
      if (!this.canReach(from, to)) {
        this.tryAgain(from, to, link);
        return;
      }
      link.newest = undefined;
      this.send(from, to, newest);
    });
  }

  private canReach(from: ServerId, to: ServerId): boolean {
    const [a, b] = [hostOf(from), hostOf(to)];
    return this.receivers.has(to) && !this.network.isBlocked(a, b) && !this.network.isBlocked(b, a);
  }
}
