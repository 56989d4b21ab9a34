import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BOOLEAN_KEYS,
  CONFIGURABLE_KEYS,
  KEYS_WITH_A_FIELD,
  NUMERIC_KEYS,
  OWNED_KEYS,
  SUPER_DIGEST_KEY,
} from '../api/zoo-cfg-keys.ts';
import { knownKeys, ruleOf } from '../server/config/keys.ts';
import { parseZooCfg } from '../server/config/zoo-cfg.ts';

test('the manifest knows every key of zoo.cfg that the server uses, and no other', () => {
  const used = [...knownKeys()].filter((key) => ruleOf(key)?.effect === 'used');
  const known = [...CONFIGURABLE_KEYS, ...Object.keys(KEYS_WITH_A_FIELD), ...OWNED_KEYS, SUPER_DIGEST_KEY];
  assert.deepEqual(known.toSorted(), used.toSorted());
});

test('the server takes whatever the manifest lets through, and every key is checked there', () => {
  const checked = [...Object.keys(NUMERIC_KEYS), ...BOOLEAN_KEYS, '4lw.commands.whitelist'];
  assert.deepEqual(checked.toSorted(), [...CONFIGURABLE_KEYS].toSorted());
  const settings = [
    ...Object.entries(NUMERIC_KEYS).flatMap(([key, range]) => range.map((value) => `${key}=${value}`)),
    ...BOOLEAN_KEYS.map((key) => `${key}=true`),
  ];
  for (const setting of settings) {
    // Smallest and largest belong together.
    const beside = { minSessionTimeout: 'maxSessionTimeout=2147483647', maxSessionTimeout: 'minSessionTimeout=1' };
    const other = Object.entries(beside).find(([key]) => setting.startsWith(key))?.[1] ?? '';
    const { warnings } = parseZooCfg(`dataDir=/data\nclientPort=2181\n${setting}\n${other}`, 'zoo.cfg', () => '');
    assert.deepEqual(warnings, [], setting);
  }
});
