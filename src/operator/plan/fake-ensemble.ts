import assert from 'node:assert/strict';
import { majorityOf } from './members.ts';
import type { MemberReport, Reconfiguration, ReportedConfiguration } from './model.ts';

// For tests: as much of an ensemble as a plan can tell from a real one. A disk is a counter of writes, so that a lost write
// shows, and the configuration that its server goes by.

/** Who belongs to the ensemble, by id. */
export interface FakeConfiguration {
  readonly version: number;
  readonly voters: readonly number[];
  readonly observers: readonly number[];
}

/** What is on a volume. */
export interface FakeDisk {
  /** The newest write on it; 0 is an empty but initialized tree. Undefined: nothing at all, the member must not vote. */
  newest: number | undefined;
  /** Undefined where its server has never heard of another than that of its zoo.cfg. */
  configuration: FakeConfiguration | undefined;
  isDamaged: boolean;
}

/** A server whose process runs. */
export interface FakeServer {
  readonly name: string;
  readonly id: number;
  /** Of its pod. */
  readonly podUid: string;
  readonly disk: FakeDisk;
  /** What its zoo.cfg lists. */
  readonly seeds: FakeConfiguration;
}

/** What becomes of a request to reconfigure. */
export type FakeOutcome = 'done' | 'stale' | 'unknown' | 'refused';

/** An ensemble of whatever servers run. */
export class FakeEnsemble {
  readonly #running: () => readonly FakeServer[];
  /** How many writes a client was told are done. */
  acknowledged = 0;
  /** The leader's id, while a quorum serves. */
  leader: number | undefined;
  /** The configuration that was committed last; undefined before the first leader. */
  committed: FakeConfiguration | undefined;
  #epoch = 0;

  constructor(running: () => readonly FakeServer[]) {
    this.#running = running;
  }

  /** Nobody has ever written to it. */
  forget(): void {
    this.acknowledged = 0;
    this.leader = undefined;
    this.committed = undefined;
  }

  /** Names of the servers that serve. */
  get serving(): string[] {
    return this.leader === undefined ? [] : this.#running().map(({ name }) => name);
  }

  /** Those with data on disk vote; the one with the newest leads, and gives the others what it has. */
  elect(): void {
    const running = this.#running();
    const newest = Math.max(0, ...running.map((server) => configurationOf(server).version));
    // Whoever hears of a newer configuration goes by it; of several first ones, the one that is satisfied with least.
    const [configuration] = running
      .map(configurationOf)
      .filter(({ version }) => version === newest)
      .sort((a, b) => a.voters.length - b.voters.length);
    if (configuration === undefined) {
      this.leader = undefined;
      return;
    }
    const voters = votersOf(configuration, running);
    if (voters.length < majorityOf(configuration.voters.length)) {
      this.leader = undefined;
      return;
    }
    const best = Math.max(...voters.map(({ disk }) => disk.newest ?? 0));
    const candidates = voters.filter(({ disk }) => disk.newest === best);
    const leader = candidates.find(({ id }) => id === this.leader) ?? candidates[0];
    assert.ok(leader);
    assert.ok(
      best >= this.acknowledged,
      `write ${this.acknowledged} was acknowledged, and ${leader.name} leads with ${best}`,
    );
    assert.ok(
      configuration.version >= (this.committed?.version ?? 0),
      `${leader.name} leads by configuration ${configuration.version}, and ${this.committed?.version} was committed`,
    );
    if (this.leader !== leader.id) this.#epoch += 1;
    this.leader = leader.id;
    // The first leader makes what zoo.cfg lists a configuration of the ensemble's own.
    this.committed = configuration.version === 0 ? { ...configuration, version: 1 } : configuration;
    for (const { disk } of running) {
      disk.newest = best;
      disk.configuration = this.committed;
    }
  }

