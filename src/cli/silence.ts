import type { Readable } from 'node:stream';

/** What is wrong with somebody who says nothing for so long. */
export function tooSilent(silenceMs: number): Error {
  return new Error(`nothing was heard for ${silenceMs} ms`);
}

/** What a stream gives, unless it is waited for so long in vain; how long it takes to deal with a piece does not count. */
export async function* heard(stream: Readable, silenceMs: number): AsyncGenerator<Uint8Array> {
  const waiting = (): NodeJS.Timeout => setTimeout(() => stream.destroy(tooSilent(silenceMs)), silenceMs);
  let timer = waiting();
  try {
    for await (const piece of stream) {
      clearTimeout(timer);
      yield piece as Uint8Array;
      timer = waiting();
    }
  } finally {
    clearTimeout(timer);
  }
}
