import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Zxid } from '../../common/zxid.ts';
import { FaultDisk } from './fault-disk.ts';
import { logName, snapshotName } from './formats/file-names.ts';
import { LOG_HEADER_BYTES } from './formats/log-format.ts';
import { apacheLog, apacheSnapshot } from './testing/apache-files.ts';
import { ENTRY_BYTES, both, damage, put, range, recover, z } from './testing/test-disk.ts';
import { HistoryReceiver, TestStorage } from './testing/test-storage.ts';

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
