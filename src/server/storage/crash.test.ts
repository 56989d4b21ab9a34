import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Random } from '../../common/types.ts';
import { epochOf, makeZxid, type Zxid } from '../../common/zxid.ts';
import { FaultDisk, SimulatedCrash } from './fault-disk.ts';
import { TestStorage, entry, seededRandom, snapshotOf } from './testing/test-storage.ts';
import type { StorageDisks, StorageOperation } from './types.ts';

/** What is on a disk: the zxids of the history, and the current epoch (0: never written). */
interface State {
  readonly history: readonly Zxid[];
  readonly epoch: number;
}

/**
 * Knows every state that a recovery may give: the one after the last operation that was reported done, those after every
 * later one that was asked for, and those in the middle of them.
 */
class Oracle {
  /** How many snapshots a purge keeps. */
  readonly snapshotsKept: number;
  /** How many of the history's first entries no truncate may touch: snapshots reach no further back. */
  fixedEntries = 0;
  #states: State[] = [{ history: [], epoch: 0 }];
  /** Number of states dropped from the front of the list. */
  #dropped = 0;
  #savedEntries = 0;

  constructor(snapshotsKept: number) {
    this.snapshotsKept = snapshotsKept;
  }

  /** The state when everything that was asked for is done. */
  get newest(): State {
    return this.#states.at(-1) ?? { history: [], epoch: 0 };
  }

