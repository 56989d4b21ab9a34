import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { COUNTER_MAX, makeZxid, type Zxid } from '../../common/zxid.ts';
import type { LogEntry } from '../protocol/transactions.ts';
import { follows, History, HISTORY_BYTES_MAX, newestOf } from './history.ts';
import { chooseSync } from './sync-plan.ts';

const at = (zxid: Zxid): LogEntry => ({ zxid, bytes: new Uint8Array(0) });
const z = makeZxid;

test('an entry follows the one before it, or begins a later epoch', () => {
  assert.ok(follows(0, z(1, 1)));
  assert.ok(follows(z(1, 1), z(1, 2)));
  assert.ok(follows(z(1, 7), z(3, 1)));
  assert.ok(follows(z(3, 0), z(3, 1)));
  assert.ok(!follows(z(1, 1), z(1, 3)));
  assert.ok(!follows(z(1, 1), z(1, 1)));
  assert.ok(!follows(z(2, 1), z(1, 2)));
  assert.ok(!follows(z(1, 7), z(2, 2)));
  assert.ok(!follows(z(1, COUNTER_MAX), z(2, 0)));
});

test('a recovered window that does not lead up to the last zxid is not used', () => {
  const history = new History(10, z(3, 0), [at(z(2, 1))]);
  assert.equal(history.base, z(3, 0));
  assert.deepEqual(history.between(0, z(3, 0)), []);
});

test('of large entries fewer are kept, after a start as well', () => {
  const large = (zxid: Zxid): LogEntry => ({ zxid, bytes: new Uint8Array(1024 * 1024) });
  const history = new History(500, 0, []);
  const entries = Array.from({ length: 300 }, (_, i) => large(z(1, i + 1)));
  let bytesMax = 0;
  for (const entry of entries) {
    history.append(entry);
    history.deliverNext(entry.zxid);
    bytesMax = Math.max(bytesMax, history.between(history.base, history.logged).length * 1024 * 1024);
  }
  assert.ok(bytesMax <= 2 * HISTORY_BYTES_MAX, `${bytesMax} bytes were kept`);
  assert.ok(history.between(history.base, history.logged).length >= 32);
  assert.equal(history.base, z(1, 300) - history.between(0, z(1, 300)).length);
  const started = new History(500, z(1, 300), entries);
  assert.equal(started.between(0, z(1, 300)).length, HISTORY_BYTES_MAX / (1024 * 1024));
  assert.equal(
    newestOf([large(z(1, 1)), { zxid: z(1, 2), bytes: new Uint8Array(2 * HISTORY_BYTES_MAX) }], 5).length,
    0,
  );
});

/** A log over some epochs: how many entries each has. */
const logs = fc.array(fc.nat(6), { minLength: 1, maxLength: 6 }).map((counts) => {
  return counts.flatMap((count, i) => Array.from({ length: count }, (_, n) => z(i + 1, n + 1)));
});

test('the window keeps enough, forgets the rest, and knows what it holds', () => {
  fc.assert(
    fc.property(logs, fc.integer({ min: 1, max: 4 }), fc.nat(40), (zxids, keep, delivered) => {
      const history = new History(keep, 0, []);
      for (const zxid of zxids) history.append(at(zxid));
      const through = zxids[Math.min(delivered, zxids.length) - 1] ?? 0;
      const seen: Zxid[] = [];
      for (let entry = history.deliverNext(through); entry; entry = history.deliverNext(through)) seen.push(entry.zxid);
      assert.deepEqual(seen, zxids.slice(0, delivered));
      assert.equal(history.delivered, through);
      assert.equal(history.logged, zxids.at(-1) ?? 0);
      const held = history.between(history.base, history.logged).map((entry) => entry.zxid);
      assert.deepEqual(held, zxids.slice(zxids.length - held.length));
      const deliveredHeld = held.filter((zxid) => zxid <= through).length;
      assert.ok(deliveredHeld >= Math.min(keep, seen.length) && deliveredHeld <= keep * 2);
      for (const zxid of zxids) {
        const floor = zxid < history.base ? undefined : Math.min(zxid, Math.max(through, history.base));
        assert.equal(history.floor(zxid), floor);
      }
    }),
  );
});

