import { formatZxid } from '../../common/zxid.ts';
import { readMembership } from '../../server/config/reconfiguration.ts';
import type { FinalState, History } from '../history.ts';
import { CONFIG } from '../znodes.ts';

/**
 * One configuration for each version; and of those that came into force, or were said to, the newest is in force everywhere in the
 * end.
 */
export function checkConfigurations(history: History, finals: readonly FinalState[]): string[] {
  const violations: string[] = [];
  const texts = new Map<number, string>();
  let newest = 0;
  const note = (who: string, text: string): void => {
    const { version } = readMembership(text);
    const other = texts.get(version) ?? text;
    if (other !== text)
      violations.push(
        `${who} has a configuration ${formatZxid(version)} that is another elsewhere: ${text} and ${other}`,
      );
    texts.set(version, text);
    newest = Math.max(newest, version);
  };
  for (const { server, text } of history.configurations) {
    note(`server ${server}`, text);
  }
  for (const text of history.reconfigurations) note('the administrator', text);
  for (const { server, znodes } of finals) {
    const { version } = readMembership(znodes.get(CONFIG)?.value ?? '');
    if (version === newest) continue;
    violations.push(
      `server ${server} has configuration ${formatZxid(version)} in the end, though ${formatZxid(newest)} came into force`,
    );
  }
  return violations;
}
