import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSessionPassword, sessionPassword } from './password.ts';

test('passwords are those that Apache ZooKeeper makes', () => {
  // Made with java.util.Random(id ^ 0xB3415C00L).nextBytes.
  const known: readonly (readonly [bigint, string])[] = [
    [1n, '054cc74a37327db215e702e20c73f005'],
    [0x1000a2b3c4d0000n, 'a92640f4827d6da02f083ac59bfe0500'],
    [-1n, '20f62cb5648dc2d771471c8a2486a9ee'],
    [0x200012345670003n, '38c39ad2dc7b5a75ace0bc1e52915f48'],
  ];
  for (const [id, password] of known) assert.equal(Buffer.from(sessionPassword(id)).toString('hex'), password);
});

test('only the whole password opens a session, and session 0 has none', () => {
  const password = sessionPassword(7n);
  assert.ok(isSessionPassword(7n, password));
  assert.ok(!isSessionPassword(8n, password));
  assert.ok(!isSessionPassword(7n, password.subarray(0, 15)));
  assert.ok(!isSessionPassword(7n, new Uint8Array(0)));
  assert.ok(!isSessionPassword(0n, sessionPassword(0n)));
});
