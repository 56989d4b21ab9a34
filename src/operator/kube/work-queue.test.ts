import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ApiRefusal } from './errors.ts';
import { WorkQueue } from './work-queue.ts';
import { runWorkers } from './workers.ts';

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

/** Lets so much time pass as the next look waits for. */
async function tickUntil(delayMs: number, isDone: () => boolean): Promise<void> {
  mock.timers.tick(delayMs / 2);
  await setImmediate();
  assert.ok(!isDone(), `not before ${delayMs / 2} ms`);
  mock.timers.tick(delayMs / 2);
  await setImmediate();
  assert.ok(isDone(), `after ${delayMs} ms`);
}

test('a key added several times comes once', async () => {
  const queue = new WorkQueue();
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  assert.equal(queue.depth, 2);
  assert.equal(await queue.take(), 'a');
  assert.equal(await queue.take(), 'b');
  assert.equal(queue.depth, 0);
});

test('a key at work is not handed out again until it is done, and then once more', async () => {
  const queue = new WorkQueue();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  assert.equal(queue.depth, 0);
  queue.done('a');
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  assert.equal(queue.depth, 0);
});

test('a waiting worker gets the next key', async () => {
  const queue = new WorkQueue();
  const taken = queue.take();
  queue.add('a');
  assert.equal(await taken, 'a');
});

test('of several delays the shortest counts', () => {
  const queue = new WorkQueue();
  queue.addAfter('a', 5_000);
  queue.addAfter('a', 1_000);
  queue.addAfter('a', 3_000);
  mock.timers.tick(999);
  assert.equal(queue.depth, 0);
  mock.timers.tick(1);
  assert.equal(queue.depth, 1);
});

test('retries wait longer and longer, up to 15 s, and begin anew after a success', () => {
  const queue = new WorkQueue();
  const delays = Array.from({ length: 12 }, () => queue.retry('a'));
  assert.ok((delays[0] ?? Infinity) <= 100);
  assert.ok((delays[5] ?? 0) > (delays[1] ?? Infinity));
  assert.ok(delays.every((delayMs) => delayMs <= 15_000));
  assert.ok((delays[11] ?? 0) >= 11_000);
  queue.succeed('a');
  assert.ok(queue.retry('a') <= 100);
});

test('who refused with a Retry-After is left alone for so long', async () => {
  const queue = new WorkQueue();
  const retries: number[] = [];
  const refusal = new ApiRefusal('PATCH /a', 429, { reason: 'TooManyRequests' }, 7_000);
  queue.add('a');
  await runWorkers({
    queue,
    concurrency: 1,
    work: () => Promise.reject(refusal),
    onFailure: (_, __, retryInMs) => {
      retries.push(retryInMs);
      queue.close();
    },
  });
  assert.deepEqual(retries, [7_000]);
});

test('work that was overtaken again and again is tried later and later, and is no failure', async () => {
  const queue = new WorkQueue();
  queue.add('a');
  let looks = 0;
  const finished = runWorkers({
    queue,
    concurrency: 1,
    work: async () => {
      looks += 1;
      return { overtaken: true };
    },
    onFailure: () => assert.fail('a failure was told'),
  });
  await setImmediate();
  for (let delayMs = 100; delayMs <= 800; delayMs *= 2) {
    const before = looks;
    await tickUntil(delayMs, () => looks > before);
  }
  assert.equal(looks, 5);
  queue.close();
  await finished;
});

test('workers go on after failures, and end with the queue', async () => {
  const queue = new WorkQueue();
  const failures: string[] = [];
  const looks: string[] = [];
  const finished = runWorkers({
    queue,
    concurrency: 1,
    work: async (key) => {
      looks.push(key);
      if (key === 'bad') throw new Error('no');
      if (looks.length === 3) queue.close();
      return {};
    },
    onFailure: (key) => {
      failures.push(key);
      queue.add('good');
      queue.add('better');
    },
  });
  queue.add('bad');
  await finished;
  assert.deepEqual(failures, ['bad']);
  assert.deepEqual(looks, ['bad', 'good', 'better']);
});
