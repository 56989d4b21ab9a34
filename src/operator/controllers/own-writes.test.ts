import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnWrites } from './own-writes.ts';

test('knows its own last write again, and no other version', () => {
  const writes = new OwnWrites();
  writes.note({ uid: 'a' }, '5');
  assert.ok(writes.has({ uid: 'a', resourceVersion: '5' }));
  assert.ok(!writes.has({ uid: 'a', resourceVersion: '6' }));
  assert.ok(!writes.has({ uid: 'b', resourceVersion: '5' }));
});

test('nothing is kept of what is gone, or is about to be', () => {
  const writes = new OwnWrites();
  writes.note({ uid: 'a' }, '5');
  writes.forget({ uid: 'a' });
  assert.ok(!writes.has({ uid: 'a', resourceVersion: '5' }));
  writes.note({ uid: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' }, '6');
  assert.ok(!writes.has({ uid: 'a', resourceVersion: '6' }));
});
