import { CodedError } from '../../common/errors.ts';
import { delay } from './delay.ts';
import { ApiRefusal } from './errors.ts';

/** Refusals that say nothing about what was asked: an API server that is overloaded, starting, ending, or between two leaders. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** How long to wait where the API server does not say, in milliseconds. */
const PAUSE_MS = 100;

/** Who wants to be left alone for longer than this, in milliseconds, is asked again by the next look only. */
const PAUSE_MAX_MS = 1_000;

/**
 * Asks, and once more where that failed for a reason that passes by itself: no answer, since a connection that was kept open is
 * found broken only by its use, or a refusal for the moment. So a look of many reads comes to its end although one of them fails.
 * Only for reads: a write is never repeated, since the next look decides whether it is still what is wanted.
 *
 * @param deadline Bounds both together.
 */
export async function readTwice<T>(ask: () => Promise<T>, deadline: AbortSignal): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const pauseMs = pauseBeforeRepetition(error);
    if (pauseMs === undefined) throw error;
    await delay(pauseMs, deadline);
    if (deadline.aborted) throw error;
    return await ask();
  }
}

/** In milliseconds; undefined where asking again at once does not help. */
function pauseBeforeRepetition(error: unknown): number | undefined {
  if (!(error instanceof ApiRefusal)) {
    return error instanceof CodedError && error.code === 'ZK_API_UNREACHABLE' ? 0 : undefined;
  }
  if (!PASSING.has(error.status) || error.retryAfterMs > PAUSE_MAX_MS) return undefined;
  return Math.max(error.retryAfterMs, PAUSE_MS);
}
