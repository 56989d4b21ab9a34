import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fifo } from './fifo.ts';

test('what goes in first comes out first, also while the array is compacted', () => {
  const fifo = new Fifo<number>();
  let next = 0;
  for (let i = 0; i < 5000; i++) {
    fifo.push(i);
    if (i % 3 !== 0) assert.equal(fifo.shift(), next++);
  }
  assert.equal(fifo.length, 5000 - next);
  while (fifo.length > 0) {
    assert.equal(fifo.peek(), next);
    assert.equal(fifo.shift(), next++);
  }
  assert.equal(next, 5000);
  assert.equal(fifo.shift(), undefined);
});
