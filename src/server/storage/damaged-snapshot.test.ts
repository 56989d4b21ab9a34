import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FaultDisk } from './fault-disk.ts';
import { snapshotName } from './formats/file-names.ts';
import { apacheSnapshot } from './testing/apache-files.ts';
import {
  append,
  both,
  damage,
  diskAfter,
  overwrite,
  persistEach,
  put,
  range,
  recover,
  z,
} from './testing/test-disk.ts';
import { TestStorage, snapshotOf } from './testing/test-storage.ts';
import type { StorageOperation } from './types.ts';

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
