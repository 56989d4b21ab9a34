import { pino } from 'pino';
import type { Logger } from '../../common/types.ts';

/** JSON lines on stdout, each with the server's id. */
export function createLogger(level: string, serverId: number): Logger {
  const log = pino({
    level,
    base: { serverId },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: levelName },
  });
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  };
}

function levelName(label: string): { level: string } {
  return { level: label };
}
