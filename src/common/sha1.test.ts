import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeBase64 } from './base64.ts';
import { sha1 } from './sha1.ts';

test('SHA-1 and base64 are those of everybody else, for messages around the length of a block too', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
      assert.deepEqual(Buffer.from(sha1(message)), createHash('sha1').update(message).digest());
      assert.equal(encodeBase64(message), Buffer.from(message).toString('base64'));
    }),
  );
});
