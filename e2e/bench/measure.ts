import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RawConnection } from '../peers/raw/connection.ts';
import { worldAll } from '../peers/raw/records.ts';
import { Ensemble } from '../support/ensemble.ts';
import { serverMode } from '../support/four-letter.ts';
import { runProgram } from '../support/run-program.ts';
import type { ServerKind } from '../support/server-programs.ts';
import { waitFor } from '../support/wait-for.ts';
import type { LoadOrder, LoadResult, Workload } from './load.ts';

export interface LoadRow {
  readonly name: string;
  readonly workload: Workload;
  readonly payloadBytes: number;
  readonly sessions: number;
  readonly outstanding: number;
}

/** The rows of the table that are loads, in the order in which they run. */
export const loadRows: readonly LoadRow[] = [
  ...(
    [
      ['writes only', 0],
      ['90 % reads', 0.9],
      ['reads only', 1],
    ] as const
  ).map(([name, readShare]) => ({
    name: `${name}, 1 KiB, 30 sessions x 10`,
    workload: { kind: 'mixed', readShare } as const,
    payloadBytes: 1024,
    sessions: 30,
    outstanding: 10,
  })),
  ...(
    [
      ['create', { kind: 'create' }],
      ['set', { kind: 'mixed', readShare: 0 }],
      ['get', { kind: 'mixed', readShare: 1 }],
    ] as const
  ).map(([name, workload]) => ({
    name: `${name}, 100 B, one client, one request at a time`,
    workload,
    payloadBytes: 100,
    sessions: 1,
    outstanding: 1,
  })),
];

export interface Durations {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** What one round found out about one kind of server. */
export interface Round {
  readonly loads: ReadonlyMap<string, LoadResult>;
  readonly startMs: number;
  /** Resident memory of one standalone server that has just started. */
  readonly idleBytes: number;
}

/** The JVM as `zkServer.sh` starts it, with the heap that the comparison prescribes. */
const jvm = ['-Xmx1g'];
const settings = { tickTime: 2000, snapCount: 100_000 };

/** Measures one kind of server, with nothing else running. */
export async function measureRound(kind: ServerKind, directory: string, durations: Durations): Promise<Round> {
  const { startMs, idleBytes } = await measureStart(kind, directory);
  const ensemble = await Ensemble.start({ kind, settings, jvm, directory });
  try {
    const ports = ensemble.members.map((member) => member.clientPort);
    // A first load that nobody measures: both runtimes compile what is hot.
    const [first] = loadRows;
    if (first === undefined) throw new Error('no rows');
    await runLoad(
      ports,
      { ...first, name: 'warm-up', workload: { kind: 'mixed', readShare: 0.5 } },
      '/warm-up',
      durations,
    );
    const loads = new Map<string, LoadResult>();
    for (const [index, row] of loadRows.entries()) {
      loads.set(row.name, await runLoad(ports, row, `/load-${index}`, durations));
    }
    return { loads, startMs, idleBytes };
  } finally {
    await ensemble.stop();
  }
}

async function measureStart(kind: ServerKind, directory: string): Promise<{ startMs: number; idleBytes: number }> {
  const ensemble = await Ensemble.prepare({ kind, size: 1, settings, jvm, directory });
  try {
    const member = ensemble.member(1);
    const startedMs = performance.now();
    await member.start();
    await waitFor('the server serves', () => serverMode(member.clientPort), { intervalMs: 5 });
    const startMs = performance.now() - startedMs;
    const status = await readFile(join('/proc', String(member.pid), 'status'), 'utf8');
    const idleKilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { startMs, idleBytes: idleKilobytes * 1024 };
  } finally {
    await ensemble.stop();
  }
}

async function runLoad(
  ports: readonly number[],
  row: LoadRow,
  root: string,
  durations: Durations,
): Promise<LoadResult> {
  const control = await RawConnection.open({ port: ports[0] ?? 0 });
  await control.do({ op: 'create', path: root, data: null, acl: worldAll, flags: 0 });
  for (const port of ports) {
    const member = await RawConnection.open({ port });
    await member.do({ op: 'sync', path: root });
    await member.close();
  }
  await control.close();
  const { workload, payloadBytes, sessions, outstanding } = row;
  const order: LoadOrder = { ports, root, workload, payloadBytes, sessions, outstanding, ...durations };
  const { exitCode, output } = await runProgram({
    program: process.execPath,
    args: [join(import.meta.dirname, 'load.ts'), JSON.stringify(order)],
    timeoutMs: durations.warmUpMs + durations.measureMs + 60_000,
  });
  if (exitCode !== 0) throw new Error(`the load '${row.name}' failed:\n${output}`);
  return JSON.parse(output) as LoadResult;
}
