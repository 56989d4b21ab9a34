import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeZxid, type Zxid } from '../../common/zxid.ts';
import { FaultDisk } from './fault-disk.ts';
import { logName, snapshotName } from './formats/file-names.ts';
import { LOG_HEADER_BYTES, MARK_BYTES, RECORD_OVERHEAD_BYTES } from './formats/log-format.ts';
import { HistoryReceiver, TestStorage, apacheLog, apacheSnapshot, entry, seededRandom, snapshotOf } from './testing.ts';
import type { StorageDisks, StorageOperation } from './types.ts';

const ENTRY_BYTES = entry(1).bytes.length + RECORD_OVERHEAD_BYTES;
const z = (counter: number, epoch = 1): Zxid => makeZxid(epoch, counter);
const range = (from: number, to: number, epoch = 1): Zxid[] =>
  Array.from({ length: to - from + 1 }, (_value, at) => z(from + at, epoch));
const append = (zxids: readonly Zxid[]): StorageOperation => ({
  type: 'append',
  entries: zxids.map((zxid) => entry(zxid)),
});

/** One disk for both. */
function both(disk: FaultDisk): StorageDisks {
  return { snapshots: disk, logs: disk };
}

/** A disk on which a server has run. */
function diskAfter(work: (test: TestStorage) => void): FaultDisk {
  const disk = new FaultDisk();
  const test = new TestStorage(both(disk));
  test.recover();
  work(test);
  test.settle();
  return disk;
}

/** Persists each list with a sync of its own. */
function persistEach(test: TestStorage, ...batches: Zxid[][]): void {
  for (const zxids of batches) {
    test.storage.persist([append(zxids)], () => undefined);
    test.settle();
  }
}

function overwrite(disk: FaultDisk, name: string, offset: number, bytes: Uint8Array): void {
  disk.open(name).write(offset, [bytes]);
}

function put(disk: FaultDisk, name: string, bytes: Uint8Array): void {
  const file = disk.open(name);
  file.truncate(0);
  file.write(0, [bytes]);
}

function recover(disk: FaultDisk): ReturnType<TestStorage['recover']> {
  return new TestStorage(both(disk)).recover();
}

const damage = Uint8Array.of(1, 2, 3, 4, 5);

describe('recovery', () => {
  it('finds nothing on an empty disk', () => {
    const recovery = recover(new FaultDisk());
    assert.equal(recovery.empty, true);
    assert.equal(recovery.lastZxid, 0);
    assert.deepEqual([recovery.acceptedEpoch, recovery.currentEpoch], [0, 0]);
  });

  it('starts from the newest snapshot and the entries behind it', () => {
    const disk = diskAfter((test) => {
      persistEach(test, range(1, 10));
      test.storage.saveSnapshot(snapshotOf(range(1, 10)), () => undefined);
      test.settle();
      persistEach(test, range(11, 13));
    });
    const { receiver, snapshotZxid, lastZxid, empty } = recover(disk);
    assert.deepEqual(receiver.history, range(1, 13));
    assert.deepEqual([snapshotZxid, lastZxid, empty], [z(10), z(13), false]);
    assert.equal(receiver.digest, 10n);
  });

  it('starts from a snapshot alone', () => {
    const disk = diskAfter((test) => {
      test.storage.persist([{ type: 'installSnapshot', source: snapshotOf(range(1, 5)) }], () => undefined);
    });
    assert.deepEqual(recover(disk).receiver.history, range(1, 5));
  });

  it('removes what a crash left behind', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 2)));
    for (const name of ['saving.5', 'snapshot.5.tmp', 'acceptedEpoch.tmp', 'installing.7']) put(disk, name, damage);
    assert.deepEqual(recover(disk).receiver.history, range(1, 2));
    assert.deepEqual([...disk.list()].sort(), ['log.100000001', 'snapshot.0']);
  });

  it('takes the epochs from the entries where the files are missing', () => {
    const disk = diskAfter((test) => persistEach(test, [z(1), z(1, 4)]));
    const { acceptedEpoch, currentEpoch } = recover(disk);
    assert.deepEqual([acceptedEpoch, currentEpoch], [4, 4]);
  });

  it('raises an accepted epoch below the current one, and takes an epoch that Apache ZooKeeper had written but for its name', () => {
    const disk = diskAfter((test) => persistEach(test, [z(1, 3)]));
    put(disk, 'currentEpoch', Uint8Array.of(0x32));
    put(disk, 'currentEpoch.tmp', Uint8Array.of(0x33));
    put(disk, 'acceptedEpoch', Uint8Array.of(0x31));
    const { acceptedEpoch, currentEpoch, warnings } = recover(disk);
    assert.deepEqual([acceptedEpoch, currentEpoch, warnings.length], [3, 3, 2]);
    assert.deepEqual(disk.read('currentEpoch', 0, 9), Uint8Array.of(0x33));
  });

  it('refuses an epoch file that holds none', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 1)));
    put(disk, 'currentEpoch', new Uint8Array(0));
    assert.throws(() => recover(disk), { code: 'ZK_EPOCH_CORRUPT' });
  });
});

