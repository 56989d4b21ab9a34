import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultDisk } from './fault-disk.ts';
import { damage, diskAfter, persistEach, put, range, recover, z } from './testing/test-disk.ts';
import { snapshotOf } from './testing/test-storage.ts';

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
