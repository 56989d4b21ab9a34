import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionIds } from './session-ids.ts';

test('a session id says which server opened it, and when that server started', () => {
  const ids = new SessionIds(3);
  assert.equal(
    ids.next(0x12345, () => false),
    0x0300_0001_2345_0000n,
  );
  assert.equal(
    ids.next(0x99999, () => false),
    0x0300_0001_2345_0001n,
  );
});

test('the ids of servers from 128 on are negative, as in Java', () => {
  assert.equal(
    new SessionIds(255).next(0, () => false),
    -(2n ** 56n),
  );
});

test('an id that lives already is passed over, and so is the mark of a container', () => {
  const taken = new Set([0x0100_0000_0000_0000n, 0x0100_0000_0000_0001n]);
  assert.equal(
    new SessionIds(1).next(0, (id) => taken.has(id)),
    0x0100_0000_0000_0002n,
  );
  assert.equal(
    new SessionIds(128).next(0, () => false),
    -(2n ** 63n) + 1n,
  );
});
