import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from './instance-lock.ts';

const HOLDER = `
  import { lockDirectory } from ${JSON.stringify(new URL('./instance-lock.ts', import.meta.url).href)};
  await lockDirectory(process.argv[1]);
  process.stdout.write('locked');
  setInterval(() => {}, 1000);
`;

test('a directory is held by one process, until that ends in whatever way', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lock-'));
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(holder.stdout, 'data');
    await assert.rejects(lockDirectory(directory), { code: 'ZK_DATA_IN_USE' });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const lock = await lockDirectory(directory);
    lock.release();
    (await lockDirectory(directory)).release();
  } finally {
    holder.kill('SIGKILL');
    await rm(directory, { recursive: true });
  }
});

test('a directory that is not there', async () => {
  await assert.rejects(lockDirectory('/nowhere/at/all'), { code: 'ZK_STORAGE_FAILED' });
});
