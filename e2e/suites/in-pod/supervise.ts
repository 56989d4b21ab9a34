// Runs a program again and again, at once whenever it ends. Usage: supervise.ts PROGRAM ARGUMENTS...
// Kubernetes would wait longer and longer before it starts a container again that keeps ending.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const [program = '', ...args] = process.argv.slice(2);
let child: ChildProcess | undefined;
process.once('SIGTERM', () => {
  child?.kill('SIGTERM');
  process.exit(0);
});

for (let life = 1; ; life++) {
  child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  const [exitCode, signal]: unknown[] = await once(child, 'exit');
  process.stdout.write(`${JSON.stringify({ supervisor: 'ended', life, exitCode, signal })}\n`);
}
