import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZxid } from '../../common/zxid.ts';
import { DigestLog } from './digest-log.ts';

test('every 128th transaction of an epoch is kept, the latest 1024 of them', () => {
  const log = new DigestLog();
  for (let counter = 1; counter <= 128 * 1030; counter++) {
    log.applied(makeZxid(3, counter), { digest: () => BigInt(counter) });
  }
  const kept = log.latest();
  assert.equal(kept.length, 1024);
  assert.deepEqual(kept[0], { zxid: makeZxid(3, 128 * 7), digest: BigInt(128 * 7) });
  assert.deepEqual(kept.at(-1), { zxid: makeZxid(3, 128 * 1030), digest: BigInt(128 * 1030) });
});
