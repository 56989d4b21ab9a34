import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyCode } from '../protocol/opcodes.ts';
import { LOCAL_OWNER, SessionTracker } from './session-tracker.ts';

test('the first to speak for a session owns it; another is told that it has moved, until it takes it over', () => {
  const tracker = new SessionTracker(2000);
  tracker.track(1n, 4000, 0);
  assert.equal(tracker.check(1n, 5), ReplyCode.ok);
  assert.equal(tracker.check(1n, LOCAL_OWNER), ReplyCode.sessionMoved);
  tracker.setOwner(1n, LOCAL_OWNER);
  assert.equal(tracker.check(1n, LOCAL_OWNER), ReplyCode.ok);
  assert.equal(tracker.check(1n, 5), ReplyCode.sessionMoved);
  assert.equal(tracker.check(2n, 5), ReplyCode.sessionExpired);
});

test('a session that is closing cannot be touched, taken over or used', () => {
  const tracker = new SessionTracker(2000);
  tracker.track(1n, 4000, 0);
  tracker.setClosing(1n);
  assert.ok(!tracker.touch(1n, 4000, 100));
  tracker.setOwner(1n, 5);
  assert.equal(tracker.check(1n, 5), ReplyCode.sessionExpired);
  assert.equal(tracker.nextDeadlineMs(), Infinity);
  tracker.remove(1n);
  assert.equal(tracker.get(1n), undefined);
});

test('sessions expire in batches, each once, and are closing from then on', () => {
  const tracker = new SessionTracker(1000);
  for (let id = 1n; id <= 5n; id++) tracker.track(id, 2000, 0);
  tracker.touch(5n, 9000, 0);
  assert.deepEqual(tracker.expired(2999, 10), []);
  const first = tracker.expired(3000, 3).map(({ id }) => id);
  assert.equal(first.length, 3);
  assert.ok(tracker.nextDeadlineMs() <= 3000);
  const second = tracker.expired(3000, 3).map(({ id }) => id);
  assert.deepEqual(new Set([...first, ...second]), new Set([1n, 2n, 3n, 4n]));
  assert.equal(tracker.check(1n, LOCAL_OWNER), ReplyCode.sessionExpired);
  assert.equal(tracker.check(5n, LOCAL_OWNER), ReplyCode.ok);
});
