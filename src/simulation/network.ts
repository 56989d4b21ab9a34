import type { ServerId } from '../common/types.ts';
import type { Scheduler } from './scheduler.ts';
import type { SeededRandom } from './random.ts';

/** A host of the simulated network: a member or a client. */
export type Host = string;

/** The name of a server as a host. */
export const hostOf = (server: ServerId): Host => `server-${server}`;

/** What one end of a connection hears. Nothing is heard after `closed`. */
export interface StreamEvents {
  message(message: unknown): void;
  closed(): void;
}

/** One end of a connection that, like TCP, delivers in order or breaks. */
export interface Stream {
  send(message: unknown): void;
  /** Ends the connection: the other end hears of it, this one does not. */
  close(): void;
}

/** How the network treats messages. Probabilities are per message. */
export interface NetworkWeather {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** A message is lost: the connection that carried it breaks. */
  readonly breakChance: number;
  /** A message takes up to a hundred times as long. */
  readonly slowChance: number;
}

/** Stands in a stream of messages for its end. */
const END = Symbol('end of the stream');

interface Direction {
  lastDeliveryMs: number;
  /** Messages held back while the way is blocked. */
  readonly held: unknown[];
}

/** Connections between hosts, with delays, breaks and (one-way) partitions. */
export class Network {
  weather: NetworkWeather;
  /** Ways from one host to another on which everything takes up to so many milliseconds more. */
  private readonly slow = new Map<string, number>();
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly blocked = new Set<string>();
  private readonly connections = new Set<Connection>();
  private readonly acceptors = new Map<string, (from: Host, stream: Stream) => StreamEvents>();

  constructor(scheduler: Scheduler, random: SeededRandom, weather: NetworkWeather) {
    this.scheduler = scheduler;
    this.random = random;
    this.weather = weather;
  }

  /** Makes `host` accept connections on `port`. Replaces an earlier acceptor. */
  listen(host: Host, port: string, accept: (from: Host, stream: Stream) => StreamEvents): void {
    this.acceptors.set(`${host}:${port}`, accept);
  }

  /**
   * The host is gone: nobody listens, and its connections end. `silently` is a machine that lost its power, of which
   * the other ends hear nothing; otherwise a process that died, whose kernel resets its connections.
   */
  removeHost(host: Host, silently: boolean): void {
    for (const key of this.acceptors.keys()) if (key.startsWith(`${host}:`)) this.acceptors.delete(key);
    for (const connection of this.connections) if (connection.joins(host)) connection.leave(host, silently);
  }

  /** Connects; `connected` or `failed` is called later, once. */
  dial(from: Host, to: Host, port: string, connected: (stream: Stream) => StreamEvents, failed: () => void): void {
    this.scheduler.after(this.delayMs(from, to), () => {
      const accept = this.acceptors.get(`${to}:${port}`);
      if (accept === undefined || this.isBlocked(from, to) || this.isBlocked(to, from)) {
        failed();
        return;
      }
      const connection = new Connection(this, from, to);
      this.connections.add(connection);
      connection.open(connected, accept);
    });
  }

  /** Blocks or opens the way from one host to another. Open again, what was held back arrives. */
  setBlocked(from: Host, to: Host, blocked: boolean): void {
    const key = `${from}>${to}`;
    if (blocked) this.blocked.add(key);
    else if (this.blocked.delete(key)) for (const connection of this.connections) connection.releaseHeld(from, to);
  }

  /** Makes everything from one host to another take up to so much longer; 0 for no longer than elsewhere. */
  setSlow(from: Host, to: Host, delayMaxMs: number): void {
    if (delayMaxMs === 0) this.slow.delete(`${from}>${to}`);
    else this.slow.set(`${from}>${to}`, delayMaxMs);
  }

  /** Every way is open again, and as fast as any. */
  calm(): void {
    this.heal();
    this.slow.clear();
  }

  /** Every way is open again. */
  heal(): void {
    for (const key of this.blocked) {
      const [from = '', to = ''] = key.split('>');
      this.setBlocked(from, to, false);
    }
  }

  isBlocked(from: Host, to: Host): boolean {
    return this.blocked.size > 0 && this.blocked.has(`${from}>${to}`);
  }

  /** @internal For connections. */
  schedule(delayMs: number, action: () => void): void {
    this.scheduler.after(delayMs, action);
  }

