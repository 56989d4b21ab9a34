import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** Pause between two looks at the condition. */
  readonly intervalMs?: number;
  /** Called when time is up, to say what was seen instead. */
  readonly explain?: () => string | Promise<string>;
}

/**
 * Waits until `condition` gives something truthy and returns it. An error thrown by the condition counts as "not yet" and is
 * named when time is up.
 *
 * @throws Error naming `description`, the last error, and what `explain` says.
 */
export async function waitFor<T>(
  description: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, false | undefined | null>> {
  const { timeoutMs = 30_000, intervalMs = 25 } = options;
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      lastError = undefined;
      if (value !== false && value !== undefined && value !== null) {
        return value as Exclude<T, false | undefined | null>;
      }
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) break;
    await delay(intervalMs);
  }
  const seen = lastError instanceof Error ? `; last error: ${lastError.message}` : '';
  const explanation = options.explain === undefined ? '' : `\n${await options.explain()}`;
  throw new Error(`waited ${timeoutMs} ms in vain until ${description}${seen}${explanation}`);
}
