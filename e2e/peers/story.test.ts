import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { runProgram } from '../support/run-program.ts';
import { javaCommand, peerPaths, serverUnderTest, type Command } from '../support/server-programs.ts';

/**
 * What this project was born for, told by every client in its own words: a znode with an ACL and versions, a service that
 * registers and disappears, a configuration value that changes under its watchers.
 */
describe(`the story, with each client, on three members (${serverUnderTest()})`, () => {
  let ensemble: Ensemble;
  before(async () => {
    ensemble = await Ensemble.start({ kind: serverUnderTest() });
  });
  after(() => ensemble.stop());

  const storyPrograms: Record<string, () => Command> = {
    kazoo: () => ({ program: peerPaths.python, args: [join(peerPaths.sources, 'python', 'story.py')] }),
    'go-zookeeper': () => ({ program: join(peerPaths.goPrograms, 'story'), args: [] }),
    'the Java client': () => javaCommand('Story', []),
    'node-zookeeper-client': () => ({
      program: process.execPath,
      args: [join(peerPaths.sources, 'node', 'story.mjs')],
    }),
  };
  for (const [client, command] of Object.entries(storyPrograms)) {
    it(client, { timeout: 90_000 }, async () => {
      const { program, args } = command();
      const { exitCode, output } = await runProgram({ program, args: [...args, ensemble.connectString] });
      assert.equal(exitCode, 0, output);
      assert.match(output, /^story: done$/m);
    });
  }

  it('zkCli', { timeout: 90_000 }, async () => {
    const commands = [
      'addauth digest owner:secret',
      'create /cli-orders one auth::cdrwa',
      'get -s /cli-orders',
      'set -v 0 /cli-orders two',
      'set -v 0 /cli-orders three',
      'getAcl /cli-orders',
      'delete -v 1 /cli-orders',
      'stat /cli-orders',
      'create -e -s /cli-service- here',
      'ls /',
      'quit',
    ];
    const zkCli = javaCommand('org.apache.zookeeper.ZooKeeperMain', ['-server', ensemble.connectString]);
    const { output } = await runProgram({
      ...zkCli,
      input: `${commands.join('\n')}\n`,
      environment: { LOG_LEVEL: 'OFF' },
    });
    for (const expected of [
      /Created \/cli-orders/,
      /^one$/m,
      /dataVersion = 0/,
      /version No is not valid : \/cli-orders/,
      /'digest,'owner:/,
      /Node does not exist: \/cli-orders/,
      /Created \/cli-service-\d{10}/,
      /^\[.*cli-service-\d{10}.*\]$/m,
    ]) {
      assert.match(output, expected);
    }
  });
});
