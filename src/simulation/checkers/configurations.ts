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
    const version = versionOf(text);
    const other = texts.get(version) ?? text;
    if (other !== text)
      violations.push(`${who} has a configuration ${hex(version)} that is another elsewhere: ${text} and ${other}`);
    texts.set(version, text);
    newest = Math.max(newest, version);
  };
  for (const { server, text } of history.configurations) {
    note(`server ${server}`, text);
  }
  for (const text of history.reconfigurations) note('the administrator', text);
  for (const { server, znodes } of finals) {
    const version = versionOf(znodes.get(CONFIG)?.value ?? '');
    if (version === newest) continue;
    violations.push(
      `server ${server} has configuration ${hex(version)} in the end, though ${hex(newest)} came into force`,
    );
  }
  return violations;
}

function versionOf(text: string): number {
  return Number.parseInt(/version=([0-9a-f]+)/.exec(text)?.[1] ?? '0', 16);
}

function hex(version: number): string {
  return `0x${version.toString(16)}`;
}
