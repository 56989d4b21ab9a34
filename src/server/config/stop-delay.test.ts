import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStopDelayMs } from './stop-delay.ts';

test('a stop delay is a number of milliseconds that a timer can wait', () => {
  assert.deepEqual([undefined, '0', '3000', '2147483647'].map(parseStopDelayMs), [0, 0, 3000, 2_147_483_647]);
});

for (const text of ['', '3s', '-1', '1.5', '1e3', ' 3000', 'NaN', 'Infinity', '2147483648', '99999999999']) {
  test(`'${text}' is refused with what to write`, () => {
    assert.throws(() => parseStopDelayMs(text), {
      code: 'ZK_CONFIG_INVALID',
      message: `ZABKEEPER_STOP_DELAY_MS is '${text}': write a number of milliseconds from 0 to 2147483647, such as 3000, or leave it out`,
    });
  });
}
