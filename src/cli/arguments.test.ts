import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksum, configurationVersion, identity, serverId, timeoutMs, waitMs, znodeVersion } from './arguments.ts';

const WRONG = { code: 'ZK_CLI_ARGUMENTS' };

test('what an argument means', () => {
  assert.deepEqual([timeoutMs('0.1'), timeoutMs('10')], [100, 10_000]);
  assert.deepEqual([waitMs('0'), waitMs('3600')], [0, 3_600_000]);
  assert.deepEqual(identity('digest:user:pass:word'), { scheme: 'digest', proof: 'user:pass:word' });
  assert.deepEqual(identity('ip:'), { scheme: 'ip', proof: '' });
  assert.deepEqual(['-1', '0', '2147483647'].map(znodeVersion), [-1, 0, 2147483647]);
  assert.equal(configurationVersion('100000A0f'), '100000A0f');
  assert.equal(serverId('12'), 12);
  assert.equal(checksum('AB'.repeat(32)), 'ab'.repeat(32));
});

test('what cannot be meant is refused, and not taken for something else', () => {
  for (const text of ['', 'soon', '0', '-1', '3000000', 'NaN']) assert.throws(() => timeoutMs(text), WRONG);
  for (const text of ['', '5m', '-1', '3000000', 'Infinity']) assert.throws(() => waitMs(text), WRONG);
  for (const text of ['super', ':password', '']) assert.throws(() => identity(text), WRONG);
  for (const text of ['', 'v1', '1.5', '-2', '0x1', '2147483648']) assert.throws(() => znodeVersion(text), WRONG);
  for (const text of ['', '0x1', '-1', 'latest']) assert.throws(() => configurationVersion(text), WRONG);
  for (const text of ['', 'zoo4', '-1', '4,5']) assert.throws(() => serverId(text), WRONG);
  for (const text of ['', 'ab'.repeat(31), 'xy'.repeat(32)]) assert.throws(() => checksum(text), WRONG);
});

test('what may be a password is not repeated', () => {
  assert.throws(
    () => identity('secret'),
    (error: Error) => !error.message.includes('secret'),
  );
});