describe('a damaged log', () => {
  const log = logName(z(1));
  const endOf = (count: number): number => LOG_HEADER_BYTES + count * ENTRY_BYTES;

  it('is cut where its last batch is torn', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3), range(4, 6)));
    overwrite(disk, log, endOf(4) + 20, damage);
    const { receiver, warnings } = recover(disk);
    assert.deepEqual(receiver.history, range(1, 4));
    assert.match(warnings.join(), /cut off at byte/);
    assert.equal(disk.size(log), endOf(4) + MARK_BYTES);
    // What is left is whole: from now on, whatever is wrong in it is damage.
    overwrite(disk, log, endOf(3) + 20, damage);
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
  });

  it('is refused in its last batch too once its file is ended, though no other follows it yet', () => {
    const disk = diskAfter((test) => {
      persistEach(test, range(1, 3), range(4, 6));
      test.storage.saveSnapshot(snapshotOf(range(1, 6)), () => undefined);
      test.settle();
    });
    disk.remove(snapshotName(z(6)));
    assert.deepEqual(recover(disk).receiver.history, range(1, 6));
    overwrite(disk, log, endOf(4) + 20, damage);
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
  });

  it('is none where the power fails as its file is ended, wherever in a sector that is', () => {
    for (let size = 0; size < 512; size += 8) {
      const random = seededRandom(size);
      const disk = diskAfter((test) => {
        test.storage.persist([{ type: 'append', entries: [entry(z(1), size)] }], () => undefined);
        test.storage.saveSnapshot(snapshotOf(range(1, 1)), () => undefined);
        test.settle();
        persistEach(test, range(2, 3));
      });
      disk.remove(snapshotName(z(1)));
      disk.syncDirectory();
      disk.crash(random);
      assert.deepEqual(recover(disk).receiver.history, range(1, 3), `an entry of ${size} bytes`);
    }
  });

  it('is cut where only the end of the last batch is there', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3), range(4, 6)));
    overwrite(disk, log, endOf(3), new Uint8Array(ENTRY_BYTES));
    assert.deepEqual(recover(disk).receiver.history, range(1, 3));
  });

  it('is refused where an earlier batch is damaged', () => {
    for (const offset of [endOf(0), endOf(1) + 3, endOf(2) + 30, endOf(3) - 1]) {
      const disk = diskAfter((test) => persistEach(test, range(1, 3), range(4, 6)));
      overwrite(disk, log, offset, damage);
      assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' }, `at ${offset}`);
    }
  });

  it('is refused where an earlier batch reads as zeros', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3), range(4, 6)));
    overwrite(disk, log, endOf(1), new Uint8Array(2 * ENTRY_BYTES));
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
  });

  it('is refused where its header is damaged', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3)));
    overwrite(disk, log, 0, damage);
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
  });

  it('is refused where a file before the last is damaged', () => {
    const disk = diskAfter((test) => {
      persistEach(test, range(1, 3));
      test.storage.saveSnapshot(snapshotOf(range(1, 3)), () => undefined);
      test.settle();
      persistEach(test, range(4, 6));
    });
    disk.remove(snapshotName(z(3)));
    overwrite(disk, log, endOf(2) + 20, damage);
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
  });

  it('is refused where a file is missing, or has another name', () => {
    const disk = diskAfter((test) => {
      for (let round = 0; round < 3; round++) {
        persistEach(test, range(round * 3 + 1, round * 3 + 3));
        test.storage.saveSnapshot(snapshotOf(range(1, round * 3 + 3)), () => undefined);
        test.settle();
      }
    });
    // What is left without its newest two snapshots has to be read from the first log file on.
    for (const counter of [6, 9]) disk.remove(snapshotName(z(counter)));
    disk.rename(logName(z(4)), 'elsewhere');
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT', message: /entries are missing/ });
    disk.rename('elsewhere', logName(z(5)));
    assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT', message: /its name denies/ });
  });

  it('may end in a file that holds no entry yet', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3)));
    put(disk, logName(z(4)), disk.read(log, 0, LOG_HEADER_BYTES));
    assert.deepEqual(recover(disk).receiver.history, range(1, 3));
    assert.equal(disk.exists(logName(z(4))), false);
    put(disk, logName(z(4)), new Uint8Array(100));
    assert.deepEqual(recover(disk).receiver.history, range(1, 3));
  });

  it('without its last mark is cut within the reach of one batch, and refused beyond it', () => {
    const megabyte = 1024 * 1024;
    const batch = (counter: number): StorageOperation => ({ type: 'append', entries: [entry(z(counter), megabyte)] });
    for (const [damagedEntry, refused] of [
      [6, false],
      [4, false],
      [2, true],
    ] as const) {
      const disk = diskAfter((test) => {
        for (let counter = 1; counter <= 7; counter++) {
          test.storage.persist([batch(counter)], () => undefined);
          test.settle();
        }
      });
      const bytesOfOne = 32 + megabyte + RECORD_OVERHEAD_BYTES;
      overwrite(disk, log, LOG_HEADER_BYTES + 7 * bytesOfOne, new Uint8Array(MARK_BYTES));
      overwrite(disk, log, LOG_HEADER_BYTES + (damagedEntry - 1) * bytesOfOne + 500, damage);
      if (refused) assert.throws(() => recover(disk), { code: 'ZK_LOG_CORRUPT' });
      else assert.deepEqual(recover(disk).receiver.history, range(1, damagedEntry - 1));
    }
  });

  it('can hold what looks like a commit mark', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3), range(4, 6)));
    const mark = disk.read(log, endOf(6), MARK_BYTES);
    const clientsData = new Uint8Array(200);
    clientsData.set(mark, 100);
    overwrite(disk, log, endOf(6), clientsData);
    assert.deepEqual(recover(disk).receiver.history, range(1, 6));
  });
});

