import { constants } from 'node:os';
import { CodedError } from '../common/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs something that is told when the process is asked to end, so that it tidies up first; asked again, the process ends at
 * once. Its exit code is then a shell's for that signal.
 */
export async function untilInterrupted<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (name: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[name];
    for (const each of SIGNALS) process.off(each, interrupt);
    interruption.abort(new CodedError('ZK_INTERRUPTED', `ended by ${name}, and tidied up`));
  };
  for (const each of SIGNALS) process.on(each, interrupt);
  try {
    return await run(interruption.signal);
  } finally {
    for (const each of SIGNALS) process.off(each, interrupt);
  }
}

/** The pieces, until there is an interruption; then its reason, whatever else it leads to. */
export async function* interruptible(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      yield piece;
    }
  } finally {
    signal?.throwIfAborted();
  }
}
