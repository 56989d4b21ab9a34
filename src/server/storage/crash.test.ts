import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Random } from '../../common/types.ts';
import { epochOf, makeZxid, type Zxid } from '../../common/zxid.ts';
import { FaultDisk, SimulatedCrash } from './fault-disk.ts';
import { TestStorage, entry, seededRandom, snapshotOf } from './testing.ts';
import type { StorageDisks, StorageOperation } from './types.ts';

/** What may be on the disk: the states from the last one that was reported done to the newest that was asked for. */
class Oracle {
  /** Histories that a recovery may give, as text. */
  #allowed = new Map<string, readonly Zxid[]>();
  #history: readonly Zxid[] = [];
  #epochs = new Set<number>([0]);
  #epoch = 0;

  constructor() {
    this.#settle();
  }

  /** How far back the log surely leads: where the last leader's snapshot or the last but one of ours ends. */
  installed = 0;
  #saved = 0;

  snapshotSaved(length: number): void {
    this.installed = Math.max(this.installed, Math.min(this.#saved, length));
    this.#saved = length;
  }

  get history(): readonly Zxid[] {
    return this.#history;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** An operation is asked for; returns what to call when it is done. */
  asked(operation: StorageOperation, after: readonly Zxid[]): void {
    if (operation.type === 'append') {
      for (const { zxid } of operation.entries) this.#allow([...this.#history, zxid]);
    } else if (operation.type === 'truncate') {
      const { zxid } = operation;
      for (let cut = this.#history.length; cut > 0 && (this.#history[cut - 1] ?? 0) >= zxid; cut--) {
        this.#allow(this.#history.slice(0, cut));
      }
    } else if (operation.type === 'currentEpoch') {
      this.#epoch = operation.epoch;
      this.#epochs.add(operation.epoch);
    }
    this.#allow(after);
  }

  /** Everything asked for so far was reported done. */
  done(): void {
    this.#settle();
  }

  recovered(history: readonly Zxid[], epoch: number, context: string): void {
    assert.ok(this.#allowed.has(JSON.stringify(history)), `${context}: ${JSON.stringify(history)} was never a state`);
    // Without a file the epoch of the last entry stands in.
    const fitting = this.#epochs.has(epoch) || (this.#epochs.has(0) && epoch === epochOf(history.at(-1) ?? 0));
    assert.ok(fitting, `${context}: epoch ${epoch} not in ${[...this.#epochs].join()}`);
    this.#history = history;
    this.#epoch = this.#epochs.has(epoch) ? epoch : 0;
    this.#settle();
  }

  #allow(history: readonly Zxid[]): void {
    this.#allowed.set(JSON.stringify(history), history);
    this.#history = history;
  }

  #settle(): void {
    this.#allowed = new Map([[JSON.stringify(this.#history), this.#history]]);
    this.#epochs = new Set([this.#epoch]);
  }
}

/** One life: recover, check, work until the plan ends it. Returns false when the disk crashed. */
function live(disks: StorageDisks, oracle: Oracle, random: Random, steps: number, context: string): boolean {
  const test = new TestStorage(disks, { snapshotsKept: 2 });
  try {
    const { receiver, currentEpoch } = test.recover();
    oracle.recovered(receiver.history, currentEpoch, context);
    for (let step = 0; step < steps; step++) {
      work(test, oracle, random);
      if (random.next() < 0.7) test.settle();
      else test.step();
    }
    test.settle();
    assert.equal(test.failure, undefined);
    return true;
  } catch (error) {
    if (error instanceof SimulatedCrash) return false;
    throw error;
  }
}

function work(test: TestStorage, oracle: Oracle, random: Random): void {
  const before = oracle.history;
  const last = before.at(-1) ?? 0;
  const dice = random.next();
  let outstanding = false;
  const persist = (operations: readonly StorageOperation[], after: readonly Zxid[]): void => {
    for (const operation of operations)
      oracle.asked(operation, operation.type.endsWith('Epoch') ? oracle.history : after);
    outstanding = true;
    test.storage.persist(operations, () => (outstanding = false));
  };
  if (dice < 0.55) {
    const zxids = nextZxids(last, random);
    const entries = zxids.map((zxid) => entry(zxid, random.next() < 0.2 ? 1500 : Math.floor(random.next() * 80)));
    persist([{ type: 'append', entries }], [...before, ...zxids]);
  } else if (dice < 0.65) {
    const epoch = oracle.epoch + 1;
    persist(
      [
        { type: 'acceptedEpoch', epoch },
        { type: 'currentEpoch', epoch },
      ],
      before,
    );
  } else if (dice < 0.8) {
    test.settle();
    const length = before.length;
    test.storage.saveSnapshot(snapshotOf(before), (saved) => {
      // A purge keeps two: no truncate may go back behind the older one.
      if (saved) oracle.snapshotSaved(length);
    });
  } else if (dice < 0.9) {
    test.settle();
    const zxid = makeZxid(epochOf(last) + 1, Math.floor(random.next() * 3));
    const after = [...before.slice(0, -2), zxid];
    persist([{ type: 'installSnapshot', source: snapshotOf(after) }], after);
    oracle.installed = after.length;
  } else if (before.length > oracle.installed + 1) {
    test.settle();
    const after = before.slice(0, -1 - Math.floor(random.next() * Math.min(3, before.length - oracle.installed - 1)));
    persist([{ type: 'truncate', zxid: after.at(-1) ?? 0 }], after);
  }
  if (outstanding) {
    test.settle();
    assert.equal(outstanding, false);
    oracle.done();
  }
}

function nextZxids(last: Zxid, random: Random): Zxid[] {
  const zxids: Zxid[] = [];
  let zxid = last;
  const count = 1 + Math.floor(random.next() * 4);
  for (let i = 0; i < count; i++) {
    zxid = zxid === 0 || random.next() < 0.1 ? makeZxid(epochOf(zxid) + 1, 1) : zxid + 1;
    zxids.push(zxid);
  }
  return zxids;
}

describe('a crash at any operation of the disk', () => {
  it('leaves what was reported done', () => {
    for (let seed = 1; seed <= 10; seed++) {
      for (let crashAt = 1; ; crashAt++) {
        const random = seededRandom(seed);
        const disk = new FaultDisk();
        const oracle = new Oracle();
        disk.plan = (number) => (number === crashAt ? 'crash' : 'go');
        const context = `seed ${seed}, crash at ${crashAt}`;
        const survived = live({ snapshots: disk, logs: disk }, oracle, random, 12, context);
        if (survived) break;
        disk.plan = () => 'go';
        if (crashAt % 3 !== 0) disk.crash(seededRandom(seed * 1000 + crashAt));
        assert.ok(live({ snapshots: disk, logs: disk }, oracle, random, 3, `${context}, second life`));
      }
    }
  });
});