describe('a damaged snapshot', () => {
  function withTwoSnapshots(): FaultDisk {
    return diskAfter((test) => {
      persistEach(test, range(1, 3));
      test.storage.saveSnapshot(snapshotOf(range(1, 3)), () => undefined);
      test.settle();
      persistEach(test, range(4, 6));
      test.storage.saveSnapshot(snapshotOf(range(1, 6)), () => undefined);
      test.settle();
      persistEach(test, range(7, 8));
    });
  }

  it('is left aside for the one before and the longer log', () => {
    const size = withTwoSnapshots().size(snapshotName(z(6)));
    for (let offset = 0; offset < size; offset++) {
      const disk = withTwoSnapshots();
      const name = snapshotName(z(6));
      overwrite(disk, name, offset, Uint8Array.of((disk.read(name, offset, 1)[0] ?? 0) ^ 0x10));
      const { receiver, snapshotZxid, warnings } = recover(disk);
      assert.deepEqual(receiver.history, range(1, 8));
      assert.equal(snapshotZxid, z(3));
      assert.match(warnings.join(), /trying the one before/);
      assert.equal(disk.exists(`damaged-${name}`), true);
    }
  });

  it('is left aside where its end is missing', () => {
    const size = withTwoSnapshots().size(snapshotName(z(6)));
    const accepted: number[] = [];
    for (let kept = 0; kept < size; kept++) {
      const disk = withTwoSnapshots();
      disk.open(snapshotName(z(6))).truncate(kept);
      const { receiver, snapshotZxid } = recover(disk);
      assert.deepEqual(receiver.history, range(1, 8));
      if (snapshotZxid === z(6)) accepted.push(size - kept);
    }
    // Without the zxid, or without the digest as well, it is a whole snapshot of an older version.
    assert.deepEqual(accepted, [8 + 13 + 20 + 13, 8 + 13]);
  });

  it('is left aside where its reader finds that the body cannot be right', () => {
    const disk = withTwoSnapshots();
    put(disk, snapshotName(z(6)), apacheSnapshot('no history', z(6)));
    assert.equal(recover(disk).snapshotZxid, z(3));
  });

  it('is refused where the log does not lead there', () => {
    const disk = diskAfter((test) => {
      persistEach(test, range(1, 3));
      const installed: StorageOperation = {
        type: 'installSnapshot',
        source: snapshotOf([...range(1, 9), z(0, 2)], z(0, 2)),
      };
      test.storage.persist([installed, append([z(1, 2)])], () => undefined);
    });
    overwrite(disk, snapshotName(z(0, 2)), 20, damage);
    assert.throws(() => recover(disk), { code: 'ZK_SNAPSHOT_CORRUPT', message: /the log does not lead there/ });
    assert.equal(disk.exists(snapshotName(z(0, 2))), true);
  });

  it('is refused where it is the only one', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3)));
    overwrite(disk, snapshotName(0), 20, damage);
    assert.throws(() => recover(disk), { code: 'ZK_SNAPSHOT_CORRUPT' });
  });

  it('is not the same as none: a log alone is refused, unless that is trusted', () => {
    const disk = diskAfter((test) => persistEach(test, range(1, 3)));
    disk.remove(snapshotName(0));
    assert.throws(() => recover(disk), { code: 'ZK_STORAGE_MISSING' });
    const trusting = new TestStorage(both(disk), {}, true);
    assert.deepEqual(trusting.recover().receiver.history, range(1, 3));
  });
});

