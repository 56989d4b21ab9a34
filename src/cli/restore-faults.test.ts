import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { snapshotFile } from '../server/backup/snapshot-stream.ts';
import { createDatabase } from '../server/database/database.ts';
import { OpCode } from '../server/protocol/opcodes.ts';
import { FilePlace } from './file-place.ts';
import { restore } from './restore.ts';

const scratch = fs.mkdtempSync(join(tmpdir(), 'zabctl-faults-'));
const backup = join(scratch, 'backup');
after(() => fs.rmSync(scratch, { recursive: true }));

/** Large enough for several writes. */
fs.writeFileSync(backup, Buffer.concat([...snapshotFile(filled().snapshot())]));

function filled() {
  const database = createDatabase({ watchSink: () => undefined });
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  for (let i = 1; i <= 4; i++) {
    const header = { sessionId: 1n, cxid: i, zxid: 0x700000000 + i, timeMs: i, type: OpCode.create };
    const data = Buffer.alloc(100_000, i);
    database.apply(header, { type: OpCode.create, path: `/n${i}`, data, acl, ephemeral: false, parentCVersion: -1 });
  }
  return database;
}

/** All with which restoring changes a disk. What else it did would show in {@link run} as a file that is not synced. */
const CHANGES = [
  'mkdirSync',
  'rmSync',
  'renameSync',
  'chownSync',
  'openSync',
  'writeSync',
  'fsyncSync',
  'closeSync',
] as const;

type Call = (...args: unknown[]) => unknown;
/** What happens at a change: nothing special, an error, or the end of the process, after which nothing is done any more. */
type Fault = 'none' | 'error' | 'end';

class Ended extends Error {}

/** A disk on which one change goes wrong, and that remembers what it was asked for. */
class FaultyDisk {
  changes = 0;
  readonly done: string[] = [];
  readonly #at: number;
  readonly #fault: Fault;
  readonly #code: string;
  readonly #files = new Map<unknown, string>();
  #hasEnded = false;

  constructor(at: number, fault: Fault, code = 'ENOSPC') {
    this.#at = at;
    this.#fault = fault;
    this.#code = code;
  }

  /** In place of node:fs while `run` runs. */
  async during<T>(run: () => Promise<T>): Promise<T> {
    const functions = fs as unknown as Record<string, Call>;
    const real = CHANGES.map((name) => [name, functions[name]] as const);
    for (const [name, original] of real) {
      if (original !== undefined) functions[name] = (...args) => this.#change(name, original, args);
    }
    syncBuiltinESMExports();
    try {
      return await run();
    } finally {
      for (const [name, original] of real) if (original !== undefined) functions[name] = original;
      syncBuiltinESMExports();
    }
  }

  #change(name: string, original: Call, args: unknown[]): unknown {
    const file = typeof args[0] === 'number' ? this.#files.get(args[0]) : String(args[0]);
    // Of others in this process.
    if (file === undefined || !file.startsWith(scratch)) return original(...args);
    if (this.#hasEnded) throw new Ended();
    if (++this.changes === this.#at && this.#fault !== 'none') {
      // What is written in part is there in part.
      if (name === 'writeSync') original(args[0], (args[1] as Uint8Array).subarray(0, 1000));
      if (name === 'closeSync') original(args[0]);
      if (this.#fault === 'error') {
        throw Object.assign(new Error(`${this.#code}: no, ${name}`), { code: this.#code, syscall: name });
      }
      this.#hasEnded = true;
      throw new Ended();
    }
    const result = original(...args);
    if (name === 'openSync') this.#files.set(result, file);
    this.done.push([name, basename(file), ...(name === 'renameSync' ? [basename(String(args[1]))] : [])].join(' '));
    return result;
  }
}

let directories = 0;
async function run(disk: FaultyDisk) {
  const dataDir = join(scratch, `data-${directories++}`, 'of a member');
  const outcome = await disk
    .during(() => restore(new FilePlace(backup), dataDir, {}))
    .then(
      () => 'restored',
      (error: unknown) => error,
    );
  return { dataDir, outcome, files: filesOf(join(dataDir, 'version-2')) };
}

/** Undefined where there is no such directory: a server then has no data. */
function filesOf(directory: string): Record<string, string> | undefined {
  if (!fs.existsSync(directory)) return undefined;
  return Object.fromEntries(
    fs.readdirSync(directory).map((name) => [name, fs.readFileSync(join(directory, name), 'latin1')]),
  );
}

test('all of what a server will find is durable before it can find it', async () => {
  const disk = new FaultyDisk(0, 'none');
  const { files, outcome } = await run(disk);
  assert.equal(outcome, 'restored');
  assert.deepEqual(Object.keys(files ?? {}), ['acceptedEpoch', 'currentEpoch', 'snapshot.700000004']);
  const published = disk.done.indexOf('renameSync version-2.restoring version-2');
  const last = (what: string) => disk.done.lastIndexOf(what);
  for (const name of ['restoring', 'acceptedEpoch', 'currentEpoch']) {
    assert.ok(last(`writeSync ${name}`) !== -1 && last(`writeSync ${name}`) < last(`fsyncSync ${name}`), name);
    assert.ok(last(`chownSync ${name}`) < last(`fsyncSync ${name}`), name);
    assert.ok(last(`fsyncSync ${name}`) < last('fsyncSync version-2.restoring'), name);
  }
  assert.ok(last('fsyncSync version-2.restoring') < published);
  assert.ok(disk.done.findLastIndex((done) => done.startsWith('writeSync')) < published);
  assert.ok(last('fsyncSync of a member') > published, 'its name');
  // And that of the directory that was made for it.
  for (const name of ['data-0', basename(scratch)]) assert.ok(last(`fsyncSync ${name}`) !== -1, name);
});

test('whichever change of the disk fails, or is the last: there is all or nothing, and restoring again gives all', async () => {
  const whole = new FaultyDisk(0, 'none');
  const expected = (await run(whole)).files;
  assert.ok(whole.changes > 25, `${whole.changes} changes`);
  for (const fault of ['error', 'end'] as const) {
    for (let at = 1; at <= whole.changes; at++) {
      const disk = new FaultyDisk(at, fault);
      const { dataDir, outcome, files } = await run(disk);
      const where = `${fault} at ${at}, after ${disk.done.at(-1)}`;
      assert.notEqual(outcome, 'restored', where);
      if (files !== undefined) assert.deepEqual(files, expected, where);
      if (fault === 'error') {
        assert.match(String(outcome), /restoring into .*: ENOSPC: no, .*: it takes about the unpacked size/, where);
        const left = fs.existsSync(dataDir) ? fs.readdirSync(dataDir) : [];
        if (!disk.done.includes('renameSync version-2.restoring version-2')) {
          assert.deepEqual(
            left.filter((name) => name !== '.zabkeeper.lock'),
            [],
            where,
          );
        }
      }
      await restore(new FilePlace(backup), dataDir, { onlyIfEmpty: true });
      assert.deepEqual(filesOf(join(dataDir, 'version-2')), expected, where);
      assert.deepEqual(fs.readdirSync(dataDir).toSorted(), ['.zabkeeper.lock', 'version-2'], where);
      fs.rmSync(dirname(dataDir), { recursive: true });
    }
  }
});
