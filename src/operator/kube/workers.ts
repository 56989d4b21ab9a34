import { retryAfterMs } from './errors.ts';
import type { WorkQueue } from './work-queue.ts';

/** What became of one look at a key. */
export interface Outcome {
  /** When to look again without being asked, in milliseconds; never where it is not set. */
  readonly requeueAfterMs?: number | undefined;
  /** What was decided was overtaken before it was done: to be decided again soon, and later where that goes on. */
  readonly overtaken?: boolean;
}

/** How {@link runWorkers} works. */
export interface WorkOptions {
  readonly queue: WorkQueue;
  readonly concurrency: number;
  readonly work: (key: string) => Promise<Outcome>;
  /** Told of a failure and of how long, in milliseconds, until the next try. */
  readonly onFailure: (key: string, error: unknown, retryInMs: number) => void;
}

/** Works through the queue until it is closed; resolves when the last worker is through. A failure is tried again. */
export async function runWorkers(options: WorkOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.concurrency }, () => runWorker(options)));
}

async function runWorker({ queue, work, onFailure }: WorkOptions): Promise<void> {
  for (;;) {
    const key = await queue.take();
    if (key === undefined) return;
    try {
      const { requeueAfterMs, overtaken = false } = await work(key);
      if (overtaken) queue.retry(key);
      else queue.succeed(key);
      if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    } catch (error) {
      onFailure(key, error, queue.retry(key, retryAfterMs(error)));
    } finally {
      queue.done(key);
    }
  }
}
