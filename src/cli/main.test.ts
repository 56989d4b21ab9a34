import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratch } from './testing/scratch.ts';
import { EMPTY_SNAPSHOT } from './testing/snapshots.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

async function zabctl(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [[exitCode], stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  return { exitCode: exitCode as unknown, stdout, stderr };
}

// What the commands do is tested with the client; here is only what a person sees who makes a mistake.
test('mistakes end with exit code 1 and a sentence', async () => {
  const [mode, server, unreachable, help] = await Promise.all([
    zabctl('create', '/a', '--mode', 'eternal'),
    zabctl('--server', 'a b', 'get', '/a'),
    zabctl('--server', '127.0.0.1:1', '--timeout', '0.1', 'get', '/a'),
    zabctl('--help'),
  ]);
  assert.deepEqual([mode.exitCode, server.exitCode, unreachable.exitCode, help.exitCode], [1, 1, 1, 0]);
  assert.match(mode.stderr, /'eternal' is not a mode of a znode/);
  assert.match(server.stderr, /write host:2181,host:2181\/path/);
  assert.match(unreachable.stderr, /operationTimeout: \/a: no server within 100 ms/);
  assert.match(help.stdout, /get <path>/);
});

test('an argument that cannot be used is refused before anything is done', async () => {
  const mistakes: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['--timeout', 'soon', 'get', '/a'], /'soon' is no time to wait/],
    [['--timeout', '0', '--server', '127.0.0.1:1', 'backup', 'f'], /'0' is no time to wait/],
    [['--auth', 'super', 'backup', 'f'], /--auth \(ZABCTL_AUTH\) is no identity/],
    [['backup', '--wait', '5m', 'f'], /'5m' is no time to wait/],
    [['restore', '--sha256', 'abc', 'f', 'd'], /'abc' is no SHA-256/],
    [['delete', '/a', '--version', 'v1'], /'v1' is no version of a znode/],
    [['--server', 'user:password@zoo1:8080', 'backup', 'f'], /is not an admin port/],
    [['inspect', '--s3-endpoint', 'minio:9000', 's3://b/k'], /'minio:9000' is no URL of an S3 server/],
  ];
  const told = await Promise.all(mistakes.map(async ([args]) => await zabctl(...args)));
  for (const [index, [, said]] of mistakes.entries()) {
    assert.equal(told[index]?.exitCode, 1);
    assert.match(told[index]?.stderr ?? '', said);
    assert.match(told[index]?.stderr ?? '', /^ZK_CLI_ARGUMENTS: /);
  }
});

test('who lost its disk in an ensemble that has been formed restores nothing, and says so; asked for without --if-empty it does', async (t) => {
  const directory = await scratch(t);
  const [file, dataDir] = [join(directory, 'f'), join(directory, 'data')];
  await writeFile(file, EMPTY_SNAPSHOT);
  process.env['ZABKEEPER_FORMED'] = 'true';
  t.after(() => delete process.env['ZABKEEPER_FORMED']);
  const refused = await zabctl('restore', join(directory, 'not-there'), dataDir, '--if-empty');
  assert.deepEqual([refused.exitCode, refused.stdout], [0, '']);
  assert.match(refused.stderr, /^nothing is restored: the ensemble has been formed \(ZABKEEPER_FORMED=true\), .*\n$/);
  assert.deepEqual(await readdir(directory), ['f']);
  assert.equal((await zabctl('restore', file, dataDir)).exitCode, 0);
  const help = await zabctl('restore', '--help');
  assert.match(help.stdout, /ZABKEEPER_FORMED=true/);
});

test('a result that cannot be written where it is to go is a failure', async (t) => {
  const file = join(await scratch(t), 'f');
  await writeFile(file, EMPTY_SNAPSHOT);
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  const child = spawn(process.execPath, [MAIN, 'inspect', file], { stdio: ['ignore', full.fd, 'pipe'] });
  assert.ok(child.stderr !== null);
  const [[exitCode], stderr] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /^ZK_OUTPUT_FAILED: the result cannot be written: ENOSPC.*\n$/);
});
