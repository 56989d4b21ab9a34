import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JuteReader } from './jute-reader.ts';
import { fromHex } from './testing/hex.ts';

test('a length or a count that cannot be is refused before anything is allocated', () => {
  assert.throws(() => new JuteReader(fromHex('7fffffff')).readBuffer(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('fffffffe')).readString(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('7fffffff 00000000')).readStrings(), { code: 'ZK_FRAME_MALFORMED' });
  assert.throws(() => new JuteReader(fromHex('0020000000000000')).readExactLong(), { code: 'ZK_FRAME_MALFORMED' });
  assert.equal(new JuteReader(fromHex('8000000000000000')).readExactLong(), -(2 ** 63));
});
