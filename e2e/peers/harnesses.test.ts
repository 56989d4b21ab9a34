import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { runProgram } from '../support/run-program.ts';
import { peerPaths, serverUnderTest } from '../support/server-programs.ts';

/**
 * The tests that clients have for themselves, which start their servers with `java` or `zkServer.sh`: e2e/peers/shim starts
 * ours instead. The default is a choice of those that ask most of a server; HARNESS=all runs all but what needs TLS, SASL,
 * reconfiguration or the read-only mode (about ten minutes).
 */
const all = process.env['HARNESS'] === 'all';
const shim = join(peerPaths.sources, 'shim');
const timeoutMs = all ? 900_000 : 240_000;

const goTests = all
  ? '.'
  : '^TestIntegration_(BasicCluster|NoQuorum|BadSession|Create|CreateTTL|CreateContainer|Multi|MultiFailures|GetSetACL|Auth|ChildWatch|SetWatchers|ExpiringWatch|Lock|IfAuthdataSurvivesReconnect)$';
const kazooModules = all ? 'kazoo.tests' : 'kazoo.tests.test_client';
const kazooLacking = 'not SSL and not Reconfig and not SASL and not Sasl and not ReadOnly';
const kazooTests = all
  ? `${kazooLacking} and not gevent and not eventlet`
  : `${kazooLacking} and (TestClient or TestAuthentication)`;

const skip = serverUnderTest() === 'ours' ? false : 'the harnesses start our server';

describe("clients' own tests against our server", { skip }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zabkeeper-harness-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('go-zookeeper', { timeout: timeoutMs }, async (t) => {
    const { exitCode, output } = await runProgram({
      program: 'go',
      args: [
        '-C',
        join(peerPaths.sources, 'go'),
        'test',
        '-v',
        '-count=1',
        '-run',
        goTests,
        'github.com/go-zookeeper/zk',
      ],
      directory: join(peerPaths.sources, 'go'),
      environment: { ZOOKEEPER_BIN_PATH: shim, TMPDIR: directory },
      timeoutMs,
    });
    assert.equal(exitCode, 0, output.slice(-20_000));
    t.diagnostic(`${output.match(/^--- PASS/gm)?.length ?? 0} tests passed`);
  });

  it('kazoo', { timeout: timeoutMs }, async (t) => {
    const [firstPort] = await freePorts(1);
    const pytest = ['-m', 'pytest', '-p', 'no:cacheprovider', '-W', 'ignore', '--timeout=120', '-q', '-rfE'];
    const { exitCode, output } = await runProgram({
      program: peerPaths.python,
      args: [...pytest, '-k', kazooTests, '--pyargs', kazooModules],
      environment: {
        PATH: `${shim}:${process.env['PATH'] ?? ''}`,
        TMPDIR: directory,
        ZOOKEEPER_VERSION: '3.9.5',
        ZOOKEEPER_CLASSPATH: 'not-used',
        ZOOKEEPER_PORT_OFFSET: String(firstPort),
      },
      timeoutMs,
    });
    assert.equal(exitCode, 0, output.slice(-20_000));
    t.diagnostic(/^\d+ passed.*$/m.exec(output)?.[0] ?? '');
  });
});
