import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultDisk } from './fault-disk.ts';
import { append, both, persistEach, range, recover, z } from './testing/test-disk.ts';
import { TestStorage, snapshotOf } from './testing/test-storage.ts';
import type { StorageOperation } from './types.ts';

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
