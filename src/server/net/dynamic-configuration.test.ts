import assert from 'node:assert/strict';
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
