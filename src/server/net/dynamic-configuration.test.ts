import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDynamicConfiguration, writeDynamicConfiguration } from './dynamic-configuration.ts';

test('the newest configuration is kept, as ZooKeeper writes it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'zabkeeper-dynamic-'));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.equal(readDynamicConfiguration(directory), undefined);
  writeDynamicConfiguration(directory, 'server.1=a:1:2:participant\nversion=fffffffff', 0xfffffffff);
  writeDynamicConfiguration(directory, 'server.2=b:1:2:participant;0.0.0.0:3\nversion=1000000000', 0x1000000000);
  assert.deepEqual(readdirSync(directory), ['zoo.cfg.dynamic.1000000000']);
  assert.equal(
    readFileSync(join(directory, 'zoo.cfg.dynamic.1000000000'), 'utf8'),
    'server.2=b:1:2:participant;0.0.0.0:3\n',
  );
  const ensemble = readDynamicConfiguration(directory);
  assert.equal(ensemble?.version, 0x1000000000);
  assert.deepEqual(
    ensemble.servers.map(({ id }) => id),
    [2],
  );
});

test('a disk on which only a part fits keeps the configuration before, and the server hears of it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'zabkeeper-dynamic-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeDynamicConfiguration(directory, 'server.1=a:1:2:participant;0.0.0.0:3', 0x100000005);
  const names = Array.from({ length: 250 }, (_, id) => `server.${id}=zk-${id}.zk:2888:3888:participant;0.0.0.0:2181`);
  const module = new URL('dynamic-configuration.ts', import.meta.url).href;
  const write = `import { writeDynamicConfiguration } from '${module}';
    writeDynamicConfiguration(${JSON.stringify(directory)}, ${JSON.stringify(names.join('\n'))}, 0x200000005);`;
  // A limit on the size of files lets a write succeed in part, as a full disk does.
  const limited = `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module --eval "$1"`;
  const { status, stderr } = spawnSync('sh', ['-c', limited, process.execPath, write], { encoding: 'utf8' });
  assert.notEqual(status, 0);
  assert.match(stderr, /cannot write .*zoo\.cfg\.dynamic\.200000005/);
  assert.equal(readDynamicConfiguration(directory)?.version, 0x100000005);
});
