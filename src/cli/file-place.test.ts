import assert from 'node:assert/strict';
import promises from 'node:fs/promises';
import { chown, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { CodedError } from '../common/errors.ts';
import { FilePlace } from './file-place.ts';
import { placeOf } from './locations.ts';
import { restore } from './restore.ts';
import type { Check } from './place.ts';
import type { InspectedFile } from './snapshot-file.ts';
import { scratch } from './testing/scratch.ts';
import { EMPTY_SNAPSHOT } from './testing/snapshots.ts';

const sound: Check = async (stored) => ({ bytes: (await buffer(stored)).length }) as InspectedFile;
const S3 = { endpoint: undefined, region: undefined, pathStyle: false, caBundle: undefined };

function hello(): AsyncIterable<Uint8Array> {
  return ReadableStream.from([Buffer.from('hello')]);
}

test('a file has an odd name, and a directory that is made for it; nobody else may read it', async (t) => {
  const directory = await scratch(t);
  const name = join(directory, 'ein Ordner', "o'dd $(name) ?#*\nü", 'f.gz');
  await new FilePlace(name).store(hello(), sound);
  assert.equal(await readFile(name, 'utf8'), 'hello');
  assert.equal((await stat(name)).mode & 0o777, 0o600);
});

test('what has the name already stays, whatever it is', async (t) => {
  const directory = await scratch(t);
  const [file, link] = [join(directory, 'file'), join(directory, 'link')];
  await writeFile(file, 'precious');
  await symlink(join(directory, 'nowhere'), link);
  for (const name of [file, link, directory]) {
    assert.equal(await new FilePlace(name).exists(), true);
    await assert.rejects(new FilePlace(name).store(hello(), sound), { message: /exists and is left as it is/ });
  }
  assert.equal(await readFile(file, 'utf8'), 'precious');
  assert.deepEqual((await readdir(directory)).toSorted(), ['file', 'link']);
});

test('where no file can have a second name it gets its own all the same, and takes nobody else’s', async (t) => {
  const directory = await scratch(t);
  t.mock.method(promises, 'link', () =>
    Promise.reject(Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })),
  );
  syncBuiltinESMExports();
  t.after(syncBuiltinESMExports);
  const place = new FilePlace(join(directory, 'f'));
  await place.store(hello(), sound);
  await assert.rejects(place.store(ReadableStream.from([Buffer.from('other')]), sound), {
    message: /exists and is left as it is/,
  });
  assert.equal(await readFile(join(directory, 'f'), 'utf8'), 'hello');
  assert.deepEqual(await readdir(directory), ['f']);
});

test('what cannot be stored says where and why', async (t) => {
  const directory = await scratch(t);
  await writeFile(join(directory, 'file'), '');
  await assert.rejects(new FilePlace(join(directory, 'file', 'f')).store(hello(), sound), {
    code: 'ZK_BACKUP_FAILED',
    message: /^storing .*\/file\/f: (ENOTDIR|EEXIST)/,
  });
  const broken = new CodedError('ZK_SNAPSHOT_CORRUPT', 'it is');
  await assert.rejects(
    new FilePlace(join(directory, 'f')).store(hello(), () => Promise.reject(broken)),
    broken,
  );
  assert.deepEqual(await readdir(directory), ['file']);
});

test('a disk that is full, or that nobody may write to, is told with what would help, and nothing is left', async (t) => {
  const directory = await scratch(t);
  const name = join(directory, 'f');
  for (const [code, advice] of [
    ['ENOSPC', /make room there, or store it elsewhere$/],
    ['EDQUOT', /make room there/],
    ['EACCES', /as a user who may write there$/],
    ['EROFS', /mounted read-only$/],
    ['EIO', /EIO: no, write$/],
  ] as const) {
    const failing = ReadableStream.from(
      (function* () {
        yield Buffer.from('hello');
        throw Object.assign(new Error(`${code}: no, write`), { code });
      })(),
    );
    await assert.rejects(new FilePlace(name).store(failing, sound), { code: 'ZK_BACKUP_FAILED', message: advice });
  }
  assert.deepEqual(await readdir(directory), []);
});

