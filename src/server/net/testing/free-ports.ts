import { createServer } from 'node:net';
import { listen, stopListening } from '../listen.ts';

/** Below what the kernel gives to outgoing connections, which would take a port before its server does. */
const LOWEST_PORT = 10_000;
const HIGHEST_PORT = 31_999;

const handedOut = new Set<number>();

/** So many ports of the loopback interface on which nobody listens at the moment, and which this process has not been given before. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await listen(probe, { host: '127.0.0.1', port }, 'tests');
    await stopListening(probe);
    return true;
  } catch {
    return false;
  }
}
