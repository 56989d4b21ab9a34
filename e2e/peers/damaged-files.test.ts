import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { serverUnderTest } from '../support/server-programs.ts';
import { storedFiles, type StoredFile } from './apache-tools.ts';
import { openKeeper, populate } from './populate.ts';
import { worldAll } from './raw/records.ts';
import { readTree, type Node } from './raw/tree.ts';

const subject = serverUnderTest();
const run = promisify(execFile);
const options = { kind: subject, size: 1, settings: { snapCount: 40 } };

/** Where records begin in a log, and where the last one ends. Read off the format, not with the server's own code. */
function recordOffsets(log: Buffer): { starts: number[]; end: number } {
  const fileHeaderBytes = 16; // "ZKLG", version, database id
  const starts: number[] = [];
  let offset = fileHeaderBytes;
  while (offset + 12 <= log.length) {
    const length = log.readInt32BE(offset + 8); // after the checksum
    if (length <= 0) break; // preallocated
    starts.push(offset);
    offset += 12 + length + 1;
  }
  return { starts, end: offset };
}

async function newest(directory: string, kind: 'log' | 'snapshot'): Promise<StoredFile> {
  const file = (await storedFiles(directory, kind)).at(-1);
  if (file === undefined) throw new Error(`no ${kind} in ${directory}`);
  return file;
}

async function newestRecords(member: Member): Promise<number> {
  const { path } = await newest(member.dataLogDir, 'log');
  return recordOffsets(await readFile(path)).starts.length;
}

/** What all cases begin with: the files of a server that was killed, and what it had acknowledged. */
interface Killed {
  readonly ensemble: Ensemble;
  readonly tree: ReadonlyMap<string, Node>;
}

/** A standalone server with several snapshots and logs, killed after its last acknowledgement. */
async function killedServer(): Promise<Killed> {
  const ensemble = await Ensemble.start(options);
  const member = ensemble.member(1);
  const keeper = await openKeeper(member.clientPort);
  await populate(keeper);
  await keeper.do({ op: 'create', path: '/after', data: null, acl: worldAll, flags: 0 });
  const last = (await storedFiles(member.dataDir, 'snapshot')).length + 2;
  while ((await storedFiles(member.dataDir, 'snapshot')).length < last) {
    await keeper.do({ op: 'setData', path: '/after', data: null, version: -1 });
  }
  // A snapshot is not all: something that only the newest log has, wherever in its life that log is.
  do await keeper.do({ op: 'create', path: '/after/n', data: null, acl: worldAll, flags: 2 });
  while ((await newestRecords(member)) < 5);
  const tree = await readTree(keeper);
  await member.kill();
  await keeper.closed;
  return { ensemble, tree };
}

/** Gives a server a copy of those files to damage. */
async function withCopy(killed: Killed, use: (member: Member, tree: Killed['tree']) => Promise<void>): Promise<void> {
  const original = killed.ensemble.member(1);
  const ensemble = await Ensemble.prepare(options);
  const member = ensemble.member(1);
  try {
    await mkdir(member.spec.directory);
    await run('cp', ['-r', '--sparse=always', original.dataDir, original.dataLogDir, member.spec.directory]);
    await use(member, killed.tree);
  } finally {
    await ensemble.stop();
  }
}

/** Starts the server on its damaged files: nothing may be missing, and what is written now must survive as well. */
async function recoversAll(member: Member, tree: Killed['tree']): Promise<void> {
  await member.start();
  await member.untilServing();
  let keeper = await openKeeper(member.clientPort);
  assert.deepEqual(await readTree(keeper), tree);
  await keeper.do({ op: 'create', path: '/recovered', data: Buffer.from('yes'), acl: worldAll, flags: 0 });
  const later = await readTree(keeper);
  await member.kill();
  await keeper.closed;
  await member.start();
  await member.untilServing();
  keeper = await openKeeper(member.clientPort);
  assert.deepEqual(await readTree(keeper), later);
  await keeper.close();
}

/** What a crash in the midst of writing a record leaves behind it; none of these was acknowledged. */
const tears: Record<string, (log: Buffer, record: Buffer, end: number) => Buffer> = {
  'half a record, then preallocated zeros': (log, record, end) => {
    const torn = Buffer.from(log);
    record.copy(torn, end, 0, Math.floor(record.length / 2));
    return torn;
  },
  'half a record, then the end of the file': (log, record, end) =>
    Buffer.concat([log.subarray(0, end), record.subarray(0, Math.floor(record.length / 2))]),
  'a record whose end is missing': (log, record, end) =>
    Buffer.concat([log.subarray(0, end), record.subarray(0, record.length - 1)]),
  'part of a checksum': (log, record, end) => Buffer.concat([log.subarray(0, end), record.subarray(0, 5)]),
  'the end of the file right after the last record': (log, _, end) => log.subarray(0, end),
};

const corruptions: Record<string, (file: string) => Promise<void>> = {
  'cut off in the middle': async (file) => truncate(file, Math.floor((await readFile(file)).length / 2)),
  'with a bit flipped': async (file) => {
    const bytes = await readFile(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 0x10, middle);
    await writeFile(file, bytes);
  },
  'that is empty': (file) => truncate(file, 0),
  'that is gone': (file) => rm(file),
};

describe(`damaged files (${subject})`, () => {
  let killed: Killed;
  before(async () => {
    killed = await killedServer();
  });
  after(() => killed.ensemble.stop());

  for (const [name, tear] of Object.entries(tears)) {
    it(`a torn log tail: ${name}`, { timeout: 90_000 }, () =>
      withCopy(killed, async (member, tree) => {
        const { path } = await newest(member.dataLogDir, 'log');
        const log = await readFile(path);
        const { starts, end } = recordOffsets(log);
        await writeFile(path, tear(log, log.subarray(starts.at(-1), end), end));
        await recoversAll(member, tree);
      }),
    );
  }

  it('damage in the midst of a log is no tear: the server refuses to start', { timeout: 90_000 }, () =>
    withCopy(killed, async (member) => {
      const { path } = await newest(member.dataLogDir, 'log');
      const { starts } = recordOffsets(await readFile(path));
      assert.ok(starts.length > 2);
      const file = await open(path, 'r+');
      await file.write(Buffer.from([0xde, 0xad]), 0, 2, (starts.at(-3) ?? 0) + 12 + 4);
      await file.close();
      await member.start();
      const exit = await member.untilExit();
      assert.notEqual(exit?.code, 0);
      if (subject === 'ours') assert.match(await member.logTail(200), /ZK_LOG_CORRUPT/);
    }),
  );

  for (const [name, corrupt] of Object.entries(corruptions)) {
    it(`a snapshot ${name}: the one before it and the log are used`, { timeout: 90_000 }, () =>
      withCopy(killed, async (member, tree) => {
        await corrupt((await newest(member.dataDir, 'snapshot')).path);
        await recoversAll(member, tree);
        if (subject === 'ours' && name !== 'that is gone')
          assert.match(await member.logTail(1000), /ZK_SNAPSHOT_CORRUPT/);
      }),
    );
  }
});
