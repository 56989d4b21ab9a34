import { assert } from '../../../common/errors.ts';
import type { Membership } from '../types.ts';
import { Agreement } from './agreement.ts';
import { Cluster } from './cluster.ts';
import type { TestServer } from './test-server.ts';
import { showEntries } from './trace.ts';

/** A small generator of pseudo-random numbers (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How long packets and disks may be overtaken by time. */
const SLOWNESS_MS_MAX = 1_500;

/** What a random life does to a cluster. */
export interface RandomLifeOptions {
  readonly membership: Membership;
  readonly steps: number;
  /** Also takes disks away, one at a time; the servers then come back without a vote. */
  readonly wipes?: boolean;
  readonly committedLogEntries?: number;
}

/**
 * A cluster's life under faults, from one seed. Checked all along: one leader for each epoch; whatever any server
 * delivered as committed is the same everywhere, and is part of the state of everyone that serves. Checked at the
 * end, when the faults have stopped: there is a leader, and all servers have the same state, with all that was committed.
 */
export class RandomLife {
  readonly cluster: Cluster;
  readonly #options: RandomLifeOptions;
  readonly #random: () => number;
  readonly #agreement = new Agreement();
  #proposals = 0;
  /** The server that lost its disk and has not synchronized since. */
  #wiped: TestServer | undefined;

  constructor(seed: number, options: RandomLifeOptions) {
    const { membership, wipes, committedLogEntries } = options;
    this.#options = options;
    this.#random = seededRandom(seed);
    this.cluster = new Cluster({
      membership,
      emptyMayVote: wipes !== true,
      check: (server, began) => this.#agreement.check(server, began),
      ...(committedLogEntries === undefined ? {} : { committedLogEntries }),
    });
  }

  live(): void {
    this.#bootstrap();
    for (let step = 0; step < this.#options.steps; step++) this.#step();
    this.#recover();
  }

  /** Where an empty server may not vote, the first ones are told to begin. */
  #bootstrap(): void {
    for (const { disk } of this.cluster.servers.values()) {
      disk.acceptedEpoch = 0;
      disk.currentEpoch = 0;
    }
    this.cluster.startAll();
  }

  #step(): void {
    const { cluster } = this;
    const luck = this.#random();
    const events = cluster.events();
    if (luck < 0.03) this.#fault();
    else if (luck < 0.1) this.#propose();
    else if (events.length > 0 && luck < 0.97) this.#pick(events).happen();
    else this.#passTime();
  }

  /** To the next deadline; not so far if something is on its way, or a slow packet would always be a lost one. */
  #passTime(): void {
    const { cluster } = this;
    const due = [...cluster.servers.values()].map((server) => server.peer?.nextDeadlineMs() ?? Infinity);
    const isBusy = cluster.events().length > 0;
    const nextMs = Math.min(...due, isBusy ? cluster.nowMs + Math.floor(this.#random() * SLOWNESS_MS_MAX) : Infinity);
    if (nextMs === Infinity) return;
    cluster.nowMs = Math.max(cluster.nowMs, nextMs);
    cluster.tickDue();
  }

  #propose(): void {
    const { cluster } = this;
    const leaders = [...cluster.servers.values()].filter(({ role }) => role.state === 'leading' && role.serving);
    if (leaders.length === 0) return;
    const { id, peer } = this.#pick(leaders);
    if (peer === undefined) return;
    const count = 1 + Math.floor(this.#random() * 3);
    const payloads = Array.from({ length: count }, () => `p${++this.#proposals}`);
    cluster.propose(id, ...payloads);
  }

  #fault(): void {
    const { cluster } = this;
    const server = this.#victim();
    const other = this.#pick([...cluster.servers.values()]);
    const luck = this.#random();
    if (luck < 0.35) this.#crashOrStart(server);
    else if (luck < 0.4) this.#powerFailure();
    else if (luck < 0.6) cluster.heal();
    else if (luck < 0.7 && server !== other) cluster.cut(server.id, other.id);
    else if (luck < 0.8) cluster.isolate(server.id);
    else if (luck < 0.9) server.diskHeld = !server.diskHeld;
    else if (luck < 0.93) cluster.give(server, { type: 'stepDown', reason: 'a fault' });
    else if (luck < 0.97) {
      if (server.role.state === 'leading' && server.role.serving) cluster.handOver(server.id);
    } else this.#wipe(server);
  }

  /** Leaders, and servers whose disk is at work, are hit more often than their share: that is where histories part. */
  #victim(): TestServer {
    const servers = [...this.cluster.servers.values()];
    const leaders = servers.filter(({ role }) => role.state === 'leading');
    const writing = servers.filter(({ disk }) => disk.pending > 0);
    const luck = this.#random();
    if (luck < 0.3 && leaders.length > 0) return this.#pick(leaders);
    return this.#pick(luck < 0.7 && writing.length > 0 ? writing : servers);
  }

  #crashOrStart(server: TestServer): void {
    if (server.peer === undefined) this.cluster.start(server.id);
    else this.#crash(server);
  }

  #crash(server: TestServer): void {
    this.cluster.crash(server.id, Math.floor(this.#random() * 4), Math.floor(this.#random() * 3));
  }

  /** All servers at once; each finds what its disk happens to have. */
  #powerFailure(): void {
    for (const server of this.cluster.servers.values()) if (server.peer !== undefined) this.#crash(server);
    for (const id of this.cluster.servers.keys()) if (this.#random() < 0.8) this.cluster.start(id);
  }

  /** One at a time: a second disk lost before the first server has synchronized may take committed entries with it. */
  #wipe(server: TestServer): void {
    const isRestored = this.#wiped === undefined || this.#wiped.disk.currentEpoch !== undefined;
    if (this.#options.wipes !== true || !isRestored) return;
    this.#wiped = server;
    this.cluster.wipe(server.id);
  }

  #recover(): void {
    const { cluster } = this;
    cluster.note('the faults stop');
    cluster.heal();
    for (const server of cluster.servers.values()) {
      server.diskHeld = false;
      if (server.peer === undefined) cluster.start(server.id);
    }
    for (let i = 0; i < 20 && !this.#isWhole(); i++) cluster.runFor(5_000);
    const leader = cluster.leader;
    assert(leader !== undefined, 'there is no leader after the faults');
    cluster.propose(leader.id, 'last');
    cluster.runFor(1_000);
    assert(this.#isWhole(), 'not all servers serve after the faults');
    for (const server of cluster.servers.values()) {
      const state = showEntries(server.state);
      assert(
        state === showEntries(this.#agreement.chosen),
        `server ${server.id} ends with another state than was committed: ${state}`,
      );
    }
  }

  #isWhole(): boolean {
    if (this.cluster.leader === undefined) return false;
    return [...this.cluster.servers.values()].every(({ role }) => role.state !== 'looking' && role.serving);
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    assert(item !== undefined, 'there is nothing to pick from');
    return item;
  }
}