  /** @internal For connections: the instant at which something sent now arrives, not before what was sent earlier. */
  deliveryDelayMs(from: Host, to: Host, direction: Direction): number {
    const atMs = Math.max(direction.lastDeliveryMs, this.scheduler.nowMs + this.delayMs(from, to));
    direction.lastDeliveryMs = atMs;
    return atMs - this.scheduler.nowMs;
  }

  /** @internal For connections. */
  breaksNow(): boolean {
    return this.random.chance(this.weather.breakChance);
  }

  /** @internal For connections. */
  forget(connection: Connection): void {
    this.connections.delete(connection);
  }

  /** How long what goes from one host to another takes just now. */
  delayMs(from: Host, to: Host): number {
    const delayMs = this.random.between(this.weather.delayMinMs, this.weather.delayMaxMs) + this.slownessMs(from, to);
    return this.random.chance(this.weather.slowChance) ? delayMs * this.random.between(2, 100) : delayMs;
  }

  private slownessMs(from: Host, to: Host): number {
    const maxMs = this.slow.size === 0 ? undefined : this.slow.get(`${from}>${to}`);
    return maxMs === undefined ? 0 : this.random.between(0, maxMs);
  }
}

class Connection {
  private readonly network: Network;
  private readonly from: Host;
  private readonly to: Host;
  private readonly forth: Direction = { lastDeliveryMs: 0, held: [] };
  private readonly back: Direction = { lastDeliveryMs: 0, held: [] };
  private dialler: StreamEvents | undefined;
  private acceptor: StreamEvents | undefined;

  constructor(network: Network, from: Host, to: Host) {
    this.network = network;
    this.from = from;
    this.to = to;
  }

  open(connected: (stream: Stream) => StreamEvents, accept: (from: Host, stream: Stream) => StreamEvents): void {
    // The accepting end exists first: what it sends at once waits for the dialler's events below.
    this.acceptor = accept(this.from, { send: (m) => this.send(false, m), close: () => this.close(false) });
    this.dialler = connected({ send: (m) => this.send(true, m), close: () => this.close(true) });
  }

  joins(host: Host): boolean {
    return this.from === host || this.to === host;
  }

  /** The host at one end is gone: it hears nothing more. */
  leave(host: Host, silently: boolean): void {
    if (!silently) this.close(host === this.from);
    else if (host === this.from) this.dialler = undefined;
    else this.acceptor = undefined;
  }

  releaseHeld(from: Host, to: Host): void {
    const forth = from === this.from && to === this.to;
    if (!forth && !(from === this.to && to === this.from)) return;
    const direction = forth ? this.forth : this.back;
    for (const message of direction.held.splice(0)) this.transmit(forth, direction, message);
  }

  private send(forth: boolean, message: unknown): void {
    const direction = forth ? this.forth : this.back;
    if (this.isBlocked(forth)) direction.held.push(message);
    else if (this.network.breaksNow()) this.network.schedule(this.delayMs(forth, direction), () => this.breakBoth());
    else this.transmit(forth, direction, message);
  }

  private transmit(forth: boolean, direction: Direction, message: unknown): void {
    this.network.schedule(this.delayMs(forth, direction), () => {
      const events = forth ? this.acceptor : this.dialler;
      if (message === END) this.breakBoth();
      else events?.message(message);
    });
  }

  private delayMs(forth: boolean, direction: Direction): number {
    return forth
      ? this.network.deliveryDelayMs(this.from, this.to, direction)
      : this.network.deliveryDelayMs(this.to, this.from, direction);
  }

  private isBlocked(forth: boolean): boolean {
    return forth ? this.network.isBlocked(this.from, this.to) : this.network.isBlocked(this.to, this.from);
  }

  private close(byDialler: boolean): void {
    if (byDialler) this.dialler = undefined;
    else this.acceptor = undefined;
    const direction = byDialler ? this.forth : this.back;
    // Behind a partition even the news of the end does not get through.
    if (this.isBlocked(byDialler)) direction.held.push(END);
    else this.transmit(byDialler, direction, END);
  }

  private breakBoth(): void {
    const { dialler, acceptor } = this;
    this.dialler = undefined;
    this.acceptor = undefined;
    this.network.forget(this);
    dialler?.closed();
    acceptor?.closed();
  }
}