test('a learner ends with the leader’s history, whatever plan is chosen for its log', () => {
  // Both have a prefix in common; the learner may have a tail of its own in the epoch where they part.
  fc.assert(
    fc.property(logs, fc.nat(40), fc.nat(3), fc.integer({ min: 1, max: 40 }), (leaders, common, extra, keep) => {
      const history = new History(keep, 0, []);
      for (const zxid of leaders) history.append(at(zxid));
      while (history.deliverNext(history.logged));
      const shared = leaders.slice(0, common);
      const last = shared.at(-1) ?? 0;
      const next = leaders[shared.length];
      // A tail exists only where the next entry of the leader is not what the learner's next would be.
      const mayPart = last > 0 && next !== last + 1;
      const tail = mayPart ? Array.from({ length: extra }, (_, i) => last + 1 + i) : [];
      const learner = [...shared, ...tail];
      const plan = chooseSync(history, { lastZxid: learner.at(-1) ?? 0, snapshotZxid: 0 });
      const result = apply(plan, learner, leaders, history);
      assert.deepEqual(result, leaders);
    }),
  );
});

function apply(
  plan: ReturnType<typeof chooseSync>,
  learner: readonly Zxid[],
  leaders: readonly Zxid[],
  history: History,
): readonly Zxid[] {
  if (plan.type === 'snap') return leaders;
  const after = plan.type === 'diff' ? plan.after : plan.to;
  const kept = plan.type === 'diff' ? learner : learner.filter((zxid) => zxid <= plan.to);
  return [...kept, ...history.between(after, history.delivered).map((entry) => entry.zxid)];
}

test('the choice of synchronization', () => {
  const history = new History(10, z(3, 2), [at(z(1, 3)), at(z(1, 4)), at(z(3, 1)), at(z(3, 2))]);
  const choices: [Zxid, ReturnType<typeof chooseSync>][] = [
    [z(3, 2), { type: 'diff', after: z(3, 2) }],
    [z(1, 3), { type: 'diff', after: z(1, 3) }],
    [z(1, 2), { type: 'diff', after: z(1, 2) }],
    [z(1, 1), { type: 'snap' }],
    [0, { type: 'snap' }],
    [-1, { type: 'snap' }],
    [z(1, 9), { type: 'trunc', to: z(1, 4) }],
    [z(3, 9), { type: 'trunc', to: z(3, 2) }],
    // Epoch 2 is unknown here: cutting it off would cross an epoch.
    [z(2, 5), { type: 'snap' }],
    [z(4, 5), { type: 'snap' }],
    // States received before the first transaction of an epoch.
    [z(3, 0), { type: 'diff', after: z(3, 0) }],
    [z(2, 0), { type: 'diff', after: z(2, 0) }],
    [z(4, 0), { type: 'snap' }],
  ];
  for (const [lastZxid, plan] of choices) {
    assert.deepEqual(chooseSync(history, { lastZxid, snapshotZxid: 0 }), plan, lastZxid.toString(16));
  }
  assert.deepEqual(chooseSync(history, { lastZxid: z(3, 9), snapshotZxid: z(3, 2) }), { type: 'trunc', to: z(3, 2) });
  assert.deepEqual(chooseSync(history, { lastZxid: z(3, 9), snapshotZxid: z(3, 3) }), { type: 'snap' });
  const fresh = new History(10, 0, []);
  assert.deepEqual(chooseSync(fresh, { lastZxid: 0, snapshotZxid: 0 }), { type: 'diff', after: 0 });
  assert.deepEqual(chooseSync(fresh, { lastZxid: -1, snapshotZxid: 0 }), { type: 'snap' });
});
