import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Freshness } from './freshness.ts';

test('versions are compared as numbers, of any length', () => {
  const freshness = new Freshness();
  freshness.note('pods', '99999999999999999999');
  assert.ok(freshness.isStale('pods', '99999999999999999998', 0));
  assert.ok(!freshness.isStale('pods', '100000000000000000000', 0));
  assert.ok(freshness.isStale('pods', '9', 0));
});

test('versions that are no numbers have no order', () => {
  const freshness = new Freshness();
  freshness.note('pods', 'b');
  assert.ok(!freshness.isStale('pods', 'a', 0));
  assert.ok(!freshness.isStale('pods', '', 0));
});

test('an API server that tells old states alone for two minutes was restored, and is believed', () => {
  const freshness = new Freshness();
  freshness.note('pods', '90');
  assert.ok(freshness.isStale('pods', '50', 1_000));
  assert.ok(freshness.isStale('pods', '51', 120_000));
  assert.ok(!freshness.isStale('pods', '52', 121_000));
  assert.ok(freshness.isStale('pods', '51', 122_000), 'from then on that is the newest');
});

test('one that tells old states now and then is never believed', () => {
  const freshness = new Freshness();
  for (let nowMs = 0; nowMs < 600_000; nowMs += 50_000) {
    assert.ok(!freshness.isStale('pods', '90', nowMs));
    assert.ok(freshness.isStale('pods', '50', nowMs));
  }
});

test('what is told while a list is on its way does not make it old', () => {
  const freshness = new Freshness();
  freshness.note('pods', '50');
  const known = freshness.newest('pods');
  freshness.note('pods', '60');
  assert.ok(!freshness.isStale('pods', '55', 0, known));
  assert.equal(freshness.newest('pods'), 60n, 'nothing newer is forgotten for it');
  assert.ok(freshness.isStale('pods', '49', 0, known));
});
