import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What the machine can do at best, whatever the server. */
export interface MachineLimits {
  /** Appending one small transaction and waiting for the disk, by one writer. */
  readonly smallSyncsPerSecond: number;
  /** The same with the transactions of all outstanding requests in one batch. */
  readonly batchSyncsPerSecond: number;
  /** 100 bytes to another process over loopback TCP and back. */
  readonly roundTripsPerSecond: number;
  /** Share of the cores that other processes were using just before: how far the numbers can be trusted. */
  readonly busyShare: number;
}

const measureMs = 1000;

export async function measureLimits(directory: string, batchBytes: number): Promise<MachineLimits> {
  const busyShare = await measureBusyShare();
  return {
    busyShare,
    smallSyncsPerSecond: syncsPerSecond(directory, 256),
    batchSyncsPerSecond: syncsPerSecond(directory, batchBytes),
    roundTripsPerSecond: await roundTripsPerSecond(),
  };
}

async function measureBusyShare(): Promise<number> {
  const times = (): { idle: number; all: number } => {
    const cores = cpus().map((core) => core.times);
    const all = cores.flatMap((core) => Object.values(core)).reduce((sum, ms) => sum + ms, 0);
    return { idle: cores.reduce((sum, core) => sum + core.idle, 0), all };
  };
  const before = times();
  await delay(2 * measureMs);
  const after = times();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

function syncsPerSecond(directory: string, bytes: number): number {
  const path = join(directory, 'fdatasync-probe');
  const file = openSync(path, 'w');
  const preallocated = 64 * 1024 * 1024; // as a log is: the size of the file does not change with each write
  writeSync(file, Buffer.alloc(1), 0, 1, preallocated - 1);
  const batch = Buffer.alloc(bytes, 'x');
  const startMs = performance.now();
  let count = 0;
  while (performance.now() - startMs < measureMs) {
    writeSync(file, batch, 0, bytes, (count * bytes) % (preallocated - bytes));
    fdatasyncSync(file);
    count++;
  }
  const seconds = (performance.now() - startMs) / 1000;
  closeSync(file);
  rmSync(path);
  return count / seconds;
}

async function roundTripsPerSecond(): Promise<number> {
  const echo = `require('node:net').createServer(s => s.setNoDelay(true).pipe(s)).listen(0, '127.0.0.1', function () {
    process.stdout.write(String(this.address().port)); })`;
  const child = spawn(process.execPath, ['-e', echo], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    const socket = connect({ port: Number(port.toString()), host: '127.0.0.1' });
    socket.setNoDelay(true);
    await once(socket, 'connect');
    const message = Buffer.alloc(100, 'x');
    let count = 0;
    const startMs = performance.now();
    while (performance.now() - startMs < measureMs) {
      socket.write(message);
      await once(socket, 'data');
      count++;
    }
    const seconds = (performance.now() - startMs) / 1000;
    socket.destroy();
    return count / seconds;
  } finally {
    child.kill('SIGKILL');
  }
}