  /** A client writes. Returns whether it was told that the write is done. */
  write(): boolean {
    if (this.leader === undefined || this.committed === undefined) return false;
    const voters = votersOf(this.committed, this.#running());
    this.acknowledged = Math.max(...voters.map(({ disk }) => disk.newest ?? 0)) + 1;
    for (const { disk } of this.#quorum(this.committed)) disk.newest = this.acknowledged;
    return true;
  }

  /** As the leader does it: on a quorum of the old and of the new configuration, the others hear of it later. */
  reconfigure({ through, joining, leaving, version }: Reconfiguration): FakeOutcome {
    const before = this.committed;
    if (this.leader === undefined || before === undefined) return 'unknown';
    if (!this.#running().some(({ id, name }) => id === this.leader && name === through.podName)) return 'unknown';
    if (Number.parseInt(version, 16) !== before.version) return 'stale';
    const next = changed(before, joining, leaving);
    const after = votersOf(next, this.#running());
    if (after.length < majorityOf(next.voters.length)) return 'refused';
    this.#checkChange(before, next);
    const informed = new Set([...this.#quorum(before), ...this.#quorum(next)]);
    for (const { disk } of informed) {
      disk.configuration = next;
      // Who has logged it has logged all that was written before.
      disk.newest = Math.max(disk.newest ?? 0, this.acknowledged);
    }
    this.committed = next;
    if (!next.voters.includes(this.leader)) this.leader = undefined;
    return 'done';
  }

  /** What a server answers over its admin port. */
  answer(server: FakeServer): MemberReport {
    const { id, podUid } = server;
    const configuration = configurationOf(server);
    const serving = this.leader !== undefined;
    const isObserver = configuration.observers.includes(id);
    const role = id === this.leader ? 'leader' : isObserver ? 'observer' : 'follower';
    return {
      serverId: id,
      state: serving ? role : 'looking',
      serving,
      epoch: this.#epoch,
      lastZxid: '0x0',
      leaderId: this.leader,
      version: '0.1.0',
      podUid,
      configuration: reported(configuration),
    };
  }

  /** What no operator may ever ask for. */
  #checkChange(before: FakeConfiguration, next: FakeConfiguration): void {
    const running = this.#running();
    const isUp = (voter: number): boolean =>
      running.some(({ id, disk }) => id === voter && disk.newest !== undefined && !disk.isDamaged);
    const joined = next.voters.filter((id) => !before.voters.includes(id));
    const left = before.voters.filter((id) => !next.voters.includes(id));
    assert.ok(joined.length + left.length <= 1, 'one voter at a time');
    assert.ok(joined.length === 0 || next.voters.every(isUp), `${joined.join()} joins while somebody is missing`);
    if (left.some(isUp)) assert.ok(next.voters.every(isUp), `${left.join()} leaves while somebody else is missing`);
  }

  /** The least that makes a quorum, and not always the same servers. */
  #quorum(configuration: FakeConfiguration): FakeServer[] {
    const voters = votersOf(configuration, this.#running());
    const first = this.acknowledged % voters.length;
    return [...voters.slice(first), ...voters].slice(0, majorityOf(configuration.voters.length));
  }
}

/** The configuration in a zoo.cfg. */
export function configurationIn(zooCfg: string): FakeConfiguration {
  const servers = [...zooCfg.matchAll(/^server\.(\d+)=.*:(participant|observer);/gm)];
  const idsOf = (role: string) => servers.filter((server) => server[2] === role).map((server) => Number(server[1]));
  return { version: 0, voters: idsOf('participant'), observers: idsOf('observer') };
}

function configurationOf({ disk, seeds }: FakeServer): FakeConfiguration {
  return disk.configuration ?? seeds;
}

function votersOf({ voters }: FakeConfiguration, running: readonly FakeServer[]): FakeServer[] {
  return running.filter(({ id, disk }) => voters.includes(id) && disk.newest !== undefined);
}

function changed(
  before: FakeConfiguration,
  joining: string | undefined,
  leaving: number | undefined,
): FakeConfiguration {
  const without = (ids: readonly number[]): number[] => ids.filter((id) => id !== leaving);
  const joined = configurationIn(joining ?? '');
  const union = (a: readonly number[], b: readonly number[]) => [...new Set([...a, ...b])].sort((x, y) => x - y);
  return {
    version: before.version + 1,
    voters: union(without(before.voters), joined.voters),
    observers: union(without(before.observers), joined.observers),
  };
}

function reported({ version, voters, observers }: FakeConfiguration): ReportedConfiguration {
  return {
    version: version.toString(16),
    servers: [
      ...voters.map((id) => ({ id, role: 'participant' as const })),
      ...observers.map((id) => ({ id, role: 'observer' as const })),
    ],
  };
}
