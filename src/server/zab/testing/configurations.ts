import type { ServerId } from '../../../common/types.ts';
import type { Zxid } from '../../../common/zxid.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import { configurationIn } from '../configuration-entry.ts';

/** A configuration with these voters and observers. */
export function configurationText(
  voters: readonly ServerId[],
  version: Zxid,
  observers: readonly ServerId[] = [],
): string {
  const lines = [
    ...voters.map((id) => `server.${id}=server-${id}:2888:3888:participant;0.0.0.0:2181`),
    ...observers.map((id) => `server.${id}=server-${id}:2888:3888:observer;0.0.0.0:2181`),
  ];
  return [...lines, `version=${version.toString(16)}`].join('\n');
}

/** The newest configuration in a state; undefined for none. */
export function newestConfiguration(state: readonly LogEntry[]): string | undefined {
  return state.map(configurationIn).findLast((text) => text !== undefined);
}