test('what cannot be read says which', async (t) => {
  const directory = await scratch(t);
  for (const [name, code] of [
    ['nowhere', 'ENOENT'],
    ['', 'EISDIR'],
  ] as const) {
    const message = new RegExp(`^reading ${directory}/${name}: ${code}`);
    await assert.rejects(buffer(new FilePlace(`${directory}/${name}`).read()), { code: 'ZK_BACKUP_FAILED', message });
    await assert.rejects(restore(new FilePlace(`${directory}/${name}`), join(directory, 'data'), {}), { message });
  }
});

test('what is not there is removed already', async (t) => {
  const directory = await scratch(t);
  for (const name of ['f', 'no/such/f']) await new FilePlace(join(directory, name)).remove();
  assert.deepEqual(await readdir(directory), []);
});

test('of what else lies beside it, only what attempts left is removed', async (t) => {
  const directory = await scratch(t);
  for (const name of ['f.partial-0123abcd', 'f.partial-notes', 'f.partial-0123abcd.txt', 'ff.partial-0123abcd']) {
    await writeFile(join(directory, name), '');
  }
  await new FilePlace(join(directory, 'f')).removeRemains();
  assert.deepEqual((await readdir(directory)).toSorted(), [
    'f.partial-0123abcd.txt',
    'f.partial-notes',
    'ff.partial-0123abcd',
  ]);
});

test('a location that looks like a place which zabctl does not know is not taken for a file', async () => {
  for (const location of [
    'https://s3.example.com/b/k',
    'S3://b/k',
    'gs://b/k',
    'file:///f',
    '',
    '-',
    's3://b',
    's3:/b/k',
  ]) {
    await assert.rejects(placeOf(location, S3), { code: 'ZK_CLI_ARGUMENTS', message: /s3:\/\/bucket/ });
  }
  for (const location of ['f', './s3:f', '/a/b://c', 'C:\\f'])
    assert.ok((await placeOf(location, S3)) instanceof FilePlace);
});

test('a data directory is restored for its owner, and its lock is theirs even if nothing is restored', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give files away');
  const directory = await scratch(t);
  const [backup, dataDir] = [join(directory, 'backup'), join(directory, 'data')];
  await mkdir(dataDir);
  await chown(dataDir, 1234, 4321);
  await writeFile(backup, 'no snapshot');
  await assert.rejects(restore(new FilePlace(backup), dataDir, {}), { code: 'ZK_SNAPSHOT_CORRUPT' });
  const isTheirs = async (name: string) => {
    const { uid, gid } = await stat(join(dataDir, name));
    assert.deepEqual([uid, gid], [1234, 4321], name);
  };
  await isTheirs('.zabkeeper.lock');
  await writeFile(backup, EMPTY_SNAPSHOT);
  await restore(new FilePlace(backup), dataDir, {});
  for (const name of await readdir(dataDir, { recursive: true })) await isTheirs(name);
  // Of an ensemble that nobody had written to.
  assert.deepEqual((await readdir(join(dataDir, 'version-2'))).toSorted(), [
    'acceptedEpoch',
    'currentEpoch',
    'snapshot.0',
  ]);
});

test('a link in place of the directory to restore into is not followed', async (t) => {
  const directory = await scratch(t);
  const backup = join(directory, 'backup');
  await writeFile(backup, EMPTY_SNAPSHOT);
  for (const target of [join(directory, 'elsewhere'), join(directory, 'nowhere')]) {
    const dataDir = await mkdtemp(join(directory, 'data-'));
    if (target.endsWith('elsewhere')) await mkdir(target);
    await symlink(target, join(dataDir, 'version-2'));
    await assert.rejects(restore(new FilePlace(backup), dataDir, {}), {
      code: 'ZK_RESTORE_REFUSED',
      message: /version-2 is a symbolic link/,
    });
  }
  assert.deepEqual(await readdir(join(directory, 'elsewhere')), []);
});
