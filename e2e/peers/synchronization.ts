import { readFile } from 'node:fs/promises';
import type { Member } from '../support/member.ts';

/** How a leader brings a learner up to date: what it lacks, the same after cutting off a tail, or everything. */
export type Synchronization = 'DIFF' | 'TRUNC' | 'SNAP';

/** Watches one start of a learner: what its leader does to bring it up to date, as both write it into their logs. */
export class SynchronizationWatch {
  readonly #leader: Member;
  readonly #learner: Member;
  readonly #leaderStart: number;
  readonly #learnerStart: number;

  private constructor(leader: Member, learner: Member, leaderStart: number, learnerStart: number) {
    this.#leader = leader;
    this.#learner = learner;
    this.#leaderStart = leaderStart;
    this.#learnerStart = learnerStart;
  }

  /** To be called before the learner is started. */
  static async begin(leader: Member, learner: Member): Promise<SynchronizationWatch> {
    const lengths = [(await logOf(leader)).length, (await logOf(learner)).length] as const;
    return new SynchronizationWatch(leader, learner, ...lengths);
  }

  /** What was done first; a learner that lost its leader on the way may have needed more. Undefined if the logs say nothing. */
  async first(): Promise<Synchronization | undefined> {
    const leaderLog = (await logOf(this.#leader)).slice(this.#leaderStart);
    const learnerLog = (await logOf(this.#learner)).slice(this.#learnerStart);
    if (this.#leader.spec.kind === 'ours') return saidByOurs(leaderLog, this.#learner.spec.id);
    // Apache ZooKeeper's leader is silent about most truncations: the learner says it.
    if (/truncated the log|Truncating log/.test(learnerLog)) return 'TRUNC';
    return saidByApache(leaderLog);
  }
}

async function logOf(member: Member): Promise<string> {
  return readFile(member.logFile, 'latin1').catch(() => '');
}

function saidByOurs(log: string, learner: number): Synchronization | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"synchronizing a learner"')) continue;
    const said = JSON.parse(line) as { readonly learner: number; readonly by: string };
    if (said.learner === learner) return said.by.toUpperCase() as Synchronization;
  }
  return undefined;
}

function saidByApache(log: string): Synchronization | undefined {
  const said = /Sending (DIFF|TRUNC|snapshot) /.exec(log)?.[1];
  return said === 'snapshot' ? 'SNAP' : (said as Synchronization | undefined);
}
