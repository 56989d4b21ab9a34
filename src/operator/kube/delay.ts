import { setTimeout as after } from 'node:timers/promises';

/** Resolves after so many milliseconds, or at once when the signal aborts; never rejects. */
export async function delay(delayMs: number, signal: AbortSignal): Promise<void> {
  await after(delayMs, undefined, { signal }).catch(() => undefined);
}
