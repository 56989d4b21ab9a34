import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminPorts } from './members.ts';

test('admin ports have a host and a port, and nothing else', () => {
  assert.deepEqual(adminPorts('zoo1:8080, 10.0.0.1:8080,[::1]:8080'), ['zoo1:8080', '10.0.0.1:8080', '[::1]:8080']);
  for (const wrong of [
    'zoo1',
    'zoo1:8080/chroot',
    'user:password@zoo1:8080',
    'zoo1:8080,',
    '',
    'zoo1:99999',
    '::1:8080',
  ]) {
    assert.throws(() => adminPorts(wrong), {
      code: 'ZK_CLI_ARGUMENTS',
      message: /is not an admin port: write --server/,
    });
  }
});
