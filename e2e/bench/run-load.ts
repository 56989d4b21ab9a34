import { join } from 'node:path';
import { RawConnection } from '../peers/raw/connection.ts';
import { worldAll } from '../peers/raw/records.ts';
import { runProgram } from '../support/run-program.ts';
import type { LoadOrder, LoadResult } from './load.ts';

/**
 * Runs a load in a process of its own, once every server has the znode below which its znodes go.
 * @throws Error with what the load said, where it failed.
 */
export async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const { ports, root, warmUpMs, measureMs } = order;
  const control = await RawConnection.open({ port: ports[0] ?? 0 });
  await control.do({ op: 'create', path: root, data: null, acl: worldAll, flags: 0 });
  for (const port of ports) {
    const member = await RawConnection.open({ port });
    await member.do({ op: 'sync', path: root });
    await member.close();
  }
  await control.close();
  const { exitCode, output } = await runProgram({
    program: process.execPath,
    args: [join(import.meta.dirname, 'load.ts'), JSON.stringify(order)],
    timeoutMs: warmUpMs + measureMs + 60_000,
  });
  if (exitCode !== 0) throw new Error(`the load below ${root} failed:\n${output}`);
  return JSON.parse(output) as LoadResult;
}
