import { readFile } from 'node:fs/promises';
import type { Member } from '../support/member.ts';
import type { ServerKind } from '../support/server-programs.ts';

/** Of operations per second more is better, of everything else less. */
export type Unit = 'ops/s' | 'ms' | 's' | 'MiB' | '% of a core';

/** One number of one round. */
export interface Measurement {
  /** Which row of the table it belongs to. */
  readonly row: string;
  readonly value: number;
  readonly unit: Unit;
  /** The latency that one request in a hundred exceeds, where the number is a rate. */
  readonly p99Ms?: number;
}

/** What a scenario is measured with. */
export interface Conditions {
  readonly kind: ServerKind;
  /** Where data directories go. */
  readonly directory: string;
  /** How long a load runs before it is measured, and while it is. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** The rows that are asked for; others may be left out. */
  readonly wanted: (row: string) => boolean;
}

/** A part of the benchmark that has servers of its own. */
export interface Scenario {
  readonly name: string;
  readonly rows: readonly string[];
  /** How often it is run at most: what takes long, and varies little, needs no three rounds. */
  readonly roundsMax: number;
  readonly measure: (conditions: Conditions) => Promise<readonly Measurement[]>;
}

/** The JVM as `zkServer.sh` starts it, with the heap that the comparison prescribes. */
export const jvm = ['-Xmx1g'];
export const settings = { tickTime: 2000, snapCount: 100_000 };

/** Resident memory of these servers together, in MiB. */
export async function residentMib(members: readonly Member[]): Promise<number> {
  const each = await Promise.all(
    members.map(async ({ pid }) =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]),
    ),
  );
  return each.reduce((sum, kilobytes) => sum + kilobytes, 0) / 1024;
}

/** The kernel counts a process' time in hundredths of a second. */
const CLOCK_TICK_MS = 10;

/** Processor time that these servers have used together, in milliseconds. */
export async function processorMs(members: readonly Member[]): Promise<number> {
  const each = await Promise.all(
    members.map(async ({ pid }) => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8');
      // Behind the name, which is in brackets, come the state and ten numbers, then user and system time.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
    }),
  );
  return each.reduce((sum, ms) => sum + ms, 0);
}