describe('files of Apache ZooKeeper', () => {
  function disk(...batches: { first: Zxid; bytes: Uint8Array }[]): FaultDisk {
    const disk = new FaultDisk();
    put(disk, snapshotName(0), apacheSnapshot('[]', 0));
    for (const { first, bytes } of batches) put(disk, logName(first), bytes);
    return disk;
  }
  const log = (zxids: readonly Zxid[]): { first: Zxid; bytes: Uint8Array } => ({
    first: zxids[0] ?? 0,
    bytes: apacheLog(zxids, 4096),
  });

  it('are read', () => {
    const receiver = new HistoryReceiver();
    const storage = new TestStorage(both(disk(log(range(1, 4)), log([...range(5, 6), z(1, 2)]))));
    storage.storage.recover(receiver);
    assert.deepEqual(receiver.history, [...range(1, 6), z(1, 2)]);
  });

  it('may end in a torn write, also before the last', () => {
    const torn = log(range(1, 4));
    torn.bytes.fill(0, LOG_HEADER_BYTES + 3 * ENTRY_BYTES + 30);
    assert.deepEqual(recover(disk(torn)).receiver.history, range(1, 3));
    assert.deepEqual(recover(disk(torn, log([z(1, 2)]))).receiver.history, [...range(1, 3), z(1, 2)]);
    assert.throws(() => recover(disk(torn, log(range(5, 6)))), { code: 'ZK_LOG_CORRUPT' });
  });

  it('are refused where a whole entry follows a damaged one', () => {
    const damaged = log(range(1, 4));
    damaged.bytes.set(damage, LOG_HEADER_BYTES + 2 * ENTRY_BYTES + 30);
    assert.throws(() => recover(disk(damaged)), { code: 'ZK_LOG_CORRUPT' });
  });

  it('have snapshots of four kinds of ends', () => {
    for (const parts of [[], ['digest'], ['zxid'], ['digest', 'zxid']] as const) {
      const older = new FaultDisk();
      put(older, snapshotName(z(2)), apacheSnapshot('[1,2]', z(2), parts));
      const { receiver } = recover(older);
      assert.deepEqual(receiver.history, [1, 2]);
      assert.equal(receiver.digest, parts.some((part) => part === 'digest') ? -5n : undefined);
    }
  });
});

