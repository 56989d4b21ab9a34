import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { CodedError } from '../../common/errors.ts';
import { makeZxid } from '../../common/zxid.ts';
import { openStorage, type OpenStorageOptions } from './open.ts';
import { HistoryReceiver, entry, snapshotOf } from './testing/test-storage.ts';
import type { SnapshotSource, Storage, StorageOperation } from './types.ts';

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'storage-'));
  directories.push(directory);
  return directory;
}

interface Opened {
  readonly storage: Storage;
  readonly warnings: string[];
  readonly failure: Promise<CodedError>;
}

function open(dataDir: string, options: Partial<OpenStorageOptions> = {}): Opened {
  const warnings: string[] = [];
  const failure = Promise.withResolvers<CodedError>();
  const storage = openStorage({
    dataDir,
    initialState: () => snapshotOf([]),
    onFailure: failure.resolve,
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  return { storage, warnings, failure: failure.promise };
}

function persist(storage: Storage, ...operations: StorageOperation[]): Promise<void> {
  return new Promise((resolve) => storage.persist(operations, resolve));
}

function save(storage: Storage, source: SnapshotSource): Promise<boolean> {
  return new Promise((resolve) => storage.saveSnapshot(source, resolve));
}

function recover(storage: Storage): HistoryReceiver {
  const receiver = new HistoryReceiver();
  storage.recover(receiver);
  return receiver;
}

const zxids = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_value, at) => makeZxid(1, from + at));
const append = (from: number, to: number, size?: number): StorageOperation => ({
  type: 'append',
  entries: zxids(from, to).map((zxid) => entry(zxid, size)),
});

