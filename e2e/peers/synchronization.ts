import { readFile } from 'node:fs/promises';
import type { Member } from '../support/member.ts';

/** How a leader brings a learner up to date: what it lacks, the same after cutting off a tail, or everything. */
export type Synchronization = 'DIFF' | 'TRUNC' | 'SNAP';

/** Watches one start of a learner: what is done to bring it up to date, as the members write it into their logs. */
export class SynchronizationWatch {
  readonly #members: readonly Member[];
  readonly #learner: Member;
  readonly #starts: readonly number[];

  private constructor(members: readonly Member[], learner: Member, starts: readonly number[]) {
    this.#members = members;
    this.#learner = learner;
    this.#starts = starts;
  }

  /** To be called before the learner is started. @param members Whoever may lead, and the learner. */
  static async begin(members: readonly Member[], learner: Member): Promise<SynchronizationWatch> {
    const logs = await Promise.all(members.map(readLog));
    const starts = logs.map((log) => log.length);
    return new SynchronizationWatch(members, learner, starts);
  }

  /** What was done first; a learner that lost its leader on the way may have needed more. Undefined if the logs say nothing. */
  async first(): Promise<Synchronization | undefined> {
    const all = await Promise.all(this.#members.map(readLog));
    const logs = all.map((log, i) => log.slice(this.#starts[i]));
    // Apache ZooKeeper's leader is silent about most truncations: the learner says it.
    const own = logs[this.#members.indexOf(this.#learner)] ?? '';
    if (/truncated the log|Truncating log/.test(own)) return 'TRUNC';
    const lines = logs.flatMap((log) => log.split('\n'));
    return saidByOurs(lines, this.#learner.spec.id) ?? saidByApache(lines);
  }
}

async function readLog(member: Member): Promise<string> {
  return readFile(member.logFile, 'latin1').catch(() => '');
}

function saidByOurs(lines: readonly string[], learner: number): Synchronization | undefined {
  for (const line of lines) {
    if (!line.includes('"synchronizing a learner"')) continue;
    const said = JSON.parse(line) as { readonly learner: number; readonly by: string };
    if (said.learner === learner) return said.by.toUpperCase() as Synchronization;
  }
  return undefined;
}

function saidByApache(lines: readonly string[]): Synchronization | undefined {
  for (const line of lines) {
    const said = /Sending (DIFF|TRUNC|snapshot) /.exec(line)?.[1];
    if (said !== undefined) return said === 'snapshot' ? 'SNAP' : (said as Synchronization);
  }
  return undefined;
}
