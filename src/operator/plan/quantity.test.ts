import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMore, quantityBytes } from './quantity.ts';

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

test('an amount is not more than itself in the words of Kubernetes', () => {
  for (const size of ['0.1Gi', '0.7Gi', '1.1Gi', '2.3Gi', '7.7Gi', '999.9Ti']) {
    const canonical = `${BigInt(Math.round(quantityBytes(size) * 1000))}m`;
    assert.ok(!isMore(size, canonical) && !isMore(canonical, size), `${size} is ${canonical}`);
  }
  assert.ok(isMore('1Gi', '1023Mi'));
  assert.ok(isMore('100Gi', '107374182000'));
  assert.ok(!isMore('many', '1Gi') && !isMore('1Gi', 'many'));
});
