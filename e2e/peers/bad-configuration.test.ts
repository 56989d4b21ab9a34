import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { runProgram } from '../support/run-program.ts';
import { serverCommand, serverUnderTest } from '../support/server-programs.ts';

const subject = serverUnderTest();

interface Mistake {
  /** Lines of zoo.cfg beside the ordinary ones; `key=` alone takes the ordinary line away. */
  readonly lines: readonly string[];
  readonly myid?: string;
  /** What the message must name, so that its reader knows where to look. */
  readonly names: RegExp;
  /** Apache ZooKeeper starts with it all the same. */
  readonly apacheAccepts?: boolean;
}

const voters = ['server.1=127.0.0.1:3001:4001', 'server.2=127.0.0.1:3002:4002', 'server.3=127.0.0.1:3003:4003'];

const mistakes: Record<string, Mistake> = {
  'a misspelt key': { lines: ['tickTme=2000'], names: /tickTme.*tickTime/s, apacheAccepts: true },
  'a number that is none': { lines: ['tickTime=fast'], names: /tickTime/ },
  'no data directory': { lines: ['dataDir='], names: /dataDir/ },
  'a port beyond 65535': { lines: ['clientPort=70000'], names: /clientPort/ },
  'session timeouts that contradict each other': {
    lines: ['minSessionTimeout=9000', 'maxSessionTimeout=8000'],
    names: /SessionTimeout/,
  },
  'an ensemble without myid': { lines: voters, names: /myid/ },
  'a myid that is not a number': { lines: voters, myid: 'one', names: /myid/ },
  'a myid without its server line': { lines: voters, myid: '7', names: /7/, apacheAccepts: true },
  'a server line that is cut off': { lines: [...voters, 'server.4=127.0.0.1'], myid: '1', names: /server\.4/ },
  'an ensemble without initLimit': { lines: [...voters, 'initLimit='], myid: '1', names: /initLimit/ },
};

describe(`a zoo.cfg that cannot be right (${subject})`, { concurrency: 2 }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zabkeeper-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const [index, [name, mistake]] of Object.entries(mistakes).entries()) {
    const skip = subject === 'apache' && mistake.apacheAccepts === true ? 'Apache ZooKeeper accepts it' : false;
    it(name, { skip, timeout: 60_000 }, async () => {
      const home = join(directory, String(index));
      const dataDir = join(home, 'data');
      await mkdir(dataDir, { recursive: true });
      if (mistake.myid !== undefined) await writeFile(join(dataDir, 'myid'), `${mistake.myid}\n`);
      const [clientPort, adminPort] = await freePorts(2);
      const ordinary = [
        'tickTime=2000',
        'initLimit=10',
        'syncLimit=5',
        `dataDir=${dataDir}`,
        `clientPort=${clientPort}`,
        `admin.serverPort=${adminPort}`,
      ];
      const keys = new Set(mistake.lines.map((line) => line.slice(0, line.indexOf('='))));
      const lines = [
        ...ordinary.filter((line) => !keys.has(line.slice(0, line.indexOf('=')))),
        ...mistake.lines.filter((line) => !line.endsWith('=')),
      ];
      const file = join(home, 'zoo.cfg');
      await writeFile(file, `${lines.join('\n')}\n`);

      const { exitCode, output } = await runProgram({ ...serverCommand(subject, file), timeoutMs: 20_000 });
      assert.equal(exitCode, 2, output);
      if (subject === 'ours') {
        const coded = output.split('\n').filter((line) => line.includes('ZK_CONFIG_INVALID'));
        assert.equal(coded.length, 1, `one line with the code:\n${output}`);
        assert.match(coded[0] ?? '', mistake.names);
        assert.doesNotMatch(output, /^\s+at /m, 'no stack trace');
      }
    });
  }
});
