import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logName, snapshotName } from './formats/file-names.ts';
import { LOG_HEADER_BYTES, MARK_BYTES, RECORD_OVERHEAD_BYTES } from './formats/log-format.ts';
import { ENTRY_BYTES, damage, diskAfter, overwrite, persistEach, put, range, recover, z } from './testing/test-disk.ts';
import { entry, seededRandom, snapshotOf } from './testing/test-storage.ts';
import type { StorageOperation } from './types.ts';

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
