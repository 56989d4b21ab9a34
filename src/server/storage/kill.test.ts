import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { makeZxid, type Zxid } from '../../common/zxid.ts';
import { openStorage } from './open.ts';
import { HistoryReceiver, entry, seededRandom, snapshotOf } from './testing/test-storage.ts';
import type { Storage } from './types.ts';

const CHILD = 'STORAGE_KILL_TEST_DIRECTORY';

function open(dataDir: string): Storage {
  return openStorage({
    dataDir,
    settings: { snapshotsKept: 1, preallocateBytes: 8192 },
    initialState: () => snapshotOf([]),
    onFailure: (error) => {
      throw error;
    },
    onWarning: () => undefined,
  });
}

/** The process that is killed: appends and saves snapshots as fast as it can, and prints what is durable. */
function runChild(dataDir: string): void {
  const storage = open(dataDir);
  const receiver = new HistoryReceiver();
  storage.recover(receiver);
  const { history } = receiver;
  const append = (): void => {
    const entries = [1, 2, 3].map((step) => entry(makeZxid(1, history.length + step), 400));
    history.push(...entries.map(({ zxid }) => zxid));
    const last = history.length;
    storage.persist([{ type: 'append', entries }], () => {
      process.stdout.write(`${last}\n`);
      append();
    });
  };
  const save = (): void => storage.saveSnapshot(snapshotOf([...history]), save);
  append();
  append();
  save();
}

/** Lets the child work until it has reported so many entries, kills it, and returns the last report. */
async function killAfter(dataDir: string, reports: number): Promise<number> {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, [CHILD]: dataDir, NODE_TEST_CONTEXT: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = 0;
  let left = reports;
  for await (const line of createInterface(child.stdout)) {
    last = Number(line);
    if (--left === 0) child.kill('SIGKILL');
  }
  return last;
}

const directoryOfChild = process.env[CHILD];
if (directoryOfChild !== undefined) {
  runChild(directoryOfChild);
} else {
  it('a process that is killed at any time leaves what it reported done', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'storage-kill-'));
    const random = seededRandom(7);
    for (let life = 0; life < 4; life++) {
      const reported = await killAfter(dataDir, 20 + Math.floor(random.next() * 200));
      const storage = open(dataDir);
      const receiver = new HistoryReceiver();
      storage.recover(receiver);
      await storage.close();
      const expected = receiver.history.map((_zxid, at): Zxid => makeZxid(1, at + 1));
      assert.deepEqual(receiver.history, expected);
      assert.ok(receiver.history.length >= reported, `${receiver.history.length} entries, ${reported} reported`);
    }
    rmSync(dataDir, { recursive: true });
  });
}
