import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

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

test('a time or an admin port that is none is refused before anything is done', async () => {
  for (const [args, said] of [
    [['--timeout', 'soon', 'get', '/a'], /'soon' is no time to wait/],
    [['--timeout', '0', '--server', '127.0.0.1:1', 'backup', 'f'], /'0' is no time to wait/],
    [['--timeout', '-5', 'backup', 'f'], /'-5' is no time to wait/],
    [['--server', 'zoo1', 'backup', 'f'], /'zoo1' is not an admin port: write --server host:8080/],
    [['--server', 'zoo1:8080/chroot', 'backup', 'f'], /'zoo1:8080\/chroot' is not an admin port/],
    [['--server', 'user:password@zoo1:8080', 'backup', 'f'], /is not an admin port/],
  ] as const) {
    const { exitCode, stderr } = await zabctl(...args);
    assert.equal(exitCode, 1);
    assert.match(stderr, said);
    assert.match(stderr, /^ZK_CLI_ARGUMENTS: /);
  }
});
