import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../support/run-program.ts';
import { javaCommand } from '../support/server-programs.ts';

/** A node as Apache ZooKeeper's SnapshotFormatter prints it. */
export interface FormattedNode {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /** As stored: it counts the creations among the children. */
  readonly cversion: number;
  readonly version: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly data: Buffer;
}

export interface FormattedSnapshot {
  readonly nodes: ReadonlyMap<string, FormattedNode>;
  /** Ids of the sessions and their timeouts. */
  readonly sessions: ReadonlyMap<bigint, number>;
}

async function runTool(mainClass: string, args: readonly string[]): Promise<string> {
  const tool = javaCommand(mainClass, args);
  const { exitCode, output } = await runProgram({ ...tool, environment: { LOG_LEVEL: 'OFF' } });
  if (exitCode !== 0) throw new Error(`${mainClass} ${args.join(' ')} ended with ${exitCode}:\n${output}`);
  return output;
}

/** Has Apache ZooKeeper's SnapshotFormatter read a snapshot. @throws Error with its output if it refuses the file */
export async function readSnapshotWithApache(file: string): Promise<FormattedSnapshot> {
  const output = await runTool('org.apache.zookeeper.server.SnapshotFormatter', ['-d', file]);
  const [nodesPart = '', sessionsPart = ''] = output.split('Session Details (sid, timeout, ephemeralCount):');
  const nodes = new Map<string, FormattedNode>();
  for (const block of nodesPart.split('\n----\n')) {
    const path = /^(\/.*)$/m.exec(block)?.[1];
    if (path === undefined) continue;
    const field = (name: string): string => {
      const value = new RegExp(`^ {2}${name} = (.*)$`, 'm').exec(block)?.[1];
      if (value === undefined) throw new Error(`no ${name} in what SnapshotFormatter printed:\n${block}`);
      return value;
    };
    nodes.set(path, {
      czxid: BigInt(field('cZxid')),
      mzxid: BigInt(field('mZxid')),
      pzxid: BigInt(field('pZxid')),
      cversion: Number(field('cversion')),
      version: Number(field('dataVersion')),
      aversion: Number(field('aclVersion')),
      ephemeralOwner: BigInt(field('ephemeralOwner')),
      data: Buffer.from(field('data'), 'base64'),
    });
  }
  const sessions = new Map<bigint, number>();
  for (const [, id, timeoutMs] of sessionsPart.matchAll(/^(0x[0-9a-f]+), (\d+), \d+$/gm)) {
    sessions.set(BigInt(id ?? 0), Number(timeoutMs));
  }
  return { nodes, sessions };
}

export interface DumpedLog {
  /** The transactions that it counts. */
  readonly count: number;
  /** One line or more for each transaction. */
  readonly text: string;
}

/** Has Apache ZooKeeper's TxnLogToolkit read a log. @throws Error with its output if it finds a broken record */
export async function readLogWithApache(file: string): Promise<DumpedLog> {
  const text = await runTool('org.apache.zookeeper.server.persistence.TxnLogToolkit', ['-d', file]);
  const count = /^EOF reached after (\d+) txns\.$/m.exec(text)?.[1];
  if (count === undefined || /CRC ERROR/.test(text))
    throw new Error(`TxnLogToolkit on ${file}:\n${text.slice(0, 4000)}`);
  return { count: Number(count), text };
}

export interface StoredFile {
  readonly path: string;
  /** The zxid in its name: the last one of a snapshot, the first one of a log. */
  readonly zxid: bigint;
}

/** The snapshots, packed or not, or logs of a data directory, oldest first. */
export async function storedFiles(directory: string, kind: 'snapshot' | 'log'): Promise<StoredFile[]> {
  const folder = join(directory, 'version-2');
  const names = await readdir(folder).catch(() => []);
  return names
    .map((name) => ({ name, hex: new RegExp(`^${kind}\\.([0-9a-f]+)(?:\\.gz|\\.snappy)?$`).exec(name)?.[1] }))
    .flatMap(({ name, hex }) => (hex === undefined ? [] : [{ path: join(folder, name), zxid: BigInt(`0x${hex}`) }]))
    .sort((a, b) => Number(a.zxid - b.zxid));
}
