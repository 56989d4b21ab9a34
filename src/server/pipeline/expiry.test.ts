import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ExpiryQueue, type Expirable } from './expiry.ts';

interface Item extends Expirable {
  readonly name: number;
}

const item = (name: number): Item => ({ name, expiresMs: 0, bucketMs: 0 });

test('an item expires at the end of the interval of its timeout, and not before', () => {
  const queue = new ExpiryQueue<Item>(1000);
  queue.add(item(1), 500, 4000);
  assert.equal(queue.nextDeadlineMs(), 5000);
  assert.deepEqual(queue.poll(4999, 10), []);
  assert.deepEqual(
    queue.poll(5000, 10).map(({ name }) => name),
    [1],
  );
  assert.equal(queue.size, 0);
  assert.equal(queue.nextDeadlineMs(), Infinity);
});

test('whatever is added, touched and removed: exactly what is over its time expires, in pieces of any size', () => {
  const action = fc.record({
    kind: fc.constantFrom('add', 'touch', 'remove', 'poll'),
    name: fc.nat(9),
    timeoutMs: fc.integer({ min: 1, max: 9000 }),
    passMs: fc.nat(3000),
    max: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const queue = new ExpiryQueue<Item>(1000);
      const items = new Map<number, Item>();
      const due = new Map<number, number>();
      let nowMs = 0;
      for (const { kind, name, timeoutMs, passMs, max } of actions) {
        nowMs += passMs;
        const known = items.get(name);
        if (kind === 'add' && known === undefined) {
          const added = item(name);
          items.set(name, added);
          queue.add(added, nowMs, timeoutMs);
        } else if (kind === 'touch' && known !== undefined) {
          queue.touch(known, nowMs, timeoutMs);
        } else if (kind === 'remove' && known !== undefined) {
          queue.remove(known);
          items.delete(name);
          due.delete(name);
        } else if (kind === 'poll') {
          const expected = [...due].filter(([, dueMs]) => dueMs <= nowMs).map(([other]) => other);
          const expired = queue.poll(nowMs, max).map((other) => other.name);
          assert.equal(expired.length, Math.min(max, expected.length));
          for (const other of expired) {
            assert.ok(expected.includes(other));
            items.delete(other);
            due.delete(other);
          }
        }
        if (items.has(name) && (kind === 'touch' || (kind === 'add' && known === undefined))) {
          due.set(name, (Math.floor((nowMs + timeoutMs) / 1000) + 1) * 1000);
        }
        assert.equal(queue.size, items.size);
        assert.ok(queue.nextDeadlineMs() <= Math.min(...due.values()));
      }
    }),
  );
});
