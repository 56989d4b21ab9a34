import type { Logger } from '../../../common/types.ts';

const ignore = (): void => undefined;

/** For tests of what is done rather than of what is said. */
export const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