  /** Returns what to call when all of the operations are done. */
  asked(operations: readonly StorageOperation[], installed: readonly Zxid[] = []): () => void {
    for (const operation of operations) this.#ask(operation, installed);
    const last = this.#dropped + this.#states.length - 1;
    return () => {
      const count = Math.max(0, last - this.#dropped);
      this.#states.splice(0, count);
      this.#dropped += count;
    };
  }

  /** A snapshot is being saved; a purge then keeps this one alone, or the one before as well. */
  saving(): void {
    const entries = this.newest.history.length;
    const oldest = this.snapshotsKept === 1 ? entries : Math.min(this.#savedEntries, entries);
    this.fixedEntries = Math.max(this.fixedEntries, oldest);
    this.#savedEntries = entries;
  }

  recovered(state: State, context: string): void {
    const found = JSON.stringify(state);
    const wanted = JSON.stringify(this.#states.length < 4 ? this.#states : [this.#states[0], '...', this.newest]);
    const allowed = this.#states.some((allowed) => JSON.stringify(allowed) === found);
    assert.ok(allowed, `${context}: found ${found}, wanted one of ${wanted}`);
    this.#states = [state];
    this.#dropped = 0;
  }

  #ask(operation: StorageOperation, installed: readonly Zxid[]): void {
    const { history, epoch } = this.newest;
    if (operation.type === 'append') {
      const zxids = operation.entries.map(({ zxid }) => zxid);
      for (let count = 1; count <= zxids.length; count++) {
        this.#states.push({ history: [...history, ...zxids.slice(0, count)], epoch });
      }
    } else if (operation.type === 'truncate') {
      for (let cut = history.length; (history[cut - 1] ?? 0) >= operation.zxid && cut > 0; cut--) {
        this.#states.push({ history: history.slice(0, cut), epoch });
      }
      if (operation.zxid === 0) this.#states.push({ history: [], epoch });
    } else if (operation.type === 'currentEpoch') {
      this.#states.push({ history, epoch: operation.epoch });
    } else if (operation.type === 'installSnapshot') {
      this.#states.push({ history: installed, epoch });
      this.fixedEntries = Math.max(this.fixedEntries, installed.length);
    }
  }
}

/** One life: recover, check, work until the disk's plan ends it. False when it did. */
function live(disks: StorageDisks, oracle: Oracle, random: Random, steps: number, context: string): boolean {
  const test = new TestStorage(disks, { snapshotsKept: oracle.snapshotsKept });
  let saving = false;
  try {
    const { receiver, currentEpoch } = test.recover();
    // Without a file the epoch of the last entry stands in.
    const epoch = disks.snapshots.exists('currentEpoch') ? currentEpoch : 0;
    if (epoch === 0) assert.equal(currentEpoch, epochOf(receiver.history.at(-1) ?? 0), context);
    oracle.recovered({ history: receiver.history, epoch }, context);
    for (let step = 0; step < steps; step++) {
      const operations = someOperations(oracle.newest, oracle.fixedEntries, random);
      if (operations !== undefined) {
        test.storage.persist(operations.list, oracle.asked(operations.list, operations.installed));
      } else if (!saving) {
        saving = true;
        oracle.saving();
        test.storage.saveSnapshot(snapshotOf(oracle.newest.history), () => (saving = false));
      }
      for (let tasks = Math.floor(random.next() * 6); tasks > 0; tasks--) test.step();
    }
    test.settle();
    assert.equal(test.failure, undefined, context);
    return true;
  } catch (error) {
    if (error instanceof SimulatedCrash) return false;
    if (error instanceof Error) error.message = `${context}: ${error.message}`;
    throw error;
  }
}

interface Operations {
  readonly list: readonly StorageOperation[];
  /** The history of the snapshot that is installed, if one is. */
  readonly installed?: readonly Zxid[];
}

/** What a member may ask for next; undefined for a snapshot of its own. */
function someOperations({ history, epoch }: State, fixedEntries: number, random: Random): Operations | undefined {
  const dice = random.next();
  if (dice < 0.5) return { list: [appendTo(history, random)] };
  if (dice < 0.6) {
    const next = epoch + 1;
    const epochs: StorageOperation[] = [
      { type: 'acceptedEpoch', epoch: next },
      { type: 'currentEpoch', epoch: next },
    ];
    return { list: random.next() < 0.5 ? epochs : [appendTo(history, random), ...epochs] };
  }
  if (dice < 0.8) return undefined;
  if (dice < 0.88) {
    // A leader whose history left ours some entries ago: the log has entries beyond its snapshot that must not come back.
    const common = history.slice(0, history.length - Math.floor(random.next() * Math.min(5, history.length + 1)));
    const installed = [...common, (common.at(-1) ?? makeZxid(1, 0)) + 2];
    return { list: [{ type: 'installSnapshot', source: snapshotOf(installed) }], installed };
  }
  if (history.length <= fixedEntries) return { list: [appendTo(history, random)] };
  const kept = history.length - 1 - Math.floor(random.next() * Math.min(12, history.length - fixedEntries));
  return { list: [{ type: 'truncate', zxid: history[kept - 1] ?? 0 }] };
}

function appendTo(history: readonly Zxid[], random: Random): StorageOperation {
  const count = 1 + Math.floor(random.next() * 4);
  let last = history.at(-1) ?? 0;
  const entries = Array.from({ length: count }, () => {
    last = last === 0 || random.next() < 0.1 ? makeZxid(epochOf(last) + 1, 1) : last + 1;
    return entry(last, random.next() < 0.2 ? 1500 : Math.floor(random.next() * 80));
  });
  return { type: 'append', entries };
}

/** A server's life that ends at the given operation, and more lives after it; until one ends by itself. */
function liveAgainAndAgain(seed: number, crashAt: number): boolean {
  const random = seededRandom(seed);
  const fate = seededRandom(seed * 10_007 + crashAt);
  const snapshots = new FaultDisk();
  const logs = seed % 3 === 0 ? new FaultDisk() : snapshots;
  const disks = { snapshots, logs };
  const oracle = new Oracle(1 + (seed % 2));
  let operations = 0;
  let end = crashAt;
  snapshots.plan = () => (++operations === end ? 'crash' : 'go');
  logs.plan = snapshots.plan;
  if (live(disks, oracle, random, 14, `seed ${seed}, crash at ${crashAt}`)) return false;
  for (let life = 2; life <= 4; life++) {
    // A kill leaves in memory what was not synced; the power may go a life later.
    if (fate.next() < 0.6) for (const disk of new Set([snapshots, logs])) disk.crash(fate);
    end = life < 4 ? operations + 1 + Math.floor(fate.next() * 40) : Infinity;
    live(disks, oracle, fate, 3, `seed ${seed}, crash at ${crashAt}, life ${life}`);
  }
  return true;
}

describe('a crash at any operation of the disk', () => {
  it('leaves what was reported done', () => {
    const seeds = Number(process.env['STORAGE_CRASH_SEEDS'] ?? 15);
    let crashes = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      for (let crashAt = 1; liveAgainAndAgain(seed, crashAt); crashAt++) crashes++;
    }
    assert.ok(crashes > seeds * 50, `only ${crashes} crashes`);
  });
});