describe('going back', () => {
  it('is refused where snapshots and log do not reach, and nothing is lost', () => {
    const disk = new FaultDisk();
    const test = new TestStorage(both(disk));
    test.recover();
    const installed: StorageOperation = { type: 'installSnapshot', source: snapshotOf(range(1, 9)) };
    test.storage.persist([installed, append(range(10, 12))], () => undefined);
    test.settle();
    let done = false;
    test.storage.persist([{ type: 'truncate', zxid: z(5) }], () => (done = true));
    test.settle();
    assert.equal(done, false);
    assert.match(test.failure?.message ?? '', /do not reach there/);
    assert.deepEqual(recover(disk).receiver.history, range(1, 12));
  });

  it('to where the log ends already changes nothing', () => {
    const disk = new FaultDisk();
    const test = new TestStorage(both(disk));
    test.recover();
    persistEach(test, range(1, 3));
    test.storage.persist([{ type: 'truncate', zxid: z(3) }, append(range(4, 4))], () => undefined);
    test.settle();
    assert.deepEqual(recover(disk).receiver.history, range(1, 4));
  });

  it('can drop everything', () => {
    const disk = new FaultDisk();
    const test = new TestStorage(both(disk));
    test.recover();
    persistEach(test, range(1, 3));
    test.storage.persist([{ type: 'truncate', zxid: 0 }], () => undefined);
    test.settle();
    assert.deepEqual([...disk.list()], ['snapshot.0']);
    const again = test.recover();
    assert.deepEqual([again.receiver.history, again.empty], [[], false]);
    persistEach(test, [z(1, 2)]);
    assert.deepEqual(recover(disk).receiver.history, [z(1, 2)]);
  });
});

describe('a disk that refuses', () => {
  it('ends the storage at whatever operation, and nothing more is reported done', () => {
    for (let failAt = 3; failAt < 40; failAt++) {
      const disk = new FaultDisk();
      const test = new TestStorage(both(disk));
      test.recover();
      disk.plan = (number) => (number === failAt ? 'fail' : 'go');
      const reported: number[] = [];
      const operations: StorageOperation[] = [
        append(range(1, 3)),
        { type: 'currentEpoch', epoch: 1 },
        append(range(4, 5)),
        { type: 'installSnapshot', source: snapshotOf(range(1, 6)) },
        append(range(7, 8)),
      ];
      for (const [index, operation] of operations.entries()) {
        test.storage.persist([operation], () => {
          assert.equal(test.failure, undefined);
          reported.push(index);
        });
        test.settle();
      }
      if (test.failure === undefined) {
        assert.equal(reported.length, operations.length);
        assert.ok(failAt > 20);
        return;
      }
      assert.equal((test.failure as { code?: string }).code, 'ZK_STORAGE_FAILED');
      assert.deepEqual(reported, [0, 1, 2, 3, 4].slice(0, reported.length));
      assert.ok(reported.length < operations.length);
    }
  });

  it('costs a snapshot but not the log', () => {
    const disk = new FaultDisk();
    const test = new TestStorage(both(disk));
    test.recover();
    persistEach(test, range(1, 3));
    disk.plan = (_number, what) => (what.startsWith('write saving') ? 'fail' : 'go');
    let saved: boolean | undefined;
    test.storage.saveSnapshot(snapshotOf(range(1, 3)), (result) => (saved = result));
    test.settle();
    persistEach(test, range(4, 4));
    assert.equal(saved, false);
    assert.match(test.warnings.join(), /given up/);
    assert.deepEqual(recover(disk).receiver.history, range(1, 4));
    assert.equal(
      disk.list().some((name) => name.startsWith('saving')),
      false,
    );
  });
});

describe('appending', () => {
  it('refuses entries that do not follow one another', () => {
    for (const zxids of [[z(1), z(1)], [z(1), z(3)], [z(2), z(1)], [z(1), z(2, 2)], [z(2)]]) {
      const test = new TestStorage(both(new FaultDisk()));
      test.recover();
      test.storage.persist([append(zxids)], () => assert.fail('reported done'));
      test.settle();
      assert.equal((test.failure as { code?: string } | undefined)?.code, 'ZK_ASSERTION');
    }
  });

  it('syncs once what was queued together', () => {
    const test = new TestStorage(both(new FaultDisk()));
    test.recover();
    persistEach(test, range(1, 1));
    const before = test.storage.metrics().syncs;
    const done: number[] = [];
    for (let counter = 2; counter <= 20; counter++) {
      test.storage.persist([append([z(counter)])], () => done.push(counter));
    }
    test.settle();
    assert.equal(test.storage.metrics().syncs - before, 1);
    assert.equal(done.length, 19);
  });
});
