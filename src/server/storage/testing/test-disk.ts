import { makeZxid, type Zxid } from '../../../common/zxid.ts';
import { FaultDisk } from '../fault-disk.ts';
import { RECORD_OVERHEAD_BYTES } from '../formats/log-format.ts';
import type { StorageDisks, StorageOperation } from '../types.ts';
import { TestStorage, entry } from './test-storage.ts';

/** What an entry of the usual size takes in a log. */
export const ENTRY_BYTES = entry(1).bytes.length + RECORD_OVERHEAD_BYTES;
export const z = (counter: number, epoch = 1): Zxid => makeZxid(epoch, counter);
export const range = (from: number, to: number, epoch = 1): Zxid[] =>
  Array.from({ length: to - from + 1 }, (_value, at) => z(from + at, epoch));
export const append = (zxids: readonly Zxid[]): StorageOperation => ({
  type: 'append',
  entries: zxids.map((zxid) => entry(zxid)),
});

/** One disk for both. */
export function both(disk: FaultDisk): StorageDisks {
  return { snapshots: disk, logs: disk };
}

/** A disk on which a server has run. */
export function diskAfter(work: (test: TestStorage) => void): FaultDisk {
  const disk = new FaultDisk();
  const test = new TestStorage(both(disk));
  test.recover();
  work(test);
  test.settle();
  return disk;
}

/** Persists each list with a sync of its own. */
export function persistEach(test: TestStorage, ...batches: Zxid[][]): void {
  for (const zxids of batches) {
    test.storage.persist([append(zxids)], () => undefined);
    test.settle();
  }
}

export function overwrite(disk: FaultDisk, name: string, offset: number, bytes: Uint8Array): void {
  disk.open(name).write(offset, [bytes]);
}

export function put(disk: FaultDisk, name: string, bytes: Uint8Array): void {
  const file = disk.open(name);
  file.truncate(0);
  file.write(0, [bytes]);
}

export function recover(disk: FaultDisk): ReturnType<TestStorage['recover']> {
  return new TestStorage(both(disk)).recover();
}

export const damage = Uint8Array.of(1, 2, 3, 4, 5);
