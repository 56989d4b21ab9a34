import { STOP_DELAY_VARIABLE } from '../../common/environment.ts';
import { configInvalid } from './problems.ts';

/** The longest that a timer can wait. */
const STOP_DELAY_MAX_MS = 2 ** 31 - 1;

/**
 * How long the server goes on serving when it is told to end, in milliseconds: until nobody is sent to it any more.
 *
 * @param text What the environment says; undefined for not at all.
 * @throws CodedError ZK_CONFIG_INVALID
 */
export function parseStopDelayMs(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,10}$/.test(text) || Number(text) > STOP_DELAY_MAX_MS) {
    configInvalid(
      STOP_DELAY_VARIABLE,
      `is '${text}': write a number of milliseconds from 0 to ${STOP_DELAY_MAX_MS}, such as 3000, or leave it out`,
    );
  }
  return Number(text);
}
