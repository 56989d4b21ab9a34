import type { Logger } from '../../common/types.ts';

/** For tests whose subject logs what they provoke. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
