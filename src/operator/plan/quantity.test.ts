import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantityBytes } from './quantity.ts';

test('quantities are compared by what they amount to', () => {
  const equal: [string, number][] = [
    ['64Mi', 64 * 2 ** 20],
    ['1Gi', 2 ** 30],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['10G', 1e10],
    ['500M', 5e8],
    ['1e3', 1000],
    ['1E', 1e18],
    ['123', 123],
    ['1000m', 1],
  ];
  for (const [quantity, bytes] of equal) assert.equal(quantityBytes(quantity), bytes, quantity);
});

test('what is no quantity is never larger than anything', () => {
  for (const text of ['', 'Gi', '1Xi', '1 Gi', 'many']) assert.equal(quantityBytes(text) > 0, false, text);
});
