import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIGURABLE_KEYS, KEYS_WITH_A_FIELD, OWNED_KEYS, SUPER_DIGEST_KEY } from '../api/zoo-cfg-keys.ts';
import { knownKeys, ruleOf } from '../server/config/keys.ts';

test('the manifest knows every key of zoo.cfg that the server uses, and no other', () => {
  const used = [...knownKeys()].filter((key) => ruleOf(key)?.effect === 'used');
  const known = [...CONFIGURABLE_KEYS, ...Object.keys(KEYS_WITH_A_FIELD), ...OWNED_KEYS, SUPER_DIGEST_KEY];
  assert.deepEqual(known.toSorted(), used.toSorted());
});