describe('the storage of a real server', () => {
  it('finds again what was reported done', async () => {
    const dataDir = newDirectory();
    const first = open(dataDir).storage;
    assert.equal(first.recover(new HistoryReceiver()).empty, true);
    await persist(first, append(1, 3));
    await persist(first, { type: 'acceptedEpoch', epoch: 2 }, { type: 'currentEpoch', epoch: 1 }, append(4, 5));
    assert.ok(first.metrics().syncs >= 2);
    assert.equal(first.metrics().entriesAppended, 5);
    await first.close();

    const second = open(dataDir).storage;
    const receiver = new HistoryReceiver();
    const recovery = second.recover(receiver);
    assert.deepEqual(receiver.history, zxids(1, 5));
    assert.deepEqual(
      receiver.entries.map(({ bytes }) => bytes),
      zxids(1, 5).map((zxid) => entry(zxid).bytes),
    );
    assert.deepEqual([recovery.acceptedEpoch, recovery.currentEpoch, recovery.lastZxid], [2, 1, makeZxid(1, 5)]);
    assert.equal(recovery.empty, false);
    await second.close();
  });

  it('keeps log and snapshots in two directories', async () => {
    const [dataDir, dataLogDir] = [newDirectory(), newDirectory()];
    const { storage } = open(dataDir, { dataLogDir });
    recover(storage);
    await persist(storage, append(1, 1), { type: 'currentEpoch', epoch: 1 });
    await storage.close();
    assert.deepEqual(readdirSync(join(dataLogDir, 'version-2')), ['log.100000001']);
    assert.deepEqual(readdirSync(join(dataDir, 'version-2')).sort(), ['currentEpoch', 'snapshot.0']);
    const misplaced = open(dataLogDir, { dataLogDir: dataDir });
    assert.throws(() => recover(misplaced.storage), { code: 'ZK_STORAGE_MISSING' });
  });

  it('completes requests in order, more of them than the ring holds, and entries larger than the ring', async () => {
    const { storage } = open(newDirectory());
    recover(storage);
    const order: number[] = [];
    const all: Promise<void>[] = [];
    for (let i = 1; i <= 300; i++) {
      const size = i === 150 ? 5_000_000 : 30_000;
      all.push(persist(storage, append(i, i, size)).then(() => void order.push(i)));
    }
    await Promise.all(all);
    assert.deepEqual(
      order,
      Array.from({ length: 300 }, (_value, at) => at + 1),
    );
    assert.deepEqual(recover(storage).history, zxids(1, 300));
    await storage.close();
  });

  it('saves snapshots while it appends, rolls the log and purges', async () => {
    const dataDir = newDirectory();
    const { storage } = open(dataDir, { settings: { snapshotsKept: 2 } });
    recover(storage);
    for (let round = 1; round <= 4; round++) {
      await persist(storage, append(round * 10 - 9, round * 10));
      const saved = save(storage, snapshotOf(zxids(1, round * 10)));
      if (round === 4) await persist(storage, append(41, 45));
      assert.equal(await saved, true);
    }
    assert.deepEqual(readdirSync(join(dataDir, 'version-2')).sort(), [
      'log.10000001f',
      'log.100000029',
      'snapshot.10000001e',
      'snapshot.100000028',
    ]);
    await storage.close();
    const reopened = open(dataDir).storage;
    const receiver = recover(reopened);
    assert.equal(receiver.snapshotZxid, makeZxid(1, 40));
    assert.deepEqual(receiver.history, zxids(1, 45));
    await reopened.close();
  });

  it('goes back to an entry, and on from there', async () => {
    const { storage } = open(newDirectory());
    recover(storage);
    await persist(storage, append(1, 10));
    await save(storage, snapshotOf(zxids(1, 10)));
    await persist(storage, append(11, 12));
    await persist(storage, { type: 'truncate', zxid: makeZxid(1, 7) });
    assert.deepEqual(recover(storage).history, zxids(1, 7));
    await persist(storage, append(8, 9));
    assert.deepEqual(recover(storage).history, zxids(1, 9));
    await storage.close();
  });

  it("replaces everything by a leader's snapshot, and goes on from there", async () => {
    const { storage } = open(newDirectory());
    recover(storage);
    await persist(storage, append(1, 10));
    const history = zxids(1, 100_000);
    await persist(storage, { type: 'installSnapshot', source: snapshotOf(history, makeZxid(1, 5)) }, append(6, 7));
    assert.deepEqual(recover(storage).history, [...history, ...zxids(6, 7)]);
    await storage.close();
  });

  it('gives up a snapshot when what it holds is taken back', async () => {
    const { storage, warnings } = open(newDirectory());
    recover(storage);
    await persist(storage, append(1, 10));
    const saved = save(storage, snapshotOf(zxids(1, 10)));
    await persist(storage, { type: 'truncate', zxid: makeZxid(1, 7) });
    assert.equal(await saved, false);
    assert.match(warnings.join(), /given up/);
    assert.deepEqual(recover(storage).history, zxids(1, 7));
    await storage.close();
  });

  it('fails for good when the disk refuses, and reports nothing done', async () => {
    const dataDir = newDirectory();
    const { storage, failure } = open(dataDir);
    recover(storage);
    await persist(storage, append(1, 1));
    symlinkSync('/dev/full', join(dataDir, 'version-2', 'currentEpoch.tmp'));
    let done = false;
    storage.persist([{ type: 'currentEpoch', epoch: 1 }], () => (done = true));
    storage.persist([append(2, 2)], () => (done = true));
    assert.equal((await failure).code, 'ZK_STORAGE_FAILED');
    await storage.close();
    assert.equal(done, false);
  });

  it('reports syncs that take too long', async () => {
    const { storage, warnings } = open(newDirectory(), { settings: { slowSyncMs: 0 } });
    recover(storage);
    await persist(storage, append(1, 1));
    await storage.close();
    assert.match(warnings.join(), /syncing the log took/);
    assert.equal(storage.metrics().slowSyncs, storage.metrics().syncs);
  });

  it('can leave the syncs away', async () => {
    const { storage, warnings } = open(newDirectory(), { settings: { forceSync: false } });
    recover(storage);
    await persist(storage, append(1, 1));
    assert.equal(storage.metrics().syncs, 0);
    assert.match(warnings.join(), /forceSync=no/);
    await storage.close();
  });
});
